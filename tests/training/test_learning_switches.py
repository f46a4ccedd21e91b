"""Every setting of networks, losses and optimizers does what it says.

Ignored, a test here fails or one nearer to it. Settings of pictures and of computing are in
test_picture_switches.py, those of the run in test_run_switches.py.
"""

from dataclasses import astuple, fields, replace

import pytest
import torch
from torch import Tensor, nn

from colorizer.checkpoints.checkpoint import optimizer_tensors
from colorizer.config.augmentation import AugmentConfig
from colorizer.config.losses import ExtractionLossConfig
from colorizer.config.presets import PRESETS
from colorizer.config.run import OptimizerConfig
from colorizer.training.losses import IMAGENET_MEAN, IMAGENET_STD
from colorizer.training.task import Task
from tests.helpers.tiny_tasks import NO_LOSS, VGG_ALONE, learn, pictures_of


def _moments(task: Task, network: str = "generator") -> dict[str, Tensor]:
    """Adam's: after one step its gradient times 1 - β₁, and the gradient's square times 1 - β₂."""
    learner = task.learners[network]
    return optimizer_tensors(learner.network, learner.optimizer.optimizer)


# ---- The presets


def test_the_papers_presets_have_the_papers_settings():
    """Sec. 3.3 and 4.2."""
    for name in ("attention-aware", "sga", "scft-ca", "scft"):
        config = PRESETS[name]()
        triplet = 1.0 if "scft" in name else 0.0  # Lee et al.'s
        assert astuple(config.loss)[:6] == (30.0, 0.01, 50.0, 1.0, triplet, 12.0)
        assert not config.loss.imagenet_normalization
        rates = config.optimizer.generator_lr, config.optimizer.discriminator_lr
        assert (*rates, *config.optimizer.betas) == (1e-4, 2e-4, 0.5, 0.999)
        assert (config.steps, config.batch_size, config.accumulate) == (250_000, 16, 1)
        assert config.optimizer.schedule == "constant" and config.optimizer.warmup == 0
        assert config.optimizer.ema_decay == 0
        assert (config.network.width, config.network.stages) == (1.0, 5)
        assert config.network.residual_blocks == 4 and config.discriminator_width == 1.0
        assert config.augment == AugmentConfig("diagonal", strength=0.25, border="black")


# ---- The networks


GENERATOR = {
    "attention": "scft",
    "convolutional_attention": False,
    "encoder_batch_norm": False,
    "width": 0.25,
    "stages": 3,
    "residual_blocks": 2,
    "copying": True,
    "picks": 2,
}


@pytest.mark.parametrize("preset", ["attention-aware", "extractor"])
def test_every_setting_of_a_network_builds_another(build, preset):
    def shapes(network: object) -> dict[str, torch.Size]:
        task = build(preset, network=network)
        return {name: t.shape for name, t in task.generator.network.state_dict().items()}

    network = build(preset).config.network
    for field in fields(network):
        value = GENERATOR[field.name] if preset == "attention-aware" else 0.25
        value = 2 if field.name == "stages" else value
        plain = replace(network, copying=True) if field.name == "picks" else network
        assert shapes(replace(plain, **{field.name: value})) != shapes(plain), field.name


def test_the_discriminators_width(build):
    for width in (0.125, 0.5):
        discriminator = build(discriminator_width=width).discriminator.network
        assert discriminator.layers[0].out_channels == 16 * width


def test_the_seed_draws_the_weights(build):
    first, again, other = (build(seed=seed).generator.network.state_dict() for seed in (0, 0, 1))
    name = "decoder.head.weight"
    assert torch.equal(first[name], again[name])
    assert not torch.equal(first[name], other[name])


# ---- The losses


