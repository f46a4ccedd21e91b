"""Batch norm over the batches of all processes.

The numbers of torch's SyncBatchNorm, which leaves processes without samples out by a mask: three
waits for the device a layer and direction, and a break in the graph of torch.compile. Here every
process has samples, so none has to be left out.
"""

from typing import NamedTuple

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.modules.batchnorm import _BatchNorm

from colorizer.networks.gradients import Context, Function
from colorizer.networks.precision import widened


def normalize_over_processes(network: nn.Module) -> None:
    """Have every batch norm in a network see the batches of all processes, in place.

    The processes must call the network alike, each with a batch of any size but none.
    """
    for module in network.modules():
        if type(module) in (nn.BatchNorm1d, nn.BatchNorm2d):
            module.__class__ = BatchNormOverProcesses  # parameters and buffers stay what they are


class BatchNormOverProcesses(_BatchNorm):
    """Batch norm that, in training, takes mean and variance over all processes."""

    def forward(self, input: Tensor) -> Tensor:
        """B×C×..., any number of dimensions behind; the same shape comes back."""
        if not self.training:
            return super().forward(input)
        # The networks have no norm without statistics.
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        y, mean, variance, count = _Normalized.apply(input, self.weight, self.bias, self.eps)
        with torch.no_grad():
            self.num_batches_tracked.add_(1)
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        return y

    def _check_input_dim(self, input: Tensor) -> None:
        """Any will do."""


class _Normalized(Function):
    """(x - mean) / √(variance + ε) · weight + bias.

    Also gives mean and variance (C, float32), and how many values they are of (a scalar).
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, weight: Tensor, bias: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        own, own_variance = _mean_and_variance(x, eps)
        count = torch.full_like(own, x.numel() // x.shape[1])
        told = _gathered(torch.stack([own, own_variance, count]))
        means, variances, counts = told.unbind(1)  # each P×C
        total = counts[:, 0].sum()
        share = counts / total
        mean = (share * means).sum(0)
        variance = (share * (variances + (means - mean).square())).sum(0)
        ctx.save_for_backward(x, weight, mean, torch.rsqrt(variance + eps), counts[:, 0])
        ctx.mark_non_differentiable(mean, variance, total)
        return F.batch_norm(x, mean, variance, weight, bias, eps=eps), mean, variance, total

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, d_y: Tensor, *_: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        x, weight, mean, scale, counts = ctx.saved_tensors
        sums = _sums(d_y, x, mean, scale, weight)
        total = torch.stack([sums.d_y, sums.d_y_x])
        dist.all_reduce(total)
        d_x = _d_input(d_y, x, mean, scale, weight, total[0], total[1], counts)
        return d_x, sums.d_weight, sums.d_bias, None


def _gathered(x: Tensor) -> Tensor:
    """... of this process → P×... of all."""
    places = x.new_zeros(dist.get_world_size(), *x.shape)
    places[dist.get_rank()] = x
    dist.all_reduce(places)  # the others add zeros
    return places


# ---- The passes over the batch. Eager CUDA has kernels for them, which SyncBatchNorm uses as well;
# torch.compile writes its own.


class _Sums(NamedTuple):
    """Over this process's batch: C each, in float32."""

    d_y: Tensor
    d_y_x: Tensor  # of d_y · (x - mean)
    d_weight: Tensor
    d_bias: Tensor


def _has_kernels(x: Tensor) -> bool:
    return x.is_cuda and not torch.compiler.is_compiling()


def _mean_and_variance(x: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    if _has_kernels(x):
        mean, scale = torch.batch_norm_stats(x, eps)
        return mean, (scale**-2 - eps).clamp_min(0)  # what rounding loses of it, ε outweighs
    variance, mean = torch.var_mean(widened(x), _all_but_channels(x), correction=0)
    return mean, variance


def _sums(d_y: Tensor, x: Tensor, mean: Tensor, scale: Tensor, weight: Tensor) -> _Sums:
    if _has_kernels(x):
        d_y, x = _alike(d_y, x)
        return _Sums(
            *torch.batch_norm_backward_reduce(d_y, x, mean, scale, weight, True, True, True)
        )
    d_y, centred = widened(d_y), widened(x) - _per_channel(mean, x)
    d_bias = d_y.sum(_all_but_channels(x))
    d_y_x = (d_y * centred).sum(_all_but_channels(x))
    return _Sums(d_bias, d_y_x, d_y_x * scale, d_bias)


def _d_input(
    d_y: Tensor,
    x: Tensor,
    mean: Tensor,
    scale: Tensor,
    weight: Tensor,
    sum_d_y: Tensor,  # over all processes, as the next one
    sum_d_y_x: Tensor,
    counts: Tensor,  # P, of the values of a channel in each process
) -> Tensor:
    if _has_kernels(x):
        d_y, x = _alike(d_y, x)
        return torch.batch_norm_backward_elemt(
            d_y, x, mean, scale, weight, sum_d_y, sum_d_y_x, counts.int()
        )
    count = counts.sum()
    centred = widened(x) - _per_channel(mean, x)
    d_x = widened(d_y) - _per_channel(sum_d_y / count, x)
    d_x = d_x - centred * _per_channel(scale.square() * sum_d_y_x / count, x)
    return (d_x * _per_channel(scale * weight, x)).to(x.dtype)


def _alike(d_y: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """Both in one memory layout, which the kernels take for granted."""
    channels_last = x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return d_y.contiguous(memory_format=layout), x.contiguous(memory_format=layout)


def _all_but_channels(x: Tensor) -> list[int]:
    return [dim for dim in range(x.dim()) if dim != 1]


def _per_channel(values: Tensor, x: Tensor) -> Tensor:
    """C → 1×C×1×... as x has dimensions."""
    return values.view(1, -1, *(1,) * (x.dim() - 2))
