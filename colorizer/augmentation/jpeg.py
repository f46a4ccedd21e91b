"""What JPEG does to a picture, batched on the device."""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

Table = tuple[tuple[float, ...], ...]  # rows of a matrix

BLOCK = 8
# Quantisation of the 64 frequencies at quality 50 (ITU-T T.81, Annex K.1).
LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
CHROMINANCE = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *(((99,) * BLOCK,) * 4),
)
# JFIF: Y, Cb and Cr (less 128) of RGB.
TO_YCBCR = (
    (0.299, 0.587, 0.114),
    (-0.168736, -0.331264, 0.5),
    (0.5, -0.418688, -0.081312),
)


def jpeg(picture: Tensor, quality: Tensor) -> Tensor:
    """A picture as it comes back from a JPEG file with halved chroma (4:2:0).

    Args:
        picture: B×3×H×W RGB in [0, 1].
        quality: B, 1 to 100, as libjpeg counts.

    Returns:
        B×3×H×W in [0, 1], on 8-bit levels.
    """
    height, width = picture.shape[2:]
    padding = (0, -width % (2 * BLOCK), 0, -height % (2 * BLOCK))
    levels = F.pad((picture * 255).round(), padding, mode="replicate")
    conversion = _constant(TO_YCBCR, picture.device)
    ycbcr = torch.einsum("oc,bchw->bohw", conversion, levels)
    luma = _requantize(ycbcr[:, :1] - 128, LUMINANCE, quality) + 128
    chroma = _requantize(F.avg_pool2d(ycbcr[:, 1:], 2), CHROMINANCE, quality)
    chroma = F.interpolate(chroma, scale_factor=2, mode="bilinear", align_corners=False)
    back = torch.linalg.inv_ex(conversion).inverse  # "ex": the host does not wait
    rgb = torch.einsum("oc,bchw->bohw", back, torch.cat([luma, chroma], 1))
    return rgb[:, :, :height, :width].round().clamp(0, 255) / 255


def _requantize(planes: Tensor, table: Table, quality: Tensor) -> Tensor:
    """B×C×H×W around 0, sides multiples of 8: to quantised frequencies and back."""
    batch, channels, height, width = planes.shape
    blocks = planes.round().view(batch, channels, height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    dct = _dct_matrix(planes.device)
    frequencies = torch.einsum("ui,bcyixj,vj->bcyuxv", dct, blocks, dct)
    steps = _steps(table, quality).view(batch, 1, 1, BLOCK, 1, BLOCK)
    frequencies = (frequencies / steps).round() * steps
    blocks = torch.einsum("ui,bcyuxv,vj->bcyixj", dct, frequencies, dct)
    return blocks.reshape(batch, channels, height, width).round()


def _dct_matrix(device: torch.device) -> Tensor:
    """8×8, orthonormal: frequencies = M · column."""
    place = torch.arange(BLOCK, device=device) + 0.5
    frequency = torch.arange(BLOCK, device=device)[:, None]
    matrix = torch.cos(torch.pi / BLOCK * frequency * place) * (2 / BLOCK) ** 0.5
    matrix[0] /= 2**0.5
    return matrix


def _steps(table: Table, quality: Tensor) -> Tensor:
    """B×8×8 quantisation steps: libjpeg's scaling of the table."""
    base = _constant(table, quality.device)
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)
    return ((base * scale.view(-1, 1, 1) + 50) / 100).floor().clamp(1, 255)


def _constant(table: Table, device: torch.device) -> Tensor:
    if torch.compiler.is_compiling():  # which would look past the cache, with a warning
        return torch.tensor(table, device=device, dtype=torch.float32)
    return _copied_once(table, device)


@lru_cache
def _copied_once(table: Table, device: torch.device) -> Tensor:
    """Each copy to the device would make the host wait for it."""
    return torch.tensor(table, device=device, dtype=torch.float32)
