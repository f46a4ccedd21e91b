"""The decoder's bilinear enlargement, with a backward pass of matrix products on a GPU.

torch's own adds with atomics there: in half precision slow before sm_90, never twice the same, and
each addition rounds. A picture enlarged is R_h · X · R_wᵀ with two fixed matrices, so that the
gradient is R_hᵀ · dY · R_w. A CPU has no atomics to avoid, and nothing that makes products cheap.
"""

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from colorizer.networks.gradients import Context, Function


def doubled(x: Tensor, align_corners: bool) -> Tensor:
    """B×C×H×W → B×C×2H×2W, bilinear."""
    if x.is_cuda:
        return Doubled.apply(x, align_corners)
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=align_corners)


class _DoubledContext(Context, Protocol):
    align_corners: bool


class Doubled(Function):
    """The same on any device, its backward pass by products."""

    @staticmethod
    def forward(ctx: _DoubledContext, x: Tensor, align_corners: bool) -> Tensor:
        """B×C×H×W → B×C×2H×2W."""
        ctx.align_corners = align_corners
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=align_corners)

    @staticmethod
    @once_differentiable
    def backward(ctx: _DoubledContext, d_y: Tensor) -> tuple[Tensor, None]:
        """Gradient of the small map, B×C×H×W."""
        height, width = d_y.shape[2] // 2, d_y.shape[3] // 2
        d_y = d_y.permute(0, 2, 3, 1)  # B×2H×2W×C: without a copy if channels come last
        d_x = _transposed(width, ctx.align_corners, d_y) @ d_y  # B×2H×W×C
        d_x = _transposed(height, ctx.align_corners, d_y) @ d_x.flatten(2)  # B×H×(W·C)
        return d_x.unflatten(2, (width, -1)).permute(0, 3, 1, 2), None


def _transposed(size: int, align_corners: bool, like: Tensor) -> Tensor:
    """size×2size: what each place of a row gives to the places of the enlarged one."""
    wide = torch.promote_types(like.dtype, torch.float32)
    one_hot = torch.eye(size, dtype=wide, device=like.device)[None]
    weights = F.interpolate(one_hot, scale_factor=2, mode="linear", align_corners=align_corners)
    return weights[0].to(like.dtype)
