"""Thin-plate-spline warp (Sec. 4.1), similarity, zoom, flips and jitter, on the training device.

The parameters of sample n are a pure function of (seed, n): they do not depend on the batch, the
process or the device.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from colorizer.augmentation.zoom import UNZOOMED, draw_windows, resampled, resampling
from colorizer.config.augmentation import AugmentConfig

CORNERS = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]], np.float32)  # x, y; no spline moves them
APART = 1e-4  # of the side, between two control points
BORDER_VALUE = {"black": -1.0, "white": 1.0}
# Where a pixel comes from that shows nothing of the truth: so far away that the mean of a token's
# pixels is outside, too.
NOWHERE = 1e9


class DistortionParameters(NamedTuple):
    """What is drawn for each sample of a batch."""

    points: Tensor  # B×K×2 control points in the reference, x and y in [-1, 1]
    spline: Tensor  # B×(K+3)×2, from `spline_weights`
    flip: Tensor  # B bool: line, truth and reference are mirrored
    flip_reference: Tensor  # B bool: the reference alone is mirrored
    color: Tensor  # B×3: turn of the hue, factors of saturation and brightness
    negatives: Tensor  # B×keys: for the triplet loss, for every key another
    windows: Tensor  # B×2×3: what is shown of the truth and of the reference; B×0×3: all of both


class ReferencePictures(NamedTuple):
    """What the references of a batch are made of, where that is not always the truth."""

    color: Tensor  # B×H×W×3 uint8 RGB
    of_group: Tensor  # B bool: another picture of the group; else the truth's own


class Augmented(NamedTuple):
    """A batch as the networks take it, pictures in [-1, 1]."""

    line: Tensor  # B×1×H×W, white 1
    truth: Tensor  # B×3×H×W
    reference: Tensor  # B×3×H×W, the truth or another picture of its group, distorted
    grid: Tensor  # B×H×W×2: where in the truth each pixel of the reference comes from, or NOWHERE
    negatives: Tensor  # B×keys, as they were drawn


def draw_parameters(
    config: AugmentConfig, seed: int, numbers: Sequence[int], keys: int = 0, aspect: float = 1.0
) -> DistortionParameters:
    """Draw the augmentation of the n-th samples of a run.

    Args:
        config: Which distortions, and how strong.
        seed: The run's seed.
        numbers: n of every sample of the batch.
        keys: Of a sample, where the triplet loss needs negatives.
        aspect: Width of the pictures over their height.
    """
    rngs = [np.random.default_rng([seed, n]) for n in numbers]
    points, moved = draw_points(config, rngs)
    if config.scale or config.turn or config.shift:
        moved = _by_similarity(config, seed, numbers, moved, aspect)
    flips = np.stack([rng.random(2) for rng in rngs]) < (config.flip, config.flip_reference)
    strengths = (config.hue, config.saturation, config.brightness)
    color = (0, 1, 1) + np.stack([rng.uniform(-1, 1, 3) for rng in rngs]) * strengths
    columns = (
        points,
        spline_weights(points, moved),
        flips[:, 0],
        flips[:, 1],
        color.astype(np.float32),
        _negatives(seed, numbers, keys),
        draw_windows(config.zoom, seed, numbers),
    )
    return DistortionParameters(
        *(torch.from_numpy(np.ascontiguousarray(column)) for column in columns)
    )


def draw_points(
    config: AugmentConfig, rngs: Sequence[np.random.Generator]
) -> tuple[np.ndarray, np.ndarray]:
    """For each sample K×2 control points in the reference, and where they come from, in [-1, 1]."""
    if config.control == "diagonal":
        inner, moves = _on_diagonal(config, rngs)
    else:
        inner, moves = _on_grid(config, rngs)
    corners = np.broadcast_to(CORNERS, (len(rngs), *CORNERS.shape))
    points = np.concatenate([corners, inner], 1, dtype=np.float32)
    moves = np.concatenate([np.zeros_like(corners), moves], 1, dtype=np.float32)
    return points, points + moves


def _on_diagonal(
    config: AugmentConfig, rngs: Sequence[np.random.Generator]
) -> tuple[np.ndarray, np.ndarray]:
    """The released code: two points at (p, p), p ~ U(0.3, 0.7), moved along the diagonal."""
    drawn = []
    for rng in rngs:
        points = rng.uniform(0.3, 0.7, 2)
        while abs(points[0] - points[1]) < APART:  # no spline moves one place to two
            points = rng.uniform(0.3, 0.7, 2)
        drawn.append((points * 2 - 1, rng.uniform(-config.strength, config.strength, 2) * 2))
    inner, moves = np.stack(drawn, 1)[..., None].repeat(2, 3)  # each B×2×2: x is y
    return inner, moves


def _on_grid(
    config: AugmentConfig, rngs: Sequence[np.random.Generator]
) -> tuple[np.ndarray, np.ndarray]:
    """A grid of inner points, each moved any way."""
    line = np.linspace(-1, 1, config.grid + 2, dtype=np.float32)[1:-1]
    inner = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    moves = [rng.uniform(-config.strength, config.strength, inner.shape) * 2 for rng in rngs]
    return np.broadcast_to(inner, (len(rngs), *inner.shape)), np.stack(moves)


def _by_similarity(
    config: AugmentConfig, seed: int, numbers: Sequence[int], moved: np.ndarray, aspect: float
) -> np.ndarray:
    """B×K×2 places in the input, scaled and turned around the picture's middle, and shifted.

    The corners move, too. From numbers of their own, so that the others' are what they were.
    """
    drawn = np.stack([np.random.default_rng([seed, n, 3]).uniform(-1, 1, 4) for n in numbers])
    scale, angle = np.exp(config.scale * drawn[:, 0]), config.turn * drawn[:, 1]
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    matrices = np.stack([cos, sin, -sin, cos], 1).reshape(-1, 2, 2)  # of rows (x, y)
    # Turned in pixels, which in [-1, 1] are wider than high where the picture is tall.
    turned = moved * (aspect, 1.0) @ matrices / (aspect, 1.0)
    return (turned + config.shift * drawn[:, None, 2:]).astype(np.float32)


def _negatives(seed: int, numbers: Sequence[int], keys: int) -> np.ndarray:
    """B×keys: for every key another."""
    if not keys:
        return np.empty((len(numbers), 0), np.int64)
    shifts = [np.random.default_rng([seed, n, 1]).integers(1, keys, keys) for n in numbers]
    return (np.arange(keys) + np.stack(shifts)) % keys


def augment(
    config: AugmentConfig,
    parameters: DistortionParameters,
    color: Tensor,
    line: Tensor,
    references: ReferencePictures | None = None,
) -> Augmented:
    """Make line, truth and reference of a batch, on the device the pictures are on.

    Args:
        config: The border, and what is not left as it is.
        parameters: From `draw_parameters`, on the same device.
        color: B×H×W×3 uint8 RGB.
        line: B×H×W uint8, white 255.
        references: What the references are made of; None: the truth.
    """
    truth = _flipped_and_jittered(config, parameters, color)
    line = to_signed(line.unsqueeze(1))  # B×1×H×W
    line = torch.where(parameters.flip.view(-1, 1, 1, 1), line.flip(3), line)
    grid = spline_grid(parameters.points, parameters.spline, *truth.shape[2:])
    grid = torch.where(parameters.flip_reference.view(-1, 1, 1, 1), grid.flip(2), grid)
    source, come_from = truth, grid
    if references is not None:
        source = _flipped_and_jittered(config, parameters, references.color)
        come_from = torch.where(references.of_group.view(-1, 1, 1, 1), NOWHERE, grid)
    if config.zoom != UNZOOMED:
        line, truth, source = _zoomed(config, parameters.windows, line, truth, source)
        come_from = _between_windows(come_from, parameters.windows)
    reference = warp(source, grid, config.border)
    return Augmented(line, truth, reference, come_from, parameters.negatives)


def _flipped_and_jittered(
    config: AugmentConfig, parameters: DistortionParameters, color: Tensor
) -> Tensor:
    """B×H×W×3 uint8 → B×3×H×W in [-1, 1], with what is done to truth and reference alike."""
    picture = to_signed(color.permute(0, 3, 1, 2))
    picture = torch.where(parameters.flip.view(-1, 1, 1, 1), picture.flip(3), picture)
    if config.hue or config.saturation or config.brightness:
        picture = jitter(picture, parameters.color)
    return picture


def _zoomed(
    config: AugmentConfig, windows: Tensor, line: Tensor, truth: Tensor, source: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The three through their B×2×3 windows; what the reference is made of has its own."""
    height, width = line.shape[2:]
    mirrored = config.border == "reflect"  # the line too: no colours without their line
    outside = BORDER_VALUE.get(config.border, 0.0)
    of_truth, of_reference = (resampling(w, height, width, mirrored) for w in windows.unbind(1))
    return (
        resampled(line, of_truth, BORDER_VALUE["white"]),
        resampled(truth, of_truth, outside),
        resampled(source, of_reference, outside),
    )


