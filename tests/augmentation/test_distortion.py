"""Warp, flips and jitter."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from colorizer.augmentation.distortion import (
    ReferencePictures,
    augment,
    draw_parameters,
    draw_points,
    jitter,
    spline_grid,
    spline_weights,
    to_signed,
    warp,
)
from colorizer.config.augmentation import AugmentConfig
from colorizer.training.losses import tokens_come_from

STILL = AugmentConfig(strength=0.0)


def _pictures(
    count: int = 2, height: int = 24, width: int = 24
) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    color = torch.randint(0, 256, (count, height, width, 3), generator=generator)
    line = torch.randint(0, 256, (count, height, width), generator=generator)
    return color.to(torch.uint8), line.to(torch.uint8)


@pytest.mark.parametrize("control", ["diagonal", "grid"])
def test_parameters_depend_on_seed_and_n_alone(control):
    config = AugmentConfig(control, flip=0.5, hue=0.5)
    together = draw_parameters(config, 3, [7, 8, 9])
    alone = draw_parameters(config, 3, [8])
    for name in together._fields:
        assert torch.equal(getattr(together, name)[1:2], getattr(alone, name))
    assert not torch.equal(together.spline, draw_parameters(config, 4, [7, 8, 9]).spline)


def test_without_strength_the_reference_is_the_truth():
    color, line = _pictures()
    batch = augment(STILL, draw_parameters(STILL, 0, [0, 1]), color, line)
    torch.testing.assert_close(batch.reference, batch.truth, atol=1e-4, rtol=0)
    assert batch.truth.min() >= -1 and batch.truth.max() <= 1
    torch.testing.assert_close(batch.truth[1, 2], color[1, :, :, 2] / 127.5 - 1)
    torch.testing.assert_close(batch.line[1, 0], line[1] / 127.5 - 1)


def test_the_papers_warp_fixes_corners_and_moves_two_points_along_the_diagonal():
    points, moved = _drawn_points(AugmentConfig(), 200)
    corners, inner = points[:, :4], points[:, 4:]
    assert np.array_equal(corners, moved[:, :4]) and (abs(corners) == 1).all()
    assert inner.shape == (200, 2, 2)
    assert np.array_equal(inner[..., 0], inner[..., 1])
    assert 0.38 < abs(inner).max() <= 0.4  # 0.3 to 0.7 of the side
    moves = moved[:, 4:] - inner
    np.testing.assert_allclose(moves[..., 0], moves[..., 1], atol=1e-6)
    assert 0.48 < abs(moves).max() <= 0.5001  # a quarter of the side


def _drawn_points(config: AugmentConfig, count: int) -> tuple[np.ndarray, np.ndarray]:
    """B×K×2 each: where control points are, and where they come from."""
    return draw_points(config, [np.random.default_rng(n) for n in range(count)])


def _grid(points: np.ndarray, moved: np.ndarray, height: int, width: int) -> torch.Tensor:
    spline = torch.from_numpy(spline_weights(points, moved))
    return spline_grid(torch.from_numpy(points), spline, height, width)


def _tps_by_hand(points: np.ndarray, moved: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Bookstein's spline in float64, solved afresh."""

    def u(a: np.ndarray, b: np.ndarray) -> float:
        r2 = ((a - b) ** 2).sum()
        return r2 * np.log(r2) if r2 > 0 else 0.0

    k = len(points)
    system = np.zeros((k + 3, k + 3))
    for i in range(k):
        for j in range(k):
            system[i, j] = u(points[i], points[j])
        system[i, k:] = system[k:, i] = [1, *points[i]]
    weights = np.linalg.solve(system, np.vstack([moved, np.zeros((3, 2))]))
    return weights.T @ np.array([*(u(place, p) for p in points), 1, *place])


def test_spline_grid_is_the_thin_plate_spline():
    points, moved = _drawn_points(AugmentConfig("grid", strength=0.1), 2)
    grid = _grid(points, moved, 6, 9)
    for b, row, column in ((0, 0, 0), (1, 3, 5), (1, 5, 8)):
        place = np.array([(column + 0.5) / 9 * 2 - 1, (row + 0.5) / 6 * 2 - 1])
        expected = _tps_by_hand(points[b].astype(float), moved[b].astype(float), place)
        np.testing.assert_allclose(grid[b, row, column].numpy(), expected, atol=2e-5)


def test_reference_shows_what_the_grid_says():
    """A picture of its own coordinates, warped, equals the grid where the grid is inside."""
    points, moved = _drawn_points(AugmentConfig("grid", strength=0.1), 1)
    grid = _grid(points, moved, 64, 64)
    identity = _grid(points, points, 64, 64).permute(0, 3, 1, 2)  # x and y as channels
    warped = warp(identity, grid, "white").permute(0, 2, 3, 1)
    inside = grid.abs().amax(3) < 0.9
    assert inside.float().mean() > 0.5
    torch.testing.assert_close(warped[inside], grid[inside], atol=0.01, rtol=0)


# ---- The similarity

WHOLE = AugmentConfig(strength=0.0, scale=0.6, turn=0.25, shift=0.35)


