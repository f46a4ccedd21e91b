"""Channel attention, then spatial (Sec. 3.2.1; CBAM of Woo et al., ECCV 2018, Eq. 1 to 3).

At full resolution nothing in the encoders moves as many bytes: operation by operation a layer's map
is read or written 45 times in a forward and backward pass. In training on a GPU it is 14 times: the
passes below, each a kernel that torch.compile writes. --compile does as well with the plain form,
and on a CPU that is the fastest.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from colorizer.networks.gradients import Context, Function
from colorizer.networks.kernels import in_one_kernel, missing_for_kernels


class ConvolutionalAttention(nn.Module):
    """B×C×H×W → the same, weighed by channel and then by place."""

    def __init__(
        self,
        channels: int,
        reduction: int = 16,  # the hidden layer has channels / reduction channels
    ) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.mlp = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False),
            nn.ReLU(),
            nn.Conv2d(hidden, channels, 1, bias=False),
        )
        self.spatial = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """B×C×H×W → the same shape."""
        trains = torch.is_grad_enabled() and not torch.compiler.is_compiling()
        if x.is_cuda and trains and not missing_for_kernels():
            return InFewPasses.apply(x, self.mlp[0].weight, self.mlp[2].weight, self.spatial.weight)
        return self.by_operations(x)

    def by_operations(self, x: Tensor) -> Tensor:
        """The plain form."""
        average = self.mlp(x.mean((2, 3), keepdim=True))  # B×C×1×1
        largest = self.mlp(x.amax((2, 3), keepdim=True))
        x = x * torch.sigmoid(average + largest)
        summary = torch.cat([x.amax(1, keepdim=True), x.mean(1, keepdim=True)], 1)  # B×2×H×W
        return x * torch.sigmoid(self.spatial(summary))


class InFewPasses(Function):
    """The same, a pass over the map at a time; only the map itself is kept, no weighed copy."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, first: Tensor, second: Tensor, kernel: Tensor) -> Tensor:
        """The map, the two layers' weights (hidden×C×1×1, C×hidden×1×1), and the 1×2×7×7 kernel."""
        with torch.autocast(x.device.type, enabled=False):
            pooled = in_one_kernel(_pooled)(x)
            hidden, channel = _perceived(pooled, first, second)
            peak, summary = in_one_kernel(_summarized)(x, channel)
            place = F.conv2d(summary, kernel.to(x.dtype), padding=3)
            z = in_one_kernel(_weighed)(x, channel, place)
        ctx.save_for_backward(
            x, first, second, kernel, pooled, hidden, channel, peak, summary, place
        )
        return z

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, d_z: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Gradients of the map, of the two layers' weights and of the kernel, each of its shape."""
        x, first, second, kernel, pooled, hidden, channel, peak, summary, place = ctx.saved_tensors
        with torch.autocast(x.device.type, enabled=False):
            d_place = in_one_kernel(_d_place)(d_z, x, channel, place)
            d_summary, d_kernel, _ = torch.ops.aten.convolution_backward(
                d_place, summary, kernel.to(x.dtype),
                None, [1, 1], [3, 3], [1, 1], False, [0, 0], 1, [True, True, False],
            )  # fmt: skip
            weighed = _Weighed(d_z, x, channel, place, peak, d_summary)
            d_scores, count = in_one_kernel(_d_scores)(weighed, pooled)
            d_pooled, d_first, d_second = _d_perceived(d_scores, pooled, hidden, first, second)
            d_x = in_one_kernel(_d_map)(weighed, pooled, d_pooled, count)
        return d_x, d_first, d_second, d_kernel.to(kernel.dtype)


# ---- The passes. What they compute is float32 or wider, also where the map is not: a product that
# is compared with the largest one must not be rounded once and once not.


def _pooled(x: Tensor) -> Tensor:
    """Mean of each channel and, behind the batch's means, its largest value: 2B×C×1×1, wide."""
    mean = x.mean((2, 3), True, dtype=_wide(x))
    return torch.cat([mean, x.amax((2, 3), True).to(mean.dtype)])


