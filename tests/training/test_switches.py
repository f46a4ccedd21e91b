"""Every setting of a training does what it says: ignored, a test here fails or one nearer to it.

Those of the run (what is written when, order, processes) are in test_run_switches.py.
"""

from collections.abc import Callable
from dataclasses import astuple, fields, replace
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounterWithBackend
from torch._dynamo.utils import counters

from colorizer.checkpoints.checkpoint import optimizer_tensors
from colorizer.config.augmentation import AugmentConfig, DegradeConfig
from colorizer.config.losses import ExtractionLossConfig, LossConfig
from colorizer.config.presets import PRESETS
from colorizer.config.references import ReferencesConfig
from colorizer.config.run import OptimizerConfig
from colorizer.loading.batch import Batch
from colorizer.loading.dataset import TrainingData
from colorizer.training.losses import IMAGENET_MEAN, IMAGENET_STD
from colorizer.training.start import start_accelerator
from colorizer.training.task import StepResult, Task
from colorizer.training.train import build_task, open_data
from tests.helpers.kept import kept_for_backward

Build = Callable[..., Task]
NO_LOSS = LossConfig(0.0, 0.0, 0.0, 0.0, 0.0)
VGG_ALONE = replace(NO_LOSS, style=1.0)


@pytest.fixture
def build(tiny) -> Build:
    """`build("extractor-demo", loss=...)`: the task of a tiny run, before its first step."""

    def make(preset: str = "demo", **changes: object) -> Task:
        config = tiny(preset, **changes)
        return build_task(config, start_accelerator(config))

    return make


def _batch(task: Task) -> Batch:
    batch = open_data(task.config).load([0, 1, 2, 3], task.draw_parameters)
    if getattr(task, "vgg_losses", None) is None:
        return batch
    middle = slice(24, 40)  # of 64: VGG takes seconds otherwise
    color, line = (t[:, middle, middle] for t in (batch.color, batch.line))
    parameters = task.draw_parameters(batch.numbers, (16, 16))
    return Batch.of(color, line, parameters, batch.numbers, batch.keys)


def _pictures(task: Task):
    return task.augmented(*task.on_device(_batch(task)))


def _learn(task: Task) -> StepResult:
    return task.step(_batch(task))


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
        *(("demo", name) for name in ("l1", "adversarial", "copying")),
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
        _learn(task)
        return {n: t for n, t in _moments(task).items() if n.startswith("exp_avg.")}

    once, four_times = moments(1.0), moments(4.0)
    assert max(moment.abs().max() for moment in once.values()) > 0
    for parameter, moment in once.items():
        torch.testing.assert_close(four_times[parameter], 4 * moment, atol=1e-9, rtol=1e-4)


def test_a_loss_of_weight_0_is_neither_computed_nor_built(build):
    outcome = _learn(task := build(loss=replace(NO_LOSS, l1=1.0)))
    assert outcome.losses.keys() == {"l1"}
    assert task.vgg_losses is None and task.discriminator is None


def test_the_triplets_margin(build):
    def triplet(margin: float) -> float:
        loss = replace(NO_LOSS, triplet=1.0, triplet_margin=margin)
        return _learn(build("sga", loss=loss)).losses["triplet"].item()

    assert triplet(100.0) > triplet(12.0) + 50


def test_the_seed_draws_the_triplets_negatives(build):
    task, other = (build("sga", loss=replace(NO_LOSS, triplet=1.0), seed=seed) for seed in (0, 1))
    pictures = _pictures(task)
    others = pictures._replace(negatives=_pictures(other).negatives)
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
    _learn(task)
    expected = _pictures(task).truth
    if normalized:
        mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
        expected = ((expected + 1) / 2 - mean) / std
    torch.testing.assert_close(seen[1], expected)  # after the result's


# ---- The optimizers


def test_each_network_has_its_own_learning_rate(build):
    rates = {"generator": 3e-3, "discriminator": 7e-4}
    task = build(optimizer=OptimizerConfig(*rates.values()))
    before = {name: _weights(task.learners[name].network) for name in rates}
    _learn(task)
    for name, rate in rates.items():
        # Adam's first step is as long as the learning rate.
        change = (_weights(task.learners[name].network) - before[name]).abs().max().item()
        assert change == pytest.approx(rate, rel=1e-2), name


def _weights(network: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])


@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_betas_are_adams_decay_rates(build, network):
    def moments(*betas: float) -> list[Tensor]:
        _learn(task := build(optimizer=OptimizerConfig(betas=betas)))
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
    _learn(task)
    expected = torch.lerp(_weights(task.generator.network), before, 0.125)
    torch.testing.assert_close(_weights(task.average.network), expected, atol=1e-6, rtol=0)


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


@pytest.mark.parametrize("name", [f.name for f in fields(AugmentConfig)])
def test_every_setting_of_the_augmentation_changes_what_it_says(build, name):
    value, changed = AUGMENT[name]
    plain = AugmentConfig("grid" if name == "grid" else "diagonal")
    _assert_changed(build, "demo", "augment", plain, replace(plain, **{name: value}), changed)


@pytest.mark.parametrize("name", [f.name for f in fields(DegradeConfig)])
def test_every_setting_of_the_degradation_changes_what_it_says(build, name):
    value, changed = DEGRADE[name]
    other = replace(DegradeConfig(), **{name: value})
    _assert_changed(build, "extractor-demo", "degrade", DegradeConfig(), other, changed)


def _assert_changed(
    build: Build, preset: str, field: str, plain: object, other: object, changed: set[str]
) -> None:
    one, two = (_pictures(build(preset, **{field: config})) for config in (plain, other))
    pictures = set(one._fields) - {"grid"}
    assert {n for n in pictures if not torch.equal(getattr(one, n), getattr(two, n))} == changed


@pytest.mark.parametrize("preset", ["demo", "extractor-demo"])
def test_the_seed_draws_the_augmentation(build, preset):
    one, two = (_pictures(build(preset, seed=seed)) for seed in (0, 1))
    assert not torch.equal(*(p.reference if preset == "demo" else p.color for p in (one, two)))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_share_of_references_from_the_group(build, share):
    augment, references = AugmentConfig(strength=0.0), ReferencesConfig(same_group=share)
    task = build("scft", references=references, augment=augment)
    pictures = _pictures(task)
    own = torch.isclose(pictures.reference, pictures.truth, atol=1e-3).flatten(1).all(1)
    assert own.all() if share == 0 else not own.any()
    losses = _learn(task).losses
    assert (losses["triplet"] == 0) == (share == 1)  # of true matches it learns


# ---- How it is computed


PRECISIONS = {"bf16": torch.bfloat16, "no": torch.float32, "auto": torch.float32}  # on a CPU


@pytest.mark.parametrize("precision", PRECISIONS)
def test_generator_and_discriminator_compute_in_the_precision_asked_for(build, precision):
    task = build(mixed_precision=precision)
    seen = [_computed_in(learner.network) for learner in (task.generator, task.discriminator)]
    _learn(task)
    assert seen == [{PRECISIONS[precision]}] * 2


@pytest.mark.slow
@pytest.mark.parametrize("precision", PRECISIONS)
def test_vgg_computes_in_the_precision_asked_for(build, vgg_file, precision):
    task = build(loss=replace(VGG_ALONE, vgg_weights=vgg_file), mixed_precision=precision)
    seen = _computed_in(task.vgg_losses.vgg)
    _learn(task)
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
        pictures = _pictures(task)
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
    _learn(build())
