"""Noise that is a pure function of a key: the same on every device, in every batch."""

import torch
import torch.nn.functional as F
from torch import Tensor

LOW_32_BITS = 0xFFFFFFFF


def white_noise(keys: Tensor, channels: int, height: int, width: int) -> Tensor:
    """Independent values, uniform in [-1, 1).

    Args:
        keys: B int64, from 0; another key gives other values.
        channels: Of the result.
        height: Of the result.
        width: Of the result.

    Returns:
        B×C×H×W float32.
    """
    place = torch.arange(channels * height * width, device=keys.device)
    bits = _mix(_mix(keys & LOW_32_BITS)[:, None] + place)
    return (bits.float() / 2**31 - 1).view(-1, channels, height, width)


def _mix(x: Tensor) -> Tensor:
    """A 32-bit hash of non-negative int64 (Wellons, "lowbias32"). Integers: exact everywhere."""
    x = x & LOW_32_BITS
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & LOW_32_BITS
    x = ((x ^ (x >> 15)) * 0x846CA68B) & LOW_32_BITS
    return x ^ (x >> 16)


def smooth_noise(keys: Tensor, channels: int, height: int, width: int, cell: int) -> Tensor:
    """White noise of one value a cell, between which it runs smoothly.

    Args:
        keys: B int64.
        channels: Of the result.
        height: Of the result.
        width: Of the result.
        cell: Pixels from one value to the next.

    Returns:
        B×C×H×W, about [-1, 1].
    """
    rows, columns = -(-height // cell), -(-width // cell)
    values = white_noise(keys + cell, channels, rows + 2, columns + 2)
    field = F.interpolate(values, scale_factor=cell, mode="bicubic", align_corners=False)
    return field[:, :, cell : cell + height, cell : cell + width]


def octaves(keys: Tensor, channels: int, height: int, width: int, cells: tuple[int, ...]) -> Tensor:
    """Smooth noise of several scales, added up as strongly each, about [-1, 1]: B×C×H×W."""
    fields = [smooth_noise(keys, channels, height, width, cell) for cell in cells]
    return torch.stack(fields).sum(0) / len(cells) ** 0.5