def _similarities(config: AugmentConfig, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Each sample's linear map of (x, y), as one complex number, and its shift, as another."""
    parameters = draw_parameters(config, 0, range(count))
    grid = spline_grid(parameters.points, parameters.spline, 2, 2).double().numpy()
    places = grid[..., 0] + 1j * grid[..., 1]  # at x and y of -0.5 and 0.5
    along_x, along_y = places[:, 0, 1] - places[:, 0, 0], places[:, 1, 0] - places[:, 0, 0]
    np.testing.assert_allclose(along_y, 1j * along_x, atol=1e-4)  # nothing is sheared
    return along_x, places.mean((1, 2))


@pytest.mark.parametrize("control", ["diagonal", "grid"])
def test_the_reference_is_scaled_turned_and_shifted_as_far_as_the_settings_say(control):
    factors, shifts = _similarities(replace(WHOLE, control=control), 400)
    for drawn, most in (
        (np.log(abs(factors)), 0.6),
        (np.angle(factors), 0.25),
        (shifts.real, 0.35),
        (shifts.imag, 0.35),
    ):
        assert 0.95 * most < drawn.max() <= most + 1e-4
        assert -most - 1e-4 <= drawn.min() < -0.95 * most
        assert abs(drawn.mean()) < 0.15 * most


def test_each_of_the_three_alone():
    factors, shifts = _similarities(AugmentConfig(strength=0.0, scale=0.6), 50)
    assert abs(np.angle(factors)).max() < 1e-4 and abs(shifts).max() < 1e-4
    factors, shifts = _similarities(AugmentConfig(strength=0.0, turn=0.25), 50)
    assert abs(abs(factors) - 1).max() < 1e-4 and abs(shifts).max() < 1e-4
    factors, shifts = _similarities(AugmentConfig(strength=0.0, shift=0.35), 50)
    assert abs(factors - 1).max() < 1e-4


def test_the_similarity_leaves_all_that_is_drawn_without_it():
    plain = AugmentConfig("grid", flip=0.5, flip_reference=0.5, hue=0.5)
    numbers = range(3, 9)
    whole = replace(plain, scale=0.6, turn=0.25, shift=0.35)
    one, two = (draw_parameters(config, 5, numbers, 16) for config in (plain, whole))
    for name in set(one._fields) - {"spline"}:
        assert torch.equal(getattr(one, name), getattr(two, name))
    assert not torch.isclose(one.spline, two.spline).all(2).any(1).all()
    points, moved = draw_points(plain, [np.random.default_rng([5, n]) for n in numbers])
    assert np.array_equal(one.spline, spline_weights(points, moved))


@pytest.mark.parametrize(("height", "width"), [(40, 104), (104, 40), (64, 64)])
def test_a_turn_bends_no_right_angle_whatever_the_shape(height, width):
    config = replace(STILL, control="grid", scale=0.5, turn=0.8)
    parameters = draw_parameters(config, 0, range(20), aspect=width / height)
    grid = spline_grid(parameters.points, parameters.spline, height, width)
    pixels = grid * torch.tensor([width / 2, height / 2])
    right, down = pixels[:, 20, 21] - pixels[:, 20, 20], pixels[:, 21, 20] - pixels[:, 20, 20]
    assert right[:, 1].abs().max() > 0.3
    torch.testing.assert_close(down, torch.stack([-right[:, 1], right[:, 0]], 1), atol=1e-3, rtol=0)


@pytest.mark.parametrize("control", ["diagonal", "grid"])
def test_tokens_of_a_reference_show_the_colours_of_the_tokens_they_come_from(control):
    side, tokens, count = 64, 8, 40
    rng = np.random.default_rng(0)
    colors = rng.integers(0, 256, (count, tokens, tokens, 3), np.uint8)  # flat squares
    color = torch.from_numpy(colors.repeat(side // tokens, 1).repeat(side // tokens, 2))
    config = replace(WHOLE, control=control, strength=0.05, flip_reference=0.5, border="white")
    parameters = draw_parameters(config, 0, range(count))
    batch = augment(config, parameters, color, color[..., 0])
    anchors = tokens_come_from(batch.grid, tokens, tokens)
    squares = to_signed(torch.from_numpy(colors)).flatten(1, 2)
    middle = side // tokens // 2
    places = batch.grid[:, middle::8, middle::8].flatten(1, 2)
    shown = batch.reference[:, :, middle::8, middle::8].flatten(2).transpose(1, 2)
    in_token = (places + 1) / 2 * tokens % 1
    clear = (abs(in_token - 0.5) < 0.25).all(2)  # where no neighbour's colour is mixed in
    there = (anchors >= 0) & clear
    wanted = squares.gather(1, anchors.clamp_min(0)[..., None].expand(-1, -1, 3))
    assert there.sum() > 0.1 * anchors.numel()
    assert (abs(shown - wanted)[there] < 0.02).all()
    outside = (anchors < 0) & (places.abs() > 1.1).any(2)
    assert outside.sum() > 0.02 * anchors.numel() and (shown[outside] == 1).all()


@pytest.mark.parametrize(("border", "value"), [("black", -1.0), ("white", 1.0)])
def test_outside_lies_the_border(border, value):
    picture = torch.zeros(1, 3, 8, 8)
    grid = torch.full((1, 8, 8, 2), 3.0)
    assert warp(picture, grid, border).eq(value).all()


def test_reflected_border_shows_the_picture_again():
    picture = torch.rand(1, 3, 8, 8)
    x = (torch.arange(8) + 0.5) / 4 - 1
    y, x = torch.meshgrid(x, x, indexing="ij")
    grid = torch.stack([2 - x, y], -1)[None]  # the picture's mirror image to its right
    torch.testing.assert_close(warp(picture, grid, "reflect"), picture, atol=1e-5, rtol=0)


def test_flip_mirrors_line_and_truth_and_flip_reference_the_reference_alone():
    color, line = _pictures()
    still = augment(STILL, draw_parameters(STILL, 0, [0, 1]), color, line)
    both = AugmentConfig(strength=0.0, flip=1.0)
    flipped = augment(both, draw_parameters(both, 0, [0, 1]), color, line)
    assert torch.equal(flipped.truth, still.truth.flip(3))
    assert torch.equal(flipped.line, still.line.flip(3))
    torch.testing.assert_close(flipped.reference, still.truth.flip(3), atol=1e-4, rtol=0)
    alone = AugmentConfig(strength=0.0, flip_reference=1.0)
    mirrored = augment(alone, draw_parameters(alone, 0, [0, 1]), color, line)
    assert torch.equal(mirrored.truth, still.truth)
    torch.testing.assert_close(mirrored.reference, still.truth.flip(3), atol=1e-4, rtol=0)


def test_references_of_their_own_are_flipped_jittered_and_warped_like_the_truth():
    config = AugmentConfig("grid", strength=0.1, flip=0.5, flip_reference=0.5, hue=0.5)
    parameters = draw_parameters(config, 0, range(6))
    color, line = _pictures(6)
    others = color.flip(0)
    of_group = torch.tensor([True, False, True, True, False, True])
    of_truth = augment(config, parameters, color, line)
    of_others = augment(config, parameters, others, line)
    mixed = torch.where(of_group.view(-1, 1, 1, 1), others, color)
    batch = augment(config, parameters, color, line, ReferencePictures(mixed, of_group))
    assert torch.equal(batch.truth, of_truth.truth) and torch.equal(batch.line, of_truth.line)
    wanted = torch.where(of_group.view(-1, 1, 1, 1), of_others.reference, of_truth.reference)
    assert torch.equal(batch.reference, wanted)
    assert torch.equal(batch.grid[~of_group], of_truth.grid[~of_group])
    anchors, before = (tokens_come_from(b.grid, 3, 3) for b in (batch, of_truth))
    assert (anchors[of_group] == -1).all()
    assert torch.equal(anchors[~of_group], before[~of_group]) and (anchors >= 0).any()


def test_jitter_turns_hue_and_keeps_grey():
    picture = torch.tensor([[1.0, 0, 0], [0.4, 0.4, 0.4]]).T.view(1, 3, 1, 2) * 2 - 1
    third = jitter(picture, torch.tensor([[1 / 3, 1.0, 1.0]]))
    expected = torch.tensor([[0, 1.0, 0], [0.4, 0.4, 0.4]]).T.view(1, 3, 1, 2) * 2 - 1
    torch.testing.assert_close(
        third, expected, atol=1e-5, rtol=0
    )  # a third of a turn: red to green
    grey = jitter(picture, torch.tensor([[0.0, 0.0, 0.5]]))
    torch.testing.assert_close(grey[0, :, 0, 0], torch.full((3,), 1 / 3 - 1))
    unchanged = jitter(picture, torch.tensor([[0.0, 1.0, 1.0]]))
    torch.testing.assert_close(unchanged, picture, atol=1e-6, rtol=0)


def test_jitter_changes_truth_and_reference_alike():
    config = AugmentConfig(strength=0.0, hue=0.5, saturation=0.5)
    color, line = _pictures()
    batch = augment(config, draw_parameters(config, 0, [0, 1]), color, line)
    plain = augment(STILL, draw_parameters(STILL, 0, [0, 1]), color, line)
    assert not torch.allclose(batch.truth, plain.truth, atol=0.05)
    torch.testing.assert_close(batch.reference, batch.truth, atol=1e-3, rtol=0)


def test_negatives_are_other_keys_and_depend_on_n():
    negatives = draw_parameters(STILL, 0, range(50), 16).negatives
    assert negatives.shape == (50, 16)
    assert (negatives != torch.arange(16)).all()
    assert negatives.min() == 0 and negatives.max() == 15
    assert torch.equal(negatives[7:8], draw_parameters(STILL, 0, [7], 16).negatives)


@pytest.mark.slow
def test_two_control_points_never_coincide():
    points = draw_parameters(AugmentConfig(), 0, range(20_000)).points[:, 4:, 0]
    assert (points[:, 0] - points[:, 1]).abs().min() / 2 >= 0.99e-4  # points are in [-1, 1]
