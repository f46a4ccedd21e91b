"""The conditional discriminator (Sec. 3.1): does this picture belong to this line drawing?"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm

from colorizer.networks.blocks import SLOPE


class Discriminator(nn.Module):
    """Four 4×4 stride-2 convs with spectral and batch norm, then a plain 4×4 conv."""

    def __init__(
        self,
        in_channels: int = 4,  # picture ⊕ line
        width: float = 1.0,  # multiplies every channel count
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for channels in (16, 32, 64, 128):
            out_channels = max(1, round(channels * width))
            layers += [
                spectral_norm(nn.Conv2d(in_channels, out_channels, 4, 2, padding=1, bias=False)),
                nn.BatchNorm2d(out_channels),
                nn.LeakyReLU(SLOPE),
            ]
            in_channels = out_channels
        layers.append(nn.Conv2d(in_channels, 1, 4, bias=False))
        self.layers = nn.Sequential(*layers)

    def forward(self, picture: Tensor, line: Tensor) -> Tensor:
        """B×3×H×W picture, B×1×H×W line in [-1, 1] → B×1×h×w scores (13×13 at 256)."""
        return self.layers(torch.cat([picture, line], 1))

    @contextmanager
    def normalized_once(self) -> Iterator[None]:
        """Within it the spectral norms are computed once, in float32, not in every forward."""
        with parametrize.cached():
            with torch.autocast(next(self.parameters()).device.type, enabled=False):
                for layer in self.layers:
                    if parametrize.is_parametrized(layer):
                        _ = layer.weight
            yield
