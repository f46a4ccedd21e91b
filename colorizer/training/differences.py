"""How far two maps of VGG, or their Gram matrices, are apart: computed as they are, summed wider.

Copies in float32, which autograd would keep as well, are several times the traffic in half
precision, and leave a GPU's tensor cores idle.
"""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from colorizer.networks.gradients import Context, Function


def mean_difference(result: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute difference of two maps: a scalar in float32 or wider.

    Args:
        result: B×C×H×W.
        truth: The same; gets no gradient.
    """
    return _MeanDifference.apply(result, truth)


def gram_difference(result: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute difference of two maps' Gram matrices: a scalar in float32 or wider.

    Args:
        result: B×C×H×W.
        truth: The same; gets no gradient.
    """
    return _GramDifference.apply(result, truth)


def gram(features: Tensor) -> Tensor:
    """B×C×H×W → B×C×C, F·Fᵀ / (C·H·W), in float32 or wider."""
    places = _places(features)
    with torch.autocast(features.device.type, enabled=False):
        if places.is_cuda and places.dtype.itemsize == 2:  # half: its products, summed in float32
            products = torch.bmm(places.transpose(1, 2), places, out_dtype=torch.float32)
        else:
            places = places.to(_wide(places))
            products = places.transpose(1, 2) @ places
    return products / features[0].numel()


class _MeanDifference(Function):
    @staticmethod
    def forward(ctx: Context, result: Tensor, truth: Tensor) -> Tensor:
        difference = result - truth  # its sign is exact in any precision
        ctx.save_for_backward(difference)
        return torch.linalg.vector_norm(difference, 1, dtype=_wide(result)) / result.numel()

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, d_loss: Tensor) -> tuple[Tensor, None]:
        (difference,) = ctx.saved_tensors
        return difference.sign().mul_(d_loss / difference.numel()), None


class _GramDifference(Function):
    @staticmethod
    def forward(ctx: Context, result: Tensor, truth: Tensor) -> Tensor:
        difference = gram(result) - gram(truth)
        ctx.save_for_backward(result, difference.sign())
        return difference.abs().mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, d_loss: Tensor) -> tuple[Tensor, None]:
        result, signs = ctx.saved_tensors
        channels, height = result.shape[1:3]
        # (S + Sᵀ) / C: a few values that half precision holds, and no sum that overflows.
        signs = ((signs + signs.transpose(1, 2)) / channels).to(result.dtype)
        with torch.autocast(result.device.type, enabled=False):
            d_places = _places(result) @ signs  # B×(H·W)×C
        d_places.mul_(d_loss * channels / (signs.numel() * result[0].numel()))
        return d_places.unflatten(1, (height, -1)).permute(0, 3, 1, 2), None


def _places(features: Tensor) -> Tensor:
    """B×C×H×W → B×(H·W)×C: without a copy if channels come last."""
    return features.permute(0, 2, 3, 1).flatten(1, 2)


def _wide(x: Tensor) -> torch.dtype:
    return torch.promote_types(x.dtype, torch.float32)
