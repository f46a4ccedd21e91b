"""Settings as JSON: what is written is read back, and nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from colorizer.config.presets import PRESETS
from colorizer.config.training import ColorizationConfig, ExtractorTraining, GeneratorConfig
from colorizer.config.validation import BOUNDS, check_bounds, flatten, from_json, to_json
from colorizer.system.errors import UserError


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_comes_back(preset):
    config = PRESETS[preset](Path("a"), Path("b"))
    assert from_json(type(config), to_json(config)) == config


@given(
    st.builds(
        ColorizationConfig,
        data=st.just(Path("a")),
        output=st.just(Path("b c")),
        steps=st.integers(),
        bad_samples=st.floats(allow_nan=False, allow_infinity=False),
        log_with=st.lists(st.text()).map(tuple),
        mixed_precision=st.sampled_from(["auto", "no"]),
        network=st.builds(GeneratorConfig, width=st.floats(0, 9), stages=st.integers()),
    )
)
def test_any_settings_come_back(config):
    assert from_json(ColorizationConfig, to_json(config)) == config


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("steps", 1.5, "steps is 1.5"),
        ("steps", True, "steps is True"),
        ("steps", None, "steps is None"),
        ("log_samples", 1, "log_samples is 1"),
        ("bad_samples", float("inf"), "bad_samples is inf"),
        pytest.param("bad_samples", 10**400, "bad_samples is 1000", id="an endless integer"),
        ("bad_samples", "0", "bad_samples is '0'"),
        ("mixed_precision", "int4", "mixed_precision is 'int4'"),
        ("log_with", "wandb", "log_with is 'wandb'"),
        ("log_with", [1], "log_with is 1"),
        ("data", 3, "data is 3"),
        ("loss", [], r"loss is \[\], no settings"),
        ("task", "extraction", "task is 'extraction'"),
        ("surprise", 1, "surprise is unknown"),
    ],
)
def test_another_kind_of_value_is_refused_by_name(name, value, words):
    content = to_json(PRESETS["demo"](Path("a"), Path("b"))) | {name: value}
    with pytest.raises(ValueError, match=words):
        from_json(ColorizationConfig, content)


def test_a_missing_setting_and_other_settings_are_refused():
    content = to_json(PRESETS["demo"](Path("a"), Path("b")))
    del content["loss"]["style"]
    with pytest.raises(ValueError, match=r"loss\.style is missing"):
        from_json(ColorizationConfig, content)
    with pytest.raises(ValueError, match=r"is unknown|is missing"):
        from_json(ExtractorTraining, content)
    with pytest.raises(ValueError, match="the whole is None"):
        from_json(ColorizationConfig, None)


def test_bounds():
    config = PRESETS["demo"](Path("a"), Path("b"))
    check_bounds(to_json(config))
    with pytest.raises(UserError, match=r"--timeout is 0\.5; it must be from 1 to"):
        check_bounds(to_json(replace(config, timeout=0.5)))
    with pytest.raises(UserError, match="--bad-samples is 2"):
        check_bounds(to_json(replace(config, bad_samples=2)))


def _numbers(preset: str) -> dict[str, float]:
    """Every setting of a preset that is a number, or the first of several."""
    settings = flatten(to_json(PRESETS[preset](Path("a"), Path("b"))))
    firsts = {name: v[0] if isinstance(v, list) and v else v for name, v in settings.items()}
    return {name: v for name, v in firsts.items() if type(v) in (int, float)}


@pytest.mark.parametrize("preset", ["attention-aware", "extractor"])
@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_every_number_has_bounds_and_must_be_finite(preset, value):
    numbers = _numbers(preset)
    assert len(numbers) > 20 and numbers.keys() <= BOUNDS.keys()
    for name in numbers:
        option = f"--{name.replace('_', '-')}"
        with pytest.raises(UserError, match=rf"{option} is {value}; it must be (finite|at |from )"):
            check_bounds({name: value})


def test_a_seed_is_one_that_torch_takes():
    check_bounds({"seed": 2**64 - 1})
    torch.Generator().manual_seed(2**64 - 1)
    with pytest.raises(UserError, match="--seed is 18446744073709551616; it must be from 0 to"):
        check_bounds({"seed": 2**64})
