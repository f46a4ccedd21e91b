"""Frozen parts: they stay as they were, the rest learns, and all else goes on as without them."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from colorizer.config.losses import LossConfig
from colorizer.config.run import OptimizerConfig
from colorizer.system.errors import UserError
from colorizer.training.train import train
from tests.helpers.runs import metrics_of, tensors_of

ENCODERS = ("line_encoder", "reference_encoder")
FILES = ("generator", "average", "discriminator", "generator_optimizer", "discriminator_optimizer")


@pytest.fixture
def partly(trained, trained_extractor, tiny):
    """`partly("demo", freeze=...)`: a tiny run from another, that learns in parts."""

    def configure(preset="demo", output="partly", **changes):
        source = trained if preset == "demo" else trained_extractor
        return tiny(preset, output=output, **({"start_from": source.output} | changes))

    return configure


def _equal(a, b) -> dict[str, bool]:
    assert a.keys() == b.keys()
    return {name: torch.equal(a[name], b[name]) for name in a}


@pytest.mark.parametrize(
    ("preset", "names"),
    [
        ("demo", ENCODERS),
        ("demo", ("residual_blocks", "decoder.first.0", "copying")),
        ("extractor-demo", ("encoder",)),
    ],
)
def test_frozen_weights_and_statistics_stay_and_all_others_change(
    partly, trained, trained_extractor, preset, names
):
    train(config := partly(preset, freeze=names, steps=2))
    source = trained if preset == "demo" else trained_extractor
    start = tensors_of(source, 2, "average")
    frozen = tuple(f"{name}." for name in names)
    assert all(any(n.startswith(part) for n in start) for part in frozen)
    for file in ("generator", "average"):
        for name, same in _equal(start, tensors_of(config, 2, file)).items():
            if ".mlp." not in name:  # whose hidden layer may be of one dead unit
                assert same == name.startswith(frozen), (file, name)
            assert same or not name.startswith(frozen), (file, name)
    learned = {n.split(".", 1)[1] for n in tensors_of(config, 2, "generator_optimizer")}
    assert learned and not any(name.startswith(frozen) for name in learned)


def test_looks_at_held_out_pictures_leave_frozen_statistics_alone(partly, trained):
    """They bring the generator, which has no average here, into eval mode and back."""
    looks = {"steps": 2, "evaluate_every": 1, "evaluate_count": 1}
    train(config := partly(freeze=ENCODERS, optimizer=OptimizerConfig(1e-3), **looks))
    equal = _equal(tensors_of(trained, 2, "average"), tensors_of(config, 2, "generator"))
    assert all(same for name, same in equal.items() if name.startswith(ENCODERS))
    assert not any(same for name, same in equal.items() if name.startswith("decoder."))


@pytest.mark.slow
def test_a_run_with_frozen_parts_goes_on_as_if_it_had_not_been_stopped(partly):
    looks = {"freeze": ENCODERS, "evaluate_every": 1, "evaluate_count": 1}
    train(whole := partly(output="whole", **looks))
    parts = partly(output="parts", **looks)
    train(replace(parts, steps=1))
    train(parts)
    for name in FILES:
        assert all(_equal(tensors_of(whole, 3, name), tensors_of(parts, 3, name)).values()), name


@pytest.mark.slow
def test_recomputing_changes_nothing(partly):
    train(plain := partly(freeze=ENCODERS, output="plain"))
    train(other := partly(freeze=ENCODERS, output="other", recompute=True))
    for name in FILES:
        assert all(_equal(tensors_of(plain, 3, name), tensors_of(other, 3, name)).values()), name


@pytest.mark.slow
def test_a_compiled_network_learns_the_same(partly, monkeypatch):
    """As torch traces it; the kernels themselves would take minutes."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    torch.compiler.reset()
    loss = LossConfig(perceptual=0.0, style=0.0, adversarial=0.0)
    # Adam's first updates go by the signs of gradients, the least of which rounding decides.
    small = {"freeze": ENCODERS, "loss": loss, "optimizer": OptimizerConfig(1e-4)}
    train(plain := partly(output="plain", **small))
    train(other := partly(output="other", compile=True, **small))
    losses = [[line["loss/l1"] for line in metrics_of(config)] for config in (plain, other)]
    assert losses[1] == pytest.approx(losses[0], rel=2e-3)
    for name, same in _equal(*(tensors_of(c, 3, "generator") for c in (plain, other))).items():
        assert same or not name.startswith(ENCODERS), name


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (
            ("encoder",),
            "--freeze encoder: the generator has no part 'encoder'; those it has:"
            " line_encoder, reference_encoder, residual_blocks, decoder, copying.",
        ),
        (("decoder.third",), "decoder has no part 'third'; those it has: first, second, head."),
        (("decoder.head.weight",), "head has no part 'weight'; those it has: none."),
        (("",), "the generator has no part ''"),
        (
            (*ENCODERS, "residual_blocks", "decoder", "copying"),
            "nothing would be left to learn; name fewer.",
        ),
    ],
)
def test_names_that_cannot_be_are_refused_before_anything_is_built(
    partly, monkeypatch, names, words
):
    monkeypatch.setattr("colorizer.training.train.build_task", None)
    with pytest.raises(UserError) as error:
        train(config := partly(freeze=names))
    assert words in str(error.value)
    assert not config.output.exists()


def test_random_weights_are_not_frozen(tiny):
    with pytest.raises(UserError, match=r"--freeze decoder: without --start-from .* are random;"):
        train(config := tiny(freeze=("decoder",)))
    assert not config.output.exists()


def test_other_frozen_parts_make_another_run(partly):
    train(config := partly(freeze=ENCODERS, steps=1))
    with pytest.raises(UserError, match=r"freeze was \['line_encoder', 'reference_encoder'\], is"):
        train(replace(config, steps=2, freeze=ENCODERS[:1]))
