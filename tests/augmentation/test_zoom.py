"""Zoom: drawings at several scales, and what corresponds then."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from colorizer.augmentation.distortion import (
    BORDER_VALUE,
    Augmented,
    ReferencePictures,
    augment,
    draw_parameters,
    warp,
)
from colorizer.augmentation.zoom import draw_windows, resampled, resampling
from colorizer.config.augmentation import AugmentConfig
from colorizer.training.losses import tokens_come_from

STILL = AugmentConfig(strength=0.0, border="white")
SIDE = 64


def _picture(count: int = 1) -> tuple[Tensor, Tensor]:
    """Its red and green tell every place from every other; blue is 0. Its line is its red."""
    ramp = torch.arange(SIDE) * 3
    red, green = torch.meshgrid(ramp, ramp, indexing="xy")
    color = torch.stack([red, green, torch.zeros_like(red)], 2).to(torch.uint8)
    return color.expand(count, -1, -1, -1), color[..., 0].expand(count, -1, -1)


def _shown(config: AugmentConfig, windows: Tensor, color: Tensor, line: Tensor) -> Augmented:
    """A picture with the windows of truth and reference chosen, not drawn."""
    config = replace(config, zoom=(0.25, 4.0))
    parameters = draw_parameters(config, 0, [0])._replace(windows=windows[None])
    return augment(config, parameters, color, line)


# ---- What is drawn


def test_windows_depend_on_seed_and_n_alone():
    together = draw_windows((0.5, 2.0), 3, [7, 8, 9])
    assert np.array_equal(together[1:2], draw_windows((0.5, 2.0), 3, [8]))
    assert not np.array_equal(together, draw_windows((0.5, 2.0), 4, [7, 8, 9]))


def test_factors_are_log_uniform_and_truth_and_reference_have_their_own():
    windows = draw_windows((0.5, 4.0), 0, range(2000))
    powers = -np.log2(windows[..., 0])
    counts = np.histogram(powers, 3, (-1 - 1e-6, 2 + 1e-6))[0]
    assert counts.sum() == powers.size and abs(counts / powers.size - 1 / 3).max() < 0.03
    assert abs(np.corrcoef(powers.T)[0, 1]) < 0.05
    places = windows[..., 1:] / (1 - windows[..., :1])
    assert abs(places).max() < 1.001 and places.min() < -0.99 and places.max() > 0.99


def test_zoom_leaves_all_else_that_is_drawn():
    plain = AugmentConfig("grid", flip=0.5, flip_reference=0.5, hue=0.5, scale=0.5, turn=0.2)
    one, two = (draw_parameters(replace(plain, zoom=z), 5, [3, 4], 16) for z in ((1, 1), (0.5, 2)))
    for name in set(one._fields) - {"windows"}:
        assert torch.equal(getattr(one, name), getattr(two, name))
    assert one.windows.numel() == 0  # nor does the log of samples have other bytes


# ---- What is shown


def test_a_picture_is_shrunk_and_enlarged_as_torch_does_it():
    picture = torch.rand(2, 3, SIDE, SIDE) * 2 - 1
    windows = torch.tensor([[2.0, 1.0, 1.0], [0.5, -0.5, -0.5]])  # of its upper left corner
    shown = resampled(picture, resampling(windows, SIDE, SIDE, False), 1.0)
    half, double = (
        F.interpolate(picture, scale_factor=factor, mode="bicubic", antialias=True).clamp(-1, 1)
        for factor in (0.5, 2)
    )
    inner = slice(4, 28)  # at its border torch weighs otherwise
    torch.testing.assert_close(shown[0, :, inner, inner], half[0, :, inner, inner])
    inner = slice(4, 60)
    torch.testing.assert_close(shown[1, :, inner, inner], double[1, :, inner, inner])


@pytest.mark.parametrize("height", [32, 48])
def test_a_picture_need_not_be_square(height):
    picture = torch.rand(1, 3, height, SIDE) * 2 - 1
    shown = resampled(picture, resampling(torch.tensor([[2.0, 1, 1]]), height, SIDE, False), 1.0)
    half = F.interpolate(picture, scale_factor=0.5, mode="bicubic", antialias=True).clamp(-1, 1)
    torch.testing.assert_close(shown[0, :, 4:12, 4:28], half[0, :, 4:12, 4:28])
    assert (shown[0, :, height // 2 + 2 :] == 1).all()


@pytest.mark.parametrize("zoom", [0.25, 0.5, 0.8])
@pytest.mark.parametrize("upright", [True, False])
def test_thin_lines_stay_as_dark_as_they_are_thin(zoom, upright):
    count = 40
    line = torch.full((count, SIDE, SIDE), 255, dtype=torch.uint8)
    for number in range(count):
        line[number, :, 12 + number] = 0  # one pixel wide, everywhere once
    line = line if upright else line.mT
    config = replace(STILL, zoom=(zoom, zoom))
    parameters = draw_parameters(config, 0, range(count))
    batch = augment(config, parameters, _picture(count)[0], line)
    darkness = (1 - batch.line[:, 0]) / 2
    darkness = darkness if upright else darkness.mT
    half, x, y = parameters.windows[:, 0, :, None].unbind(1)
    rows = (torch.arange(SIDE) + 0.5) / SIDE * 2 - 1
    inside = abs(half * rows + (y if upright else x)) < 0.7
    assert inside.float().mean() > 0.6 * zoom
    across = darkness.sum(2)[inside] / zoom  # of each row, in black pixels
    assert across.min() > 0.98 and across.max() < 1.14  # paper is not whiter than white
    assert darkness.amax(2)[inside].min() > 0.55 * zoom


@pytest.mark.parametrize("border", ["black", "white"])
def test_round_a_shrunk_picture_lies_the_border_and_no_line(border):
    color, line = _picture()
    windows = torch.tensor([[2.0, 1, 1], [4.0, -3, -3]])  # upper left, lower right
    batch = _shown(replace(STILL, border=border), windows, color, line)
    value = BORDER_VALUE[border]
    for picture in (batch.truth, batch.line):
        assert (picture[:, :, 2:30, 2:30] < 0.7).all()
    for free in (slice(34, None), slice(None)):
        assert (batch.truth[:, :, free, 34:] == value).all()
        assert (batch.line[:, :, free, 34:] == 1).all()
    torch.testing.assert_close(
        batch.reference[:, :, :46], torch.full_like(batch.reference[:, :, :46], value)
    )
    assert (batch.reference[:, 2, 50:62, 50:62] < -0.9).all()  # its blue


def test_a_mirrored_border_mirrors_colours_and_line():
    rng = np.random.default_rng(0)
    color = rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    wide = np.pad(color, ((SIDE // 2,) * 2,) * 2 + ((0, 0),), "symmetric")
    wanted = torch.from_numpy(wide).permute(2, 0, 1)[None] / 127.5 - 1
    wanted = F.interpolate(wanted, scale_factor=0.5, mode="bicubic", antialias=True).clamp(-1, 1)
    pictures = (torch.from_numpy(color)[None], torch.from_numpy(color[..., 0])[None])
    windows = torch.tensor([[2.0, 0, 0], [1.0, 0, 0]])
    batch = _shown(replace(STILL, border="reflect"), windows, *pictures)
    inner = (..., slice(4, 60), slice(4, 60))
    torch.testing.assert_close(batch.truth[inner], wanted[inner], atol=1e-5, rtol=0)
    torch.testing.assert_close(batch.line[inner], wanted[:, :1][inner], atol=1e-5, rtol=0)


def test_a_window_of_the_whole_leaves_the_picture():
    color, line = _picture()
    plain = augment(STILL, draw_parameters(STILL, 0, [0]), color, line)
    batch = _shown(STILL, torch.tensor([[1.0, 0, 0], [1.0, 0, 0]]), color, line)
    for name in batch._fields:
        torch.testing.assert_close(getattr(batch, name), getattr(plain, name), atol=1e-4, rtol=0)


# ---- What corresponds

EVERY = AugmentConfig(
    "grid",
    strength=0.05,
    scale=0.3,
    turn=0.25,
    shift=0.2,
    border="white",
    flip=0.5,
    flip_reference=0.5,
    zoom=(0.4, 2.5),
)


@pytest.mark.parametrize("border", ["white", "reflect"])
def test_the_grid_says_where_in_the_zoomed_truth_each_pixel_of_the_reference_is(border):
    count = 60
    config = replace(EVERY, border=border)
    batch = augment(config, draw_parameters(config, 0, range(count)), *_picture(count))
    inside = batch.grid.abs().amax(3) < 0.95
    assert inside.float().mean() > 0.2
    there = warp(batch.truth, batch.grid, "white")
    difference = (there - batch.reference).abs().amax(1)[inside]
    if border == "reflect":
        assert difference.max() < 0.02
    else:  # at edges border is mixed in
        assert (difference < 0.05).float().mean() > 0.95
        free = batch.reference[:, 2] > 0.9
        assert free.float().mean() > 0.2 and (batch.grid.abs().amax(3) > 1)[free].all()


def test_tokens_of_a_zoomed_reference_come_from_the_truths_tokens_of_their_colours():
    tokens, count = 8, 60
    parameters = draw_parameters(EVERY, 0, range(count))
    batch = augment(EVERY, parameters, *_picture(count))
    anchors = tokens_come_from(batch.grid, tokens, tokens)
    shown, wanted = (
        F.adaptive_avg_pool2d(p, tokens).flatten(2).mT for p in (batch.reference, batch.truth)
    )
    corresponding = anchors >= 0
    assert 0.2 < corresponding.float().mean() < 0.9
    wanted = wanted.gather(1, anchors.clamp_min(0)[..., None].expand(-1, -1, 3))
    # The ramp rises by 1.5 over the picture, so a token's middle is within so much of its places.
    half_a_token = 1.5 * parameters.windows[:, 0, 0] / tokens / 2
    apart = (shown - wanted)[..., :2].abs().amax(2) - half_a_token[:, None]
    at_the_edge = wanted[..., 2] > -0.9  # the truth's token is half paper
    assert apart[corresponding & ~at_the_edge].max() < 0.06
    paper = (shown[..., 2] > -0.5) & (anchors >= 0)
    assert not paper.any()  # a token that shows the border has no match


def test_references_of_the_group_are_zoomed_and_correspond_to_nothing():
    color, line = _picture(2)
    of_group = torch.tensor([True, False])
    parameters = draw_parameters(EVERY, 0, range(2))
    references = ReferencePictures(255 - color, of_group)
    batch = augment(EVERY, parameters, color, line, references)
    of_truth = augment(EVERY, parameters, color, line)
    of_others = augment(EVERY, parameters, 255 - color, line)
    assert torch.equal(batch.reference, of_others.reference)
    assert torch.equal(batch.truth, of_truth.truth) and torch.equal(batch.line, of_truth.line)
    assert (tokens_come_from(batch.grid, 8, 8)[0] == -1).all()
    assert torch.equal(batch.grid[1], of_truth.grid[1])
