"""Copying (ours, not the paper's): each pixel of the result takes its colour from the reference's.

The paper's decoder has to learn first how a colour is passed on through hundreds of channels. A
pointer into the reference (Vinyals et al., NeurIPS 2015) passes on any colour from the first step.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorizer.networks.blocks import ResidualBlock
from colorizer.networks.precision import widened
from colorizer.networks.scanning import scanned_attention

CHANNELS = 32  # of queries and keys
OPEN = 2.0  # added to the gate: at first the result is copied rather than painted


class Offers(NamedTuple):
    """The colours that references offer."""

    keys: Tensor  # B×M×D
    colors: Tensor  # B×M×3 in [-1, 1]


class Copies(NamedTuple):
    """What the pixels of a result could copy."""

    queries: Tensor  # B×(H·W)×D
    keys: Tensor  # B×M×D
    colors: Tensor  # B×M×3 in [-1, 1]


class CopyingHead(nn.Module):
    """Copies colours of the reference, and mixes them with what the decoder has painted.

    The reference is cut into cells, one for each token. Of each cell some colours are picked, as
    means of its pixels by weights that are learned. Each pixel of the result looks at the picks of
    all cells: its query · their keys / √D, softmax over the picks, and the mean of their colours.
    """

    def __init__(
        self,
        features: int,  # channels of the decoder's last map
        reference_channels: int,  # channels of the reference encoder's finest map
        token_channels: int,
        context_channels: int,  # of what keys know of their surroundings
        cell: int,  # pixels a side
        picks: int,  # colours of a cell
    ) -> None:
        super().__init__()
        self.cell = cell
        self.picks = picks
        self.weight = nn.Conv2d(reference_channels, picks, 1)
        self.query = nn.Conv2d(features, CHANNELS, 3, padding=1)
        # The encoder's maps see little around a cell: whether it is hair or a skirt needs more.
        self.context = nn.Sequential(
            nn.Conv2d(token_channels, context_channels, 1),
            ResidualBlock(context_channels),
            ResidualBlock(context_channels),
        )
        self.token_key = nn.Linear(context_channels, picks * CHANNELS)
        self.pick_key = nn.Linear(3 + reference_channels, CHANNELS)
        self.gate = nn.Conv2d(features, 1, 1)

    def offers(self, reference: Tensor, reference_map: Tensor, tokens: Tensor) -> Offers:
        """What a reference offers.

        Args:
            reference: B×3×H'×W' in [-1, 1].
            reference_map: B×C'×H'×W', of the reference encoder.
            tokens: B×M×T, one for each cell.
        """
        pixels = torch.cat([reference, reference_map], 1)
        picked = self._picked(self.weight(reference_map), pixels)  # B×M×P×(3+C')
        rows = reference.shape[2] // self.cell
        cells = tokens.transpose(1, 2).unflatten(2, (rows, -1))  # B×T×h×w
        context = self.context(cells).flatten(2).transpose(1, 2)  # B×M×C″
        keys = self.token_key(context).unflatten(2, (self.picks, CHANNELS))
        keys = (keys + self.pick_key(picked)).flatten(1, 2)  # B×(M·P)×D
        return Offers(keys, picked[..., :3].flatten(1, 2))

    def forward(self, features: Tensor, painted: Tensor, offers: Offers) -> tuple[Tensor, Copies]:
        """Copy.

        Args:
            features: B×C×H×W, the decoder's last map.
            painted: B×3×H×W in [-1, 1], what the decoder makes of it.
            offers: Of the references.

        Returns:
            B×3×H×W in [-1, 1], and what its pixels could copy.
        """
        queries = self.query(features).flatten(2).transpose(1, 2)  # B×(H·W)×D
        copies = Copies(queries, *offers)
        copied = _copied(copies).transpose(1, 2).view_as(painted)
        gate = torch.sigmoid(self.gate(features) + OPEN)  # B×1×H×W
        return gate * copied + (1 - gate) * painted, copies

    def _picked(self, weights: Tensor, pixels: Tensor) -> Tensor:
        """B×P×H×W and B×C×H×W → the weighted means of each cell, B×M×P×C."""
        with torch.autocast(pixels.device.type, enabled=False):
            weights = _cells(widened(weights), self.cell).softmax(3)  # B×M×P×(pixels of a cell)
            return weights @ _cells(widened(pixels), self.cell).transpose(2, 3)


def _cells(x: Tensor, side: int) -> Tensor:
    """B×C×H×W → B×(h·w)×C×side², the pixels of each cell."""
    x = x.unflatten(3, (-1, side)).unflatten(2, (-1, side))  # B×C×h×side×w×side
    return x.permute(0, 2, 4, 1, 3, 5).flatten(4).flatten(1, 2)


def _copied(copies: Copies) -> Tensor:
    """B×(H·W)×3."""
    if torch.compiler.is_exporting():
        return scanned_attention(*copies, copies.keys.shape[2] ** -0.5)
    # Half precision would be off by whole levels of a colour.
    queries, keys, colors = map(widened, copies)
    # Kernels that never hold the map want values as wide as the keys, and each query in one piece.
    queries = queries.contiguous()
    values = F.pad(colors, (0, keys.shape[2] - colors.shape[2]))
    with torch.autocast(queries.device.type, enabled=False):
        mixed = F.scaled_dot_product_attention(queries, keys, values)
    return mixed[..., : colors.shape[2]]
