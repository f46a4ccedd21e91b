"""Settings as JSON: what is written is read back, and nothing else."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colorizer.config.networks import GeneratorConfig
from colorizer.config.presets import PRESETS
from colorizer.config.serialization import from_json, to_json
from colorizer.config.training import ColorizationConfig, ExtractorTraining


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_comes_back(preset):
    config = PRESETS[preset](Path("a"), Path("b"))
    assert from_json(type(config), to_json(config)) == config


@settings(max_examples=50)  # each draws dozens of values
@given(
    st.builds(
        ColorizationConfig,
        data=st.just((Path("a"), Path("b"))),
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
