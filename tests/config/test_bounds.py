"""The ranges of settings: every number has one, at its field."""

import dataclasses
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import torch

from colorizer.config.augmentation import AugmentConfig, DegradeConfig
from colorizer.config.bounds import bounds_of, check_bounds
from colorizer.config.presets import PRESETS
from colorizer.config.training import TrainConfig
from colorizer.system.errors import UserError

DEMO = PRESETS["demo"](Path("a"), Path("b"))


def test_bounds():
    check_bounds(DEMO)
    with pytest.raises(UserError, match=r"--timeout is 0\.5; it must be from 1 to"):
        check_bounds(replace(DEMO, timeout=0.5))
    with pytest.raises(UserError, match="--bad-samples is 2"):
        check_bounds(replace(DEMO, bad_samples=2))


def test_a_part_of_the_settings_has_a_prefix():
    with pytest.raises(UserError, match=r"--network\.stages is 1; it must be from 2 to 10"):
        check_bounds(replace(DEMO.network, stages=1), "network.")


def test_each_of_several_numbers_has_the_bounds():
    optimizer = replace(DEMO.optimizer, betas=(0.5, 1.0))
    with pytest.raises(UserError, match=r"--optimizer\.betas is 1\.0; it must be from 0 to 0\.9"):
        check_bounds(replace(DEMO, optimizer=optimizer))


@pytest.mark.parametrize("kind", [AugmentConfig, DegradeConfig])
def test_a_range_goes_from_the_smaller_to_the_larger(kind):
    check_bounds(kind(zoom=(0.5, 0.5)))
    with pytest.raises(UserError, match=r"--zoom is 2\.0 0\.5; give the smaller number first"):
        check_bounds(kind(zoom=(2.0, 0.5)))


def test_the_zoom_of_drawings_has_bounds():
    check_bounds(AugmentConfig(zoom=(0.25, 4.0)))
    for zoom in ((0.2, 1.0), (1.0, 4.1)):
        with pytest.raises(UserError, match=r"--zoom is .*; it must be from 0\.25 to 4"):
            check_bounds(AugmentConfig(zoom=zoom))


def _numbers(settings: Any) -> Iterator[tuple[Any, str, Any]]:
    """Settings, the name of a number or of several in them, and its annotation."""
    kinds = get_type_hints(type(settings), include_extras=True)
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if dataclasses.is_dataclass(value):
            yield from _numbers(value)
        first = value[0] if isinstance(value, tuple) and value else value
        if type(first) in (int, float):
            yield settings, field.name, kinds[field.name]


def _with(settings: Any, name: str, number: float) -> Any:
    several = isinstance(getattr(settings, name), tuple)
    return replace(settings, **{name: (number, number) if several else number})


@pytest.mark.parametrize("preset", ["attention-aware", "extractor"])
@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_every_number_has_bounds_and_must_be_finite(preset, value):
    config: TrainConfig = PRESETS[preset](Path("a"), Path("b"))
    numbers = list(_numbers(config))
    assert len(numbers) > 40
    for settings, name, kind in numbers:
        assert len(bounds_of(kind)) == 1, name
        option = f"--{name.replace('_', '-')}"
        with pytest.raises(UserError, match=rf"{option} is {value}; it must be (finite|at |from )"):
            check_bounds(_with(settings, name, value))


def test_a_seed_is_one_that_torch_takes():
    check_bounds(replace(DEMO, seed=2**64 - 1))
    torch.Generator().manual_seed(2**64 - 1)
    with pytest.raises(UserError, match="--seed is 18446744073709551616; it must be from 0 to"):
        check_bounds(replace(DEMO, seed=2**64))
