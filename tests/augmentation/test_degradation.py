"""Degraded drawings: what changes, what must not."""

from dataclasses import fields, replace

import pytest
import torch

from colorizer.augmentation.degradation import (
    DegradationParameters,
    blurred,
    covered,
    degrade,
    draw_parameters,
)
from colorizer.characters import draw, sample_character, sample_pose
from colorizer.config.augmentation import DegradeConfig

KINDS = [f.name for f in fields(DegradeConfig) if f.name not in ("chance", "flip", "zoom")]
OFF = DegradeConfig(
    chance=1.0, flip=0.0, zoom=(1.0, 1.0), **dict.fromkeys(KINDS, 0) | {"jpeg": 100}
)


@pytest.fixture(scope="module")
def drawn():
    """Four characters: 4×64×64×3 colour and 4×64×64 line."""
    drawings = [draw(sample_character(n), sample_pose(n, 0), 64) for n in range(4)]
    color = torch.stack([torch.from_numpy(d.color) for d in drawings])
    return color, torch.stack([torch.from_numpy(d.line) for d in drawings])


def _signed(picture):
    return picture.float() / 127.5 - 1


def test_with_all_off_nothing_changes(drawn):
    color, line = drawn
    result = degrade(draw_parameters(OFF, 0, range(4)), color, line)
    torch.testing.assert_close(result.color, _signed(color).permute(0, 3, 1, 2), atol=1e-4, rtol=0)
    torch.testing.assert_close(result.line, _signed(line)[:, None], atol=1e-4, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_changes_the_picture_and_leaves_the_line(drawn, kind):
    color, line = drawn
    config = replace(OFF, **{kind: getattr(DegradeConfig(), kind)})
    result = degrade(draw_parameters(config, 0, range(4)), color, line)
    change = (result.color - _signed(color).permute(0, 3, 1, 2)).abs().mean((1, 2, 3))
    assert change.max() > 0.01
    assert result.color.abs().max() <= 1 and result.color.isfinite().all()
    torch.testing.assert_close(result.line, _signed(line)[:, None], atol=1e-4, rtol=0)


def test_all_depends_on_seed_and_n_alone(drawn):
    color, line = drawn
    config = DegradeConfig()
    numbers = [3, 40, 500, 6]
    whole = degrade(draw_parameters(config, 7, numbers), color, line)
    for place, n in enumerate(numbers):
        one = slice(place, place + 1)
        alone = degrade(draw_parameters(config, 7, [n]), color[one], line[one])
        torch.testing.assert_close(alone.color, whole.color[one], atol=2e-2, rtol=0)
        assert (alone.color - whole.color[one]).abs().mean() < 1e-4
        torch.testing.assert_close(alone.line, whole.line[one])
    again = degrade(draw_parameters(config, 7, numbers), color, line)
    assert torch.equal(again.color, whole.color)
    other = degrade(draw_parameters(config, 8, numbers), color, line)
    assert not torch.equal(other.color, whole.color)


def test_zoom_and_mirroring_move_colour_and_line_together(drawn):
    """A picture that is its own line drawing remains that."""
    _, line = drawn
    config = replace(OFF, flip=0.5, zoom=(0.7, 2.5))
    parameters = draw_parameters(config, 1, range(4))
    assert len(set(parameters.flip.tolist())) == 2
    result = degrade(parameters, line.unsqueeze(3).expand(-1, -1, -1, 3), line)
    assert (result.line - _signed(line)[:, None]).abs().mean() > 0.1
    torch.testing.assert_close(result.color, result.line.expand(-1, 3, -1, -1))


def test_a_chance_of_0_touches_nothing_and_of_a_half_touches_half():
    never = draw_parameters(replace(DegradeConfig(), chance=0.0, flip=0.0), 0, range(20))
    assert never.zoom.eq(1).all() and not never.inked.any() and never.jpeg.eq(100).all()
    half = draw_parameters(replace(DegradeConfig(), chance=0.5), 0, range(400))
    for touched in (half.zoom != 1, half.inked, half.blur > 0, half.jpeg < 100, half.haze > 0):
        assert 0.4 < touched.float().mean() < 0.6


def test_a_fill_has_no_ink_left():
    clean = torch.full((1, 3, 40, 40), 0.8)
    ink = torch.zeros(1, 1, 40, 40)
    ink[..., 20:23, :] = 1
    ink[..., 23, :] = 0.5
    fill = covered(torch.lerp(clean, torch.tensor(0.1), ink), ink)
    torch.testing.assert_close(fill, clean)


def test_a_picture_that_is_all_ink_gives_finite_numbers():
    black = torch.zeros(1, 32, 32, 3, dtype=torch.uint8)
    result = degrade(draw_parameters(DegradeConfig(), 0, [1]), black, black[..., 0])
    assert result.color.isfinite().all()


def test_blur_spreads_a_point_as_wide_as_sigma_says():
    point = torch.zeros(2, 1, 21, 21)
    point[..., 10, 10] = 1
    spread = blurred(point, torch.tensor([0.0, 1.2]))
    assert torch.equal(spread[0], point[0])
    places = torch.arange(21.0) - 10
    variance = (spread[1, 0].sum(0) * places**2).sum()
    torch.testing.assert_close(variance, torch.tensor(1.44), atol=0.02, rtol=0)


def test_parameters_have_an_entry_for_each_sample():
    parameters = draw_parameters(DegradeConfig(), 0, range(3))
    assert isinstance(parameters, DegradationParameters)
    assert all(len(p) == 3 for p in parameters)