@pytest.mark.parametrize(
    ("preset", "name"),
    [
        *(("demo", name) for name in ("l1", "adversarial", "copying", "place")),
        ("sga", "triplet"),
        *(("extractor-demo", name) for name in ("l1", "adversarial")),
        *(pytest.param("demo", name, marks=pytest.mark.slow) for name in ("perceptual", "style")),
    ],
)
def test_a_losss_weight_multiplies_its_gradient(build, vgg_file, preset, name):
    def moments(weight: float) -> dict[str, Tensor]:
        loss = replace(NO_LOSS, vgg_weights=vgg_file)
        if preset == "extractor-demo":
            loss = ExtractionLossConfig(0.0, 0.0)
        task = build(preset, loss=replace(loss, **{name: weight}))
        learn(task)
        return {n: t for n, t in _moments(task).items() if n.startswith("exp_avg.")}

    once, four_times = moments(1.0), moments(4.0)
    assert max(moment.abs().max() for moment in once.values()) > 0
    for parameter, moment in once.items():
        torch.testing.assert_close(four_times[parameter], 4 * moment, atol=1e-9, rtol=1e-4)


def test_a_loss_of_weight_0_is_neither_computed_nor_built(build):
    outcome = learn(task := build(loss=replace(NO_LOSS, l1=1.0)))
    assert outcome.losses.keys() == {"l1"}
    assert task.vgg_losses is None and task.discriminator is None


def test_the_triplets_margin(build):
    def triplet(margin: float) -> float:
        loss = replace(NO_LOSS, triplet=1.0, triplet_margin=margin)
        return learn(build("sga", loss=loss)).losses["triplet"].item()

    assert triplet(100.0) > triplet(12.0) + 50


def test_the_seed_draws_the_triplets_negatives(build):
    task, other = (build("sga", loss=replace(NO_LOSS, triplet=1.0), seed=seed) for seed in (0, 1))
    pictures = pictures_of(task)
    others = pictures._replace(negatives=pictures_of(other).negatives)
    result = task.generate(pictures)
    assert task.losses(pictures, result)["triplet"] != task.losses(others, result)["triplet"]


@pytest.mark.slow
@pytest.mark.parametrize("normalized", [False, True])
def test_vgg_sees_the_pictures_as_they_are_or_as_imagenets(build, vgg_file, normalized):
    loss = replace(VGG_ALONE, vgg_weights=vgg_file, imagenet_normalization=normalized)
    task = build(loss=loss)
    seen = []
    task.vgg_losses.vgg.stages[0].register_forward_pre_hook(
        lambda _, inputs: seen.append(inputs[0])
    )
    learn(task)
    expected = pictures_of(task).truth
    if normalized:
        mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
        expected = ((expected + 1) / 2 - mean) / std
    torch.testing.assert_close(seen[1], expected)  # after the result's


# ---- The optimizers


def test_each_network_has_its_own_learning_rate(build):
    rates = {"generator": 3e-3, "discriminator": 7e-4}
    task = build(optimizer=OptimizerConfig(*rates.values()))
    before = {name: _weights(task.learners[name].network) for name in rates}
    learn(task)
    for name, rate in rates.items():
        # Adam's first step is as long as the learning rate.
        change = (_weights(task.learners[name].network) - before[name]).abs().max().item()
        assert change == pytest.approx(rate, rel=1e-2), name


def _weights(network: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])


@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_betas_are_adams_decay_rates(build, network):
    def moments(*betas: float) -> list[Tensor]:
        learn(task := build(optimizer=OptimizerConfig(betas=betas)))
        found = _moments(task, network)
        return [
            sum(t.abs().sum() for name, t in found.items() if name.startswith(f"{kind}."))
            for kind in ("exp_avg", "exp_avg_sq")
        ]

    first, second = moments(0.5, 0.999)
    expected = [first * 0.25 / 0.5, second * 0.01 / 0.001]
    torch.testing.assert_close(moments(0.75, 0.99), expected, atol=0, rtol=1e-2)


def test_the_averages_decay(build):
    assert build(optimizer=OptimizerConfig()).average is None
    task = build(optimizer=OptimizerConfig(generator_lr=1e-2, ema_decay=0.125))
    before = _weights(task.generator.network)
    learn(task)
    expected = torch.lerp(_weights(task.generator.network), before, 0.125)
    torch.testing.assert_close(_weights(task.average.network), expected, atol=1e-6, rtol=0)
