"""The distance of palettes against computations by hand."""

import numpy as np
import pytest
import torch

from colorizer.evaluation.metrics.palette import (
    DIRECTIONS,
    palette,
    palette_distance,
    sliced_wasserstein,
)
from colorizer.pictures.lab import lab


def _flat(*color: int, side: int = 8) -> torch.Tensor:
    return torch.tensor(color, dtype=torch.uint8).expand(1, side, side, 3).clone()


def test_lab_has_the_values_of_the_standard():
    colors = np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 0, 255], [119, 119, 119]])
    expected = [[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.2], [32.3, 79.19, -107.86]]
    found = lab(colors.astype(np.uint8))
    np.testing.assert_allclose(found[:4], expected, atol=0.03)
    assert found[4] == pytest.approx([50.03, 0, 0], abs=0.01)


def test_the_directions_are_even():
    assert DIRECTIONS.shape == (16, 3)
    np.testing.assert_allclose(DIRECTIONS.T @ DIRECTIONS, np.eye(3) * 16 / 3, atol=1e-12)
    assert np.abs(DIRECTIONS @ DIRECTIONS.T - np.eye(16)).max() < 0.8  # no two are alike


@pytest.mark.parametrize("count", [64 * 64, 64 * 40, 1000])
def test_moving_all_colours_is_at_that_distance(count):
    points = np.random.default_rng(0).normal(50, 20, (count, 3))
    for move in ((7.0, 0, 0), (0, -2.5, 0), (1.0, 2.0, -3.0)):
        distance = sliced_wasserstein(points, points + move)
        assert distance == pytest.approx(np.linalg.norm(move), rel=1e-9)


def test_flat_pictures_are_at_their_delta_e():
    a, b = _flat(200, 120, 40), _flat(190, 140, 90, side=100)
    delta = np.linalg.norm(lab(a[0, 0, :1].numpy()) - lab(b[0, 0, :1].numpy()))
    assert palette_distance(a, b)[0] == pytest.approx(delta, rel=1e-9)


def test_places_and_sizes_do_not_matter_but_shares_do(noisy_pairs):
    _, scenes = noisy_pairs(3, 64, 64)
    turned = scenes.flip(1).transpose(1, 2)
    assert (palette_distance(scenes, turned) == 0).all()
    larger = scenes.repeat_interleave(3, 1).repeat_interleave(2, 2)
    assert (palette_distance(scenes, larger) == 0).all()
    assert (palette_distance(scenes, scenes.roll(1, 0)) > 5).all()
    half = _flat(255, 255, 255)
    half[:, :4] = 0
    quarter = _flat(255, 255, 255)
    quarter[:, :2] = 0
    white = _flat(255, 255, 255)
    assert palette_distance(half, white)[0] == pytest.approx(100 * 0.5**0.5, rel=1e-9)
    assert palette_distance(quarter, white)[0] == pytest.approx(100 * 0.25**0.5, rel=1e-9)


def test_no_colours_are_mixed(noisy_pairs):
    picture = noisy_pairs(1, 150, 90)[1][0].numpy()
    own = {tuple(c) for c in lab(np.unique(picture.reshape(-1, 3), axis=0)).round(6)}
    taken = palette(picture)
    assert taken.shape == (64 * 64, 3)
    assert {tuple(c) for c in taken.round(6)} <= own


def test_one_picture_or_many_give_the_same_bits(noisy_pairs):
    results, truths = noisy_pairs(4, 176, 200)
    pairs = zip(results.split(1), truths.split(1), strict=True)
    one_by_one = [palette_distance(*pair).item() for pair in pairs]
    assert palette_distance(results, truths).tolist() == one_by_one
