"""Pictures enlarged or shrunk as a whole, so that drawings come at several scales and line widths.

A window is what a zoomed picture shows: (half, x, y), half its side and its middle, in [-1, 1] of
the picture. Below 1 half enlarges. Above 1 the picture is shrunk, and lies in the window.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

UNZOOMED = (1.0, 1.0)
REACH = 2  # of the cubic, to either side
MAX_REACH = 4 * REACH  # pixels, where a picture is shrunk to a quarter, the least that is allowed


class Resampling(NamedTuple):
    """How much of each pixel goes into each pixel of the zoomed picture."""

    rows: Tensor  # B×H×H, output by input
    columns: Tensor  # B×W×W


def draw_windows(zoom: tuple[float, float], seed: int, numbers: Sequence[int]) -> np.ndarray:
    """Draw what the n-th samples of a run show of their truth and of their reference.

    Args:
        zoom: Least and greatest enlargement; the chances are the same for each factor.
        seed: The run's seed.
        numbers: n of every sample of the batch.

    Returns:
        B×2×3 float32: for each sample its truth's window and its reference's. B×0×3 at (1, 1).
    """
    if zoom == UNZOOMED:
        return np.empty((len(numbers), 0, 3), np.float32)
    # From numbers of their own, so that the others' are what they were.
    drawn = np.stack([np.random.default_rng([seed, n, 5]).random((2, 3)) for n in numbers])
    low, high = map(math.log, zoom)
    half = np.exp(-(low + (high - low) * drawn[..., :1]))
    middle = (1 - half) * (2 * drawn[..., 1:] - 1)  # within the picture, or the picture within
    return np.concatenate([half, middle], 2, dtype=np.float32)


def resampling(windows: Tensor, height: int, width: int, mirrored: bool) -> Resampling:
    """The weights that show pictures of a batch through their windows, without aliasing.

    Args:
        windows: B×3.
        height: Of the pictures, before and after.
        width: Of the pictures, before and after.
        mirrored: Outside the picture lies the picture mirrored. Otherwise nothing has a weight.
    """
    half, x, y = windows.unbind(1)
    return Resampling(_weights(half, y, height, mirrored), _weights(half, x, width, mirrored))


def _weights(half: Tensor, middle: Tensor, side: int, mirrored: bool) -> Tensor:
    """B×side×side of one axis: a cubic, as wide as a pixel of the output where that is shrunk."""
    output = (torch.arange(side, device=half.device) + 0.5) / side * 2 - 1
    places = half[:, None] * output + middle[:, None]  # B×side, in [-1, 1] inside the picture
    if mirrored:
        places = 1 - (torch.remainder(places + 1, 4) - 2).abs()  # as a ball between two walls
    # So far outside that no pixel of the picture has a weight, all places are alike.
    pixels = ((places + 1) / 2 * side - 0.5).clamp(-MAX_REACH - 0.5, side + MAX_REACH - 0.5)
    width = half.clamp_min(1)[:, None, None]  # pixels
    taps = pixels.floor().long()[..., None] + torch.arange(
        -MAX_REACH, MAX_REACH + 2, device=half.device
    )
    of_taps = _cubic((pixels[..., None] - taps) / width)
    of_taps = of_taps / of_taps.sum(2, keepdim=True)
    margin = 2 * MAX_REACH + 1
    weights = half.new_zeros(len(half), side, margin + side + margin)
    weights.scatter_(2, taps + margin, of_taps)
    before, inside, after = weights.split([margin, side, margin], 2)
    if mirrored:
        reach = min(MAX_REACH, side)
        inside[..., :reach] += before.flip(2)[..., :reach]
        inside[..., side - reach :] += after.flip(2)[..., margin - reach :]
    return inside


def _cubic(distance: Tensor) -> Tensor:
    """Catmull and Rom's: 1 at 0, and 0 from `REACH` on."""
    t = distance.abs()
    near = (1.5 * t - 2.5) * t * t + 1
    far = ((2.5 - 0.5 * t) * t - 4) * t + 2
    return torch.where(t < 1, near, torch.where(t < REACH, far, 0))


def resampled(picture: Tensor, weights: Resampling, outside: float) -> Tensor:
    """B×C×H×W in [-1, 1] through the windows; where nothing has a weight lies `outside`."""
    channels, height, width = picture.shape[1:]
    # All channels in one product for each axis.
    planes = (picture - outside).flatten(1, 2) @ weights.columns.mT  # B×(C·H)×W
    rows = planes.view(-1, channels, height, width).transpose(1, 2).flatten(2)  # B×H×(C·W)
    shown = (weights.rows @ rows).view(-1, height, channels, width).transpose(1, 2)
    return (shown + outside).clamp(-1, 1)
