"""Figures for pairs of pictures, from their pixels: PSNR and MS-SSIM of 8-bit pictures."""

import numpy as np
from pytorch_msssim import ms_ssim as _ms_ssim
from torch import Tensor

from colorizer.pictures.grid import psnr_of
from colorizer.system.device import reproducible

MS_SSIM_SMALLEST_SIDE = 161  # five scales with an 11-pixel window


def psnr(result: Tensor, truth: Tensor) -> np.ndarray:
    """Peak signal-to-noise ratio of each picture.

    Args:
        result: B×H×W×3 uint8.
        truth: B×H×W×3 uint8.

    Returns:
        B float64 values in dB, 100 at most.
    """
    difference = result.double() - truth.double()
    return psnr_of(difference.square().mean((1, 2, 3)).numpy())


@reproducible()
def ms_ssim(result: Tensor, truth: Tensor) -> np.ndarray:
    """Multi-scale structural similarity of each picture (Wang et al., 2003), by pytorch-msssim.

    Args:
        result: B×H×W×3 uint8.
        truth: B×H×W×3 uint8.

    Returns:
        B float64 values up to 1; not a number where a side is under 161 pixels, too small for five
        scales.
    """
    if min(result.shape[1:3]) < MS_SSIM_SMALLEST_SIDE:
        return np.full(len(result), np.nan)
    pictures = (t.permute(0, 3, 1, 2).float() for t in (result, truth))
    return _ms_ssim(*pictures, data_range=255, size_average=False).double().numpy()
