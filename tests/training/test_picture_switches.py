"""Every setting of what the networks see, and of how it is computed, does what it says.

Ignored, a test here fails or one nearer to it. Settings of what is learned are in
test_learning_switches.py, those of the run in test_run_switches.py.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from typing import NamedTuple

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounterWithBackend
from torch._dynamo.utils import counters

from colorizer.config.augmentation import AugmentConfig, DegradeConfig
from colorizer.config.losses import LossConfig
from colorizer.config.references import ReferencesConfig
from colorizer.loading.dataset import TrainingData
from tests.helpers.kept import kept_for_backward
from tests.helpers.tiny_tasks import VGG_ALONE, learn, pictures_of

# ---- What the networks see


# Another value than the default of each, and what it changes.
AUGMENT = {
    "control": ("grid", {"reference"}),
    "grid": (2, {"reference"}),
    "strength": (0.1, {"reference"}),
    "scale": (0.5, {"reference"}),
    "turn": (0.3, {"reference"}),
    "shift": (0.3, {"reference"}),
    "border": ("white", {"reference"}),
    "flip": (1.0, {"line", "truth", "reference"}),
    "flip_reference": (1.0, {"reference"}),
    "zoom": ((0.5, 2.0), {"line", "truth", "reference"}),
    "hue": (0.3, {"truth", "reference"}),
    "saturation": (0.5, {"truth", "reference"}),
    "brightness": (0.5, {"truth", "reference"}),
}
DEGRADE = {
    **dict.fromkeys((f.name for f in fields(DegradeConfig)), (0.0, {"color"})),
    **dict.fromkeys(("chance", "flip"), (0.0, {"color", "line"})),
    "zoom": ((1.0, 1.0), {"color", "line"}),
    "jpeg": (100, {"color"}),
}


@pytest.fixture(scope="module")
def _seen_before() -> dict[object, NamedTuple]:
    """The pictures of all settings so far."""
    return {}


@pytest.fixture
def seen(build, _seen_before) -> Callable[..., NamedTuple]:
    """`seen("demo", augment=...)`: what the networks see; made once for the same settings."""

    def see(preset: str, **config: AugmentConfig | DegradeConfig) -> NamedTuple:
        key = preset, *config.items()
        if key not in _seen_before:
            _seen_before[key] = pictures_of(build(preset, **config))
        return _seen_before[key]

    return see


@pytest.mark.parametrize("name", [f.name for f in fields(AugmentConfig)])
def test_every_setting_of_the_augmentation_changes_what_it_says(seen, name):
    value, changed = AUGMENT[name]
    plain = AugmentConfig("grid" if name == "grid" else "diagonal")
    _assert_changed(
        seen("demo", augment=plain), seen("demo", augment=replace(plain, **{name: value})), changed
    )


@pytest.mark.parametrize("name", [f.name for f in fields(DegradeConfig)])
def test_every_setting_of_the_degradation_changes_what_it_says(seen, name):
    value, changed = DEGRADE[name]
    plain, other = DegradeConfig(), replace(DegradeConfig(), **{name: value})
    _assert_changed(
        seen("extractor-demo", degrade=plain), seen("extractor-demo", degrade=other), changed
    )


def _assert_changed(one: NamedTuple, two: NamedTuple, changed: set[str]) -> None:
    pictures = set(one._fields) - {"grid"}
    assert {n for n in pictures if not torch.equal(getattr(one, n), getattr(two, n))} == changed


@pytest.mark.parametrize("preset", ["demo", "extractor-demo"])
def test_the_seed_draws_the_augmentation(build, preset):
    one, two = (pictures_of(build(preset, seed=seed)) for seed in (0, 1))
    assert not torch.equal(*(p.reference if preset == "demo" else p.color for p in (one, two)))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_share_of_references_from_the_group(build, share):
    augment, references = AugmentConfig(strength=0.0), ReferencesConfig(same_group=share)
    task = build("scft", references=references, augment=augment)
    pictures = pictures_of(task)
    own = torch.isclose(pictures.reference, pictures.truth, atol=1e-3).flatten(1).all(1)
    assert own.all() if share == 0 else not own.any()
    losses = learn(task).losses
    assert (losses["triplet"] == 0) == (share == 1)  # of true matches it learns


# ---- How it is computed


PRECISIONS = {"bf16": torch.bfloat16, "no": torch.float32, "auto": torch.float32}  # on a CPU


@pytest.mark.parametrize("precision", PRECISIONS)
def test_generator_and_discriminator_compute_in_the_precision_asked_for(build, precision):
    task = build(mixed_precision=precision)
    seen = [_computed_in(learner.network) for learner in (task.generator, task.discriminator)]
    learn(task)
    assert seen == [{PRECISIONS[precision]}] * 2


@pytest.mark.slow
@pytest.mark.parametrize("precision", PRECISIONS)
def test_vgg_computes_in_the_precision_asked_for(build, vgg_file, precision):
    task = build(loss=replace(VGG_ALONE, vgg_weights=vgg_file), mixed_precision=precision)
    seen = _computed_in(task.vgg_losses.vgg)
    learn(task)
    assert seen == {PRECISIONS[precision]}


def _computed_in(network: nn.Module) -> set[torch.dtype]:
    """Gets the type of what each layer with weights gives from now on."""
    types = set()
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(lambda _, inputs, output: types.add(output.dtype) or None)
    return types


@pytest.mark.slow
def test_recompute_keeps_less_for_the_backward_pass(build, vgg_file):
    def kept(recompute: bool) -> dict[str, int]:
        task = build(loss=replace(VGG_ALONE, vgg_weights=vgg_file), recompute=recompute)
        pictures = pictures_of(task)
        picture = pictures.truth.requires_grad_()
        return {
            "generator": kept_for_backward(task.generator.network, lambda: task.generate(pictures)),
            "vgg": kept_for_backward(task.vgg_losses.vgg, lambda: task.vgg_losses.vgg(picture)),
        }

    plain, less = kept(False), kept(True)
    for network in plain:
        assert less[network] < 0.6 * plain[network], network


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["attention-aware", "scft", "extractor"])
def test_compile_makes_a_graph_of_each_part_and_breaks_none(build, vgg_file, monkeypatch, preset):
    """Parts: augmentation, generator, VGG's losses; the discriminator as it learns and judges."""
    counter = CompileCounterWithBackend("eager")
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=counter))
    torch.compiler.reset()
    counters.clear()
    extraction = preset == "extractor"
    changes = {} if extraction else {"loss": LossConfig(triplet=1.0, vgg_weights=vgg_file)}
    task = build(preset, compile=True, **changes)
    batch = TrainingData(task.config.training_shards, 0, 16).load([0, 1], task.draw_parameters)
    for _ in range(2):
        task.step(batch)
    assert not counters["graph_break"]
    assert counter.frame_count == (4 if extraction else 5)


def test_nothing_is_compiled_unless_asked_for(build, monkeypatch):
    monkeypatch.setattr(torch, "compile", None)
    learn(build())
