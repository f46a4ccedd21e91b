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

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """B×N×C queries, B×M×C keys → B×N×C."""
        attention = attention_map(x, y)  # B×N×M, detached
        value = F.leaky_relu(self.value(y), SLOPE)
        shortcut = F.leaky_relu(self.shortcut(x), SLOPE)
        z = attention.to(value.dtype) @ value + shortcut
        return self.norm(z.transpose(1, 2)).transpose(1, 2) + x  # BatchNorm1d takes B×C×N


@torch.no_grad()
def attention_map(x: Tensor, y: Tensor) -> Tensor:
    """Doubly normalised attention, in float32 under any autocast (logits reach ±370 before
    training).

    Args:
        x: B×N×C queries.
        y: B×M×C keys.

    Returns:
        B×N×M, float32 or wider: rows are softmax over keys, then columns are brought to sum N / M
        (1 in training, where N = M), the scale that the batch norm behind it has learned. Most
        columns sum to almost nothing before training, so the clamp is part of the function.
    """
    with torch.autocast(x.device.type, enabled=False):
        x, y = (t.to(torch.promote_types(t.dtype, torch.float32)) for t in (x, y))
        attention = torch.softmax(x @ y.transpose(1, 2), dim=2)
        attention = attention / attention.sum(1, keepdim=True).clamp_min(1e-12)
        return attention * (x.shape[1] / y.shape[1])


class SCFTAttention(nn.Module):
    """softmax(W_q·X (W_k·Y)ᵀ / √C) · W_v·Y + X, with gradients everywhere (Lee et al., CVPR 2020,
    Eq. 3)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)

    def logits(self, x: Tensor, y: Tensor) -> Tensor:
        """B×N×C queries, B×M×C keys → B×N×M scaled similarities, in float32 under any autocast."""
        query, key = self.query(x), self.key(y)
        with torch.autocast(x.device.type, enabled=False):
            query, key = (t.to(torch.promote_types(t.dtype, torch.float32)) for t in (query, key))
            return query @ key.transpose(1, 2) / x.shape[2] ** 0.5

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """B×N×C queries, B×M×C keys → (B×N×C, the B×N×M logits for the triplet loss)."""
        logits = self.logits(x, y)
        value = self.value(y)
        return torch.softmax(logits, 2).to(value.dtype) @ value + x, logits
