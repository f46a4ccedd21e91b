"""How line tokens look at reference tokens: stop-gradient attention (Sec. 3.2.2) and SCFT's."""

from functools import reduce
from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from colorizer.networks.blocks import SLOPE
from colorizer.networks.gradients import Context, Function
from colorizer.networks.precision import widened
from colorizer.networks.scanning import scanned_attention, scanned_column_sums

MAX_ENTRIES = 2**24  # of an attention map that is held whole: 64 MB in float32
PART_ENTRIES = 2**22  # of a larger one at a time


class Matching(NamedTuple):
    """How the queries match the keys: scaled inner products, computed where they are asked for."""

    queries: Tensor  # B×N×C
    keys: Tensor  # B×M×C
    scale: float

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        """B×K places of queries and B×K places of keys → B×K, in float32 or wider."""
        chosen = _gathered(self.queries, query) * _gathered(self.keys, key)
        return chosen.sum(2) * self.scale


class StopGradientAttention(nn.Module):
    """Attention whose map has no gradient (Sec. 3.2.2; Li et al., ECCV 2022).

    With no gradient: A = softmax over keys of X·Yᵀ, unscaled; then A / its sums over queries. Then
    Z = BatchNorm(A · leaky_relu(W_y·Y) + leaky_relu(W_x·X)) + X.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.value = nn.Linear(channels, channels)  # W_y
        self.shortcut = nn.Linear(channels, channels)  # W_x
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Matching]:
        """B×N×C queries, B×M×C keys → (B×N×C, their matching for the triplet loss).

        The first result gives X·Yᵀ no gradient.
        """
        value = F.leaky_relu(self.value(y), SLOPE)
        shortcut = F.leaky_relu(self.shortcut(x), SLOPE)
        z = doubly_normalized_attention(x, y, value) + shortcut
        z = self.norm(z.flatten(0, 1)).view_as(z) + x  # each token is one of a batch of B·N
        return z, Matching(x, y, 1.0)


class SCFTAttention(nn.Module):
    """softmax(W_q·X (W_k·Y)ᵀ / √C) · W_v·Y + X, with all gradients (Lee et al., CVPR 2020)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Matching]:
        """B×N×C queries, B×M×C keys → (B×N×C, their matching for the triplet loss)."""
        query, key, value = self.query(x), self.key(y), self.value(y)
        z = scaled_attention(query, key, value)
        return z.to(value.dtype) + x, Matching(query, key, x.shape[2] ** -0.5)


def scaled_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """softmax(Q·Kᵀ / √C) · V: B×N×C, B×M×C and B×M×C → B×N×C, in float32 or wider.

    Beyond MAX_ENTRIES the map is never held whole. Below, it is: one head as wide as the tokens
    leaves most of a GPU idle in the kernels that spare it.
    """
    if torch.compiler.is_exporting():
        return scanned_attention(query, key, value, query.shape[2] ** -0.5)
    with torch.autocast(query.device.type, enabled=False):
        query, key, value = map(widened, (query, key, value))
        if _is_small(query, key):
            return torch.softmax(query @ key.transpose(1, 2) * query.shape[2] ** -0.5, 2) @ value
        query, key, value = (t.unsqueeze(1) for t in (query, key, value))  # B×1×N×C: one head
        return F.scaled_dot_product_attention(query, key, value).squeeze(1)


def doubly_normalized_attention(x: Tensor, y: Tensor, value: Tensor) -> Tensor:
    """A · value, where A is softmax over keys of X·Yᵀ, then every key's share over the queries.

    A's columns are brought to the sum N / M (1 in training, where N = M), the scale that the batch
    norm behind it has learned. Most columns sum to almost nothing before training, so the clamp is
    part of the function.

    Args:
        x: B×N×C queries; A gives it no gradient.
        y: B×M×C keys; likewise.
        value: B×M×D.

    Returns:
        B×N×D. Beyond MAX_ENTRIES, A is never held whole, neither here nor in the backward pass,
        which costs five products of that size instead of three.
    """
    x, y = x.detach(), y.detach()
    if torch.compiler.is_exporting():
        scale = _column_scale(scanned_column_sums(x, y), x, y)  # B×1×M
        return scanned_attention(x, y, value / scale.transpose(1, 2))
    if not _is_small(x, y):
        return _AttentionInParts.apply(x, y, value)
    attention = _softmax_over_keys(x, y)  # B×N×M
    attention = attention / _column_scale(attention.sum(1, keepdim=True), x, y)
    return attention.to(value.dtype) @ value


class _PartsContext(Context, Protocol):
    rows: int  # queries at a time


class _AttentionInParts(Function):
    """The same, some queries at a time; of A only the sums of its columns are kept."""

    @staticmethod
    def forward(ctx: _PartsContext, x: Tensor, y: Tensor, value: Tensor) -> Tensor:
        rows = max(1, PART_ENTRIES // (len(y) * y.shape[1]))
        parts = x.split(rows, 1)
        sums = (_softmax_over_keys(part, y).sum(1, keepdim=True) for part in parts)  # B×1×M
        scale = _column_scale(reduce(torch.add, sums), x, y)
        z = value.new_empty(*x.shape[:2], value.shape[2])
        for part, result in zip(parts, z.split(rows, 1), strict=True):
            attention = _softmax_over_keys(part, y).div_(scale)  # B×rows×M
            result.copy_(attention.to(value.dtype) @ value)
        ctx.save_for_backward(x, y, scale)
        ctx.rows = rows
        return z

    @staticmethod
    @once_differentiable
    def backward(ctx: _PartsContext, d_z: Tensor) -> tuple[None, None, Tensor]:
        """Gradient of the values: dV = Aᵀ·dZ."""
        x, y, scale = ctx.saved_tensors
        # In float32: half precision would lose what many parts add.
        d_value = widened(d_z).new_zeros(*y.shape[:2], d_z.shape[2])
        for part, d_part in zip(x.split(ctx.rows, 1), d_z.split(ctx.rows, 1), strict=True):
            attention = _softmax_over_keys(part, y).div_(scale).to(d_z.dtype)
            d_value += attention.transpose(1, 2) @ d_part
        return None, None, d_value.to(d_z.dtype)


def _is_small(queries: Tensor, keys: Tensor) -> bool:
    return len(queries) * queries.shape[1] * keys.shape[1] <= MAX_ENTRIES


def _softmax_over_keys(x: Tensor, y: Tensor) -> Tensor:
    """softmax(X·Yᵀ) in float32 or wider under any autocast.

    Unscaled products reach ±370 before training: half precision would be off by whole units.
    """
    with torch.autocast(x.device.type, enabled=False):
        return torch.softmax(widened(x) @ widened(y).transpose(1, 2), 2)


def _column_scale(sums: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """What A's columns, which sum to `sums`, are divided by."""
    return sums.clamp_min(1e-12) * (y.shape[1] / x.shape[1])


def _gathered(tokens: Tensor, places: Tensor) -> Tensor:
    """B×N×C tokens at B×K places → B×K×C."""
    return widened(tokens).gather(1, places.unsqueeze(2).expand(-1, -1, tokens.shape[2]))