def _between_windows(grid: Tensor, windows: Tensor) -> Tensor:
    """Places in the zoomed picture of the reference → those in the zoomed truth, or NOWHERE."""
    of_truth, of_reference = windows[:, :, None, None].unbind(1)  # B×1×1×3
    places = of_reference[..., :1] * grid + of_reference[..., 1:]  # in the whole picture
    shown = ((grid.abs() <= 1) & (places.abs() <= 1)).all(3, keepdim=True)
    return torch.where(shown, (places - of_truth[..., 1:]) / of_truth[..., :1], NOWHERE)


def to_signed(picture: Tensor) -> Tensor:
    """uint8 0..255 → float32 in [-1, 1]."""
    return picture.float() / 127.5 - 1


def to_uint8(picture: Tensor) -> np.ndarray:
    """(B×)C×H×W in [-1, 1] → (B×)H×W×C uint8, on the CPU."""
    levels = ((picture.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return levels.movedim(-3, -1).cpu().numpy()


def spline_weights(points: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Solve a thin-plate spline through control points (Bookstein 1989).

    Args:
        points: B×K×2 places in the output, x and y in [-1, 1].
        moved: B×K×2 where in the input they come from.

    Returns:
        B×(K+3)×2 float32: weights of the K points, then an affine map's.
    """
    batch, count, _ = points.shape
    # float64: the system's condition grows with the number of points.
    points = points.astype(np.float64)
    squared = np.square(points[:, :, None] - points[:, None]).sum(3)
    affine = np.concatenate([np.ones((batch, count, 1)), points], 2)  # B×K×3
    system = np.zeros((batch, count + 3, count + 3))
    system[:, :count, :count] = squared * np.log(np.where(squared > 0, squared, 1))
    system[:, :count, count:] = affine
    system[:, count:, :count] = affine.transpose(0, 2, 1)
    target = np.concatenate([moved, np.zeros((batch, 3, 2))], 1)
    return np.linalg.solve(system, target).astype(np.float32)


def spline_grid(points: Tensor, spline: Tensor, height: int, width: int) -> Tensor:
    """A thin-plate spline as a sampling grid.

    Args:
        points: B×K×2 control points, x and y in [-1, 1].
        spline: B×(K+3)×2, from `spline_weights`.
        height: Rows of the output.
        width: Columns of the output.

    Returns:
        B×H×W×2 for `warp`: for each output pixel where in the input it comes from.
    """
    batch = len(points)
    y = (torch.arange(height, device=points.device) + 0.5) / height * 2 - 1
    x = (torch.arange(width, device=points.device) + 0.5) / width * 2 - 1
    pixels = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).to(points.dtype)  # H×W×2
    pixels = pixels.view(1, -1, 2).expand(batch, -1, -1)  # B×(H·W)×2
    basis = torch.cat([_radial(pixels, points), torch.ones_like(pixels[..., :1]), pixels], 2)
    return (basis @ spline).view(batch, height, width, 2)


def _radial(a: Tensor, b: Tensor) -> Tensor:
    """U(r) = r² log r² between B×N×2 and B×K×2 → B×N×K, 0 at r = 0."""
    squared = (a.unsqueeze(2) - b.unsqueeze(1)).square().sum(3)
    return torch.xlogy(squared, squared)


def warp(picture: Tensor, grid: Tensor, border: str) -> Tensor:
    """Sample B×C×H×W in [-1, 1] at B×H×W×2 places, cubic; outside lies the border."""
    if border == "reflect":
        sampled = F.grid_sample(picture, grid, "bicubic", "reflection", align_corners=False)
        return sampled.clamp(-1, 1)
    value = BORDER_VALUE[border]  # grid_sample pads with 0, so shift the picture
    sampled = F.grid_sample(picture - value, grid, "bicubic", "zeros", align_corners=False)
    return (sampled + value).clamp(-1, 1)


def jitter(picture: Tensor, color: Tensor) -> Tensor:
    """Turn hue and scale saturation and brightness, per picture.

    Args:
        picture: B×3×H×W RGB in [-1, 1].
        color: B×3: turn of the hue in turns, factor of saturation, factor of brightness.

    Returns:
        B×3×H×W in [-1, 1]. Grey stays grey: the hue is turned around the grey axis.
    """
    turn, saturation, brightness = (c.view(-1, 1, 1, 1) for c in color.unbind(1))
    rgb = (picture + 1) / 2
    # Rodrigues' rotation about (1, 1, 1) / √3
    cos, sin = torch.cos(2 * torch.pi * turn), torch.sin(2 * torch.pi * turn)
    grey = rgb.mean(1, keepdim=True)
    red, green, blue = rgb.unbind(1)
    cross = torch.stack([blue - green, red - blue, green - red], 1) / 3**0.5  # axis × rgb
    chroma = (rgb - grey) * cos + cross * sin
    return ((grey + chroma * saturation) * brightness).clamp(0, 1) * 2 - 1
