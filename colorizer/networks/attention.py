"""How the line tokens look at the reference's tokens: stop-gradient attention and SCFT's."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorizer.networks.blocks import SLOPE


class StopGradientAttention(nn.Module):
    """Attention whose map has no gradient (Li et al., ECCV 2022; Sec. 3.3 and Eq. 3 of the paper).

    With no gradient: A = softmax over keys of X·Yᵀ, unscaled; then A / its sums over queries. Then
    Z = BatchNorm(A · leaky_relu(W_y·Y) + leaky_relu(W_x·X)) + X.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.value = nn.Linear(channels, channels)  # W_y
        self.shortcut = nn.Linear(channels, channels)  # W_x
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """B×N×C queries, B×M×C keys → (B×N×C, the B×N×M logits for the triplet loss).

        The first result gives the logits no gradient.
        """
        logits = similarity(x, y)
        attention = doubly_normalized(logits.detach())  # B×N×M
        value = F.leaky_relu(self.value(y), SLOPE)
        shortcut = F.leaky_relu(self.shortcut(x), SLOPE)
        z = attention.to(value.dtype) @ value + shortcut
        return self.norm(z.transpose(1, 2)).transpose(1, 2) + x, logits  # BatchNorm1d takes B×C×N


class SCFTAttention(nn.Module):
    """softmax(W_q·X (W_k·Y)ᵀ / √C) · W_v·Y + X, with all gradients (Lee et al., CVPR 2020)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """B×N×C queries, B×M×C keys → (B×N×C, the B×N×M logits for the triplet loss)."""
        logits = similarity(self.query(x), self.key(y)) / x.shape[2] ** 0.5
        value = self.value(y)
        return torch.softmax(logits, 2).to(value.dtype) @ value + x, logits


def similarity(x: Tensor, y: Tensor) -> Tensor:
    """B×N×C and B×M×C → B×N×M inner products, in float32 or wider under any autocast.

    Unscaled ones reach ±370 before training: half precision would be off by whole units.
    """
    with torch.autocast(x.device.type, enabled=False):
        x, y = (t.to(torch.promote_types(t.dtype, torch.float32)) for t in (x, y))
        return x @ y.transpose(1, 2)


def doubly_normalized(logits: Tensor) -> Tensor:
    """Softmax over keys, then every key's share over the queries.

    Args:
        logits: B×N×M, float32 or wider.

    Returns:
        B×N×M: rows are softmax over keys, then columns are brought to the sum N / M (1 in training,
        where N = M), the scale that the batch norm behind it has learned. Most columns sum to
        almost nothing before training, so the clamp is part of the function.
    """
    attention = torch.softmax(logits, dim=2)
    attention = attention / attention.sum(1, keepdim=True).clamp_min(1e-12)
    return attention * (logits.shape[1] / logits.shape[2])