def _perceived(pooled: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """The perceptron's hidden layer (2B×hidden), and what it gives each channel (B×C×1×1)."""
    hidden = F.relu(pooled.flatten(1) @ first.flatten(1).t())
    of_mean, of_largest = (hidden @ second.flatten(1).t()).chunk(2)  # each B×C
    return hidden, torch.sigmoid(of_mean + of_largest)[:, :, None, None]


def _summarized(x: Tensor, channel: Tensor) -> tuple[Tensor, Tensor]:
    """Largest of each place (B×1×H×W, wide); that and the mean as the convolution takes them."""
    y = x.to(_wide(x)) * channel
    peak = y.amax(1, keepdim=True)
    return peak, torch.cat([peak, y.mean(1, keepdim=True)], 1).to(x.dtype)


def _weighed(x: Tensor, channel: Tensor, place: Tensor) -> Tensor:
    """The map under both weights."""
    wide = _wide(x)
    return (x.to(wide) * channel * torch.sigmoid(place.to(wide))).to(x.dtype)


def _d_place(d_z: Tensor, x: Tensor, channel: Tensor, place: Tensor) -> Tensor:
    """Gradient of what the sigmoid of each place takes."""
    wide = _wide(x)
    weight = torch.sigmoid(place.to(wide))
    d_weight = (d_z.to(wide) * (x.to(wide) * channel)).sum(1, keepdim=True)
    return (d_weight * weight * (1 - weight)).to(x.dtype)


class _Weighed(NamedTuple):
    """What the gradient of the map under the channels' weights is made of."""

    d_z: Tensor
    x: Tensor
    channel: Tensor
    place: Tensor
    peak: Tensor
    d_summary: Tensor

    def gradient(self) -> Tensor:
        """B×C×H×W, wide. Equal largest values share theirs, as autograd has it."""
        wide = _wide(self.x)
        d_peak, d_mean = self.d_summary.to(wide).split(1, 1)
        is_peak = self.x.to(wide) * self.channel == self.peak
        d_y = self.d_z.to(wide) * torch.sigmoid(self.place.to(wide)) + d_mean / self.x.shape[1]
        return d_y + is_peak * (d_peak / is_peak.sum(1, keepdim=True))


def _d_scores(weighed: _Weighed, pooled: Tensor) -> tuple[Tensor, Tensor]:
    """Gradient of what each channel's sigmoid takes, and how many places have its largest value."""
    x, channel = weighed.x, weighed.channel
    d_weight = (weighed.gradient() * x.to(channel.dtype)).sum((2, 3), True)
    is_largest = x == pooled.chunk(2)[1]
    return d_weight * channel * (1 - channel), is_largest.sum((2, 3), True)  # both B×C×1×1


def _d_perceived(
    d_scores: Tensor, pooled: Tensor, hidden: Tensor, first: Tensor, second: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of what was pooled, and of the two layers' weights."""
    d_scores = d_scores.flatten(1).repeat(2, 1)  # 2B×C: they were added
    d_hidden = (d_scores @ second.flatten(1)) * (hidden > 0)
    d_pooled = (d_hidden @ first.flatten(1)).view_as(pooled)
    d_first, d_second = d_hidden.t() @ pooled.flatten(1), d_scores.t() @ hidden
    return d_pooled, _strided_like(first, d_first), _strided_like(second, d_second)


def _strided_like(weight: Tensor, gradient: Tensor) -> Tensor:
    """A×B×1×1 with the weight's strides, which DDP asks for; the order in memory is the same."""
    return gradient.as_strided(weight.shape, weight.stride())


def _d_map(weighed: _Weighed, pooled: Tensor, d_pooled: Tensor, count: Tensor) -> Tensor:
    """Gradient of the map."""
    x = weighed.x
    d_mean, d_largest = d_pooled.chunk(2)
    d_x = weighed.gradient() * weighed.channel + d_mean / x[0, 0].numel()
    return (d_x + (x == pooled.chunk(2)[1]) * (d_largest / count)).to(x.dtype)


def _wide(x: Tensor) -> torch.dtype:
    return torch.promote_types(x.dtype, torch.float32)
