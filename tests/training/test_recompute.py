"""Activations computed again, and compiled networks: the same training, in other memory or time."""

import json
from functools import partial

import pytest
import torch
from safetensors.torch import load
from torch import nn
from torchvision.models import vgg19

from colorizer.config.losses import LossConfig
from colorizer.config.networks import GeneratorConfig
from colorizer.networks.blocks import DecoderLayer, EncoderLayer, ResidualBlock
from colorizer.networks.generator import Generator
from colorizer.system.errors import UserError
from colorizer.training.losses import VGGFeatures, VGGStage
from colorizer.training.recompute import recompute_activations
from colorizer.training.train import train
from tests.helpers.kept import kept_for_backward

pytestmark = pytest.mark.slow


def _last_checkpoint(config):
    folder = config.output / "checkpoints" / f"step-{config.steps:08d}"
    return {path.name: load(path.read_bytes()) for path in folder.glob("*.safetensors")}


def _l1(config):
    lines = (config.output / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["loss/l1"] for line in lines]


@pytest.mark.parametrize("precision", ["no", "bf16"])
@pytest.mark.parametrize("preset", ["demo", "scft", "extractor"])
def test_recomputing_changes_nothing_that_is_learned(tiny, preset, precision):
    """Weights, batch norm's statistics and counters, Adam's moments."""
    plain, other = (
        tiny(preset, output=name, mixed_precision=precision, recompute=name == "other")
        for name in ("plain", "other")
    )
    train(plain)
    train(other)
    wanted, found = _last_checkpoint(plain), _last_checkpoint(other)
    assert wanted.keys() == found.keys()
    for file, tensors in wanted.items():
        for name, tensor in tensors.items():
            assert torch.equal(tensor, found[file][name]), (file, name)


def test_a_run_may_be_continued_with_recomputing(tiny):
    train(tiny(steps=2))
    train(again := tiny(steps=4, recompute=True))
    train(whole := tiny(steps=4, output="whole"))
    assert _l1(again) == _l1(whole)


def test_batch_norm_counts_a_batch_once():
    part = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    x = torch.rand(2, 1, 8, 8, requires_grad=True)
    recompute_activations(part, nn.Sequential)
    part(x).sum().backward()
    assert part[1].num_batches_tracked == 1
    expected = 0.1 * part[0](x).mean((0, 2, 3))
    torch.testing.assert_close(part[1].running_mean, expected.detach())
    assert part[1].momentum == 0.1


def test_recomputing_keeps_less_than_half():
    torch.manual_seed(0)
    generator = Generator(width=0.25, residual_blocks=1)
    line, reference = torch.rand(2, 1, 128, 128), torch.rand(2, 3, 128, 128)
    before = kept_for_backward(generator, lambda: generator(line, reference))
    recompute_activations(generator, EncoderLayer, ResidualBlock, DecoderLayer)
    assert kept_for_backward(generator, lambda: generator(line, reference)) < before / 2


def test_vggs_features_and_gradient_stay_what_they_are():
    torch.manual_seed(0)
    vgg = VGGFeatures(vgg19().state_dict())
    picture = torch.rand(1, 3, 32, 32, requires_grad=True)

    def features_and_gradient():
        maps = vgg(picture)
        return maps, torch.autograd.grad(sum(m.square().mean() for m in maps), picture)

    maps, (gradient,) = features_and_gradient()
    recompute_activations(vgg, VGGStage)
    again, (gradient_again,) = features_and_gradient()
    assert all(torch.equal(a, b) for a, b in zip(maps, again, strict=True))
    assert torch.equal(gradient, gradient_again)


def test_compiled_networks_learn_the_same(tiny, monkeypatch):
    # Kernels take minutes to write here; benchmarks/gpu.py's rehearsal holds theirs to a step.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    small = {
        "network": GeneratorConfig(width=0.125, stages=2, residual_blocks=1),
        "loss": LossConfig(perceptual=0.0, style=0.0, triplet=1.0),
        "steps": 5,
        "sample_every": 2,
    }
    plain, other = tiny(output="plain", **small), tiny(output="other", compile=True, **small)
    train(plain)
    torch.compiler.reset()  # another test may have compiled the discriminator for an extractor
    # The discriminator is compiled with and without gradients for what it sees, and never again.
    with torch._dynamo.config.patch(recompile_limit=2, fail_on_recompile_limit_hit=True):
        train(other)
    assert len(set(_l1(plain))) == 5  # each step's follows from the update before
    assert _l1(other)[0] == pytest.approx(_l1(plain)[0], rel=1e-5)
    # Adam's first updates go by the signs of gradients, the least of which rounding decides.
    assert _l1(other) == pytest.approx(_l1(plain), rel=2e-3)
    assert _last_checkpoint(other).keys() == _last_checkpoint(plain).keys()


def test_both_at_once_are_refused(tiny):
    with pytest.raises(UserError, match="--compile and --recompute do not go together"):
        train(tiny(compile=True, recompute=True))
