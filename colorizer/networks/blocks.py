"""The blocks that generator and extractor are built from (Sec. 3.1, 3.2.1 and Fig. 2)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorizer.networks.convolutional_attention import ConvolutionalAttention
from colorizer.networks.doubling import doubled

SLOPE = 0.2  # of every LeakyReLU


def stage_channels(width: float, stages: int) -> list[int]:
    """Channels of each resolution, finest first: 16, 32, 64, 128, 256 at width 1 and 5 stages."""
    return [max(1, round(16 * 2**stage * width)) for stage in range(stages)]


class EncoderLayer(nn.Module):
    """3×3 conv → convolutional attention (if on) → batch norm (if on) → LeakyReLU."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        convolutional_attention: bool,
        batch_norm: bool,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1)
        self.attention = (
            ConvolutionalAttention(out_channels) if convolutional_attention else nn.Identity()
        )
        self.norm = nn.BatchNorm2d(out_channels) if batch_norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """B×in×H×W → B×out×H×W, or half the size at stride 2."""
        return F.leaky_relu(self.norm(self.attention(self.conv(x))), SLOPE)


class Encoder(nn.Module):
    """Two conv layers at each resolution; the first of each but the finest halves the size."""

    def __init__(
        self,
        in_channels: int,  # 1 for a line drawing, 3 for a colour picture
        width: float,
        stages: int,
        convolutional_attention: bool,
        batch_norm: bool,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for stage, channels in enumerate(stage_channels(width, stages)):
            for position in range(2):
                stride = 2 if stage > 0 and position == 0 else 1
                self.layers.append(
                    EncoderLayer(in_channels, channels, stride, convolutional_attention, batch_norm)
                )
                in_channels = channels

    def forward(self, x: Tensor) -> list[Tensor]:
        """B×C×H×W picture → the map of every layer, finest first."""
        maps = []
        for layer in self.layers:
            x = layer(x)
            maps.append(x)
        return maps


def tokens_from(maps: Sequence[Tensor]) -> Tensor:
    """Feature dimension transformation (Sec. 3.2.1): maps pooled to the last one's size, as tokens.

    Args:
        maps: B×C_k×H_k×W_k of every encoder layer, finest first.

    Returns:
        B×(h·w)×ΣC_k, h×w the size of the last map.
    """
    height, width = maps[-1].shape[-2:]
    if torch.compiler.is_exporting():  # a graph's pooling has a fixed window
        sides = [2 ** (len(maps) // 2 - 1 - number // 2) for number in range(len(maps))]
        pooled = torch.cat([F.avg_pool2d(m, s) for m, s in zip(maps, sides, strict=True)], 1)
    else:
        pooled = torch.cat([F.adaptive_avg_pool2d(m, (height, width)) for m in maps], 1)
    # B×ΣC×h×w
    return pooled.flatten(2).transpose(1, 2)  # B×(h·w)×ΣC


class ResidualBlock(nn.Module):
    """conv3×3-BN-ReLU-conv3×3-BN, add, ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """B×C×H×W → the same."""
        return F.relu(x + self.body(x))


class DecoderLayer(nn.Sequential):
    """conv3×3-BN-LeakyReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, 3, padding=1),
            nn.BatchNorm2d(out_channels),
            nn.LeakyReLU(SLOPE),
        )


class Decoder(nn.Module):
    """U-Net decoder: two conv layers a resolution, the encoder's maps beside their inputs."""

    def __init__(
        self,
        in_channels: int,
        width: float,
        stages: int,
        out_channels: int,
        align_corners: bool,  # of the bilinear ×2
    ) -> None:
        super().__init__()
        self.align_corners = align_corners
        self.first, self.second = nn.ModuleList(), nn.ModuleList()
        coarsest_first = stage_channels(width, stages)[::-1]
        for stage, channels in enumerate(coarsest_first):
            # The coarsest stage's input already stands for the encoder's last map.
            skip = channels if stage > 0 else 0
            self.first.append(DecoderLayer(in_channels + skip, channels))
            self.second.append(DecoderLayer(channels + channels, channels))
            in_channels = channels
        self.head = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor, maps: Sequence[Tensor]) -> Tensor:
        """Coarse features and the line encoder's maps (finest first) → B×out×H×W in [-1, 1]."""
        return self.painted(self.features(x, maps))

    def features(self, x: Tensor, maps: Sequence[Tensor]) -> Tensor:
        """The same → B×C×H×W, what the picture is painted from."""
        stages = zip(self.first, self.second, _coarsest_first(maps), strict=True)
        for stage, (first, second, (earlier, later)) in enumerate(stages):
            if stage > 0:
                x = torch.cat([doubled(x, self.align_corners), later], 1)
            x = first(x)
            x = second(torch.cat([x, earlier], 1))
        return x

    def painted(self, features: Tensor) -> Tensor:
        """B×C×H×W → B×out×H×W in [-1, 1]."""
        return torch.tanh(self.head(features))


def _coarsest_first(maps: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """An encoder's maps → the two of each stage, in the order that it made them."""
    return list(zip(maps[::2], maps[1::2], strict=True))[::-1]
