"""Attention in an exported graph: some queries at a time, whatever size the graph is given.

A graph has no branch for maps that are too large to be held whole, so it never holds one.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch._higher_order_ops.scan import scan

QUERIES = 256  # at a time


def scanned_attention(query: Tensor, key: Tensor, value: Tensor, scale: float = 1.0) -> Tensor:
    """softmax(Q·Kᵀ · scale) · V: B×N×C, B×M×C and B×M×D → B×N×D."""
    key = key.transpose(1, 2) * scale

    def step(count: Tensor, part: Tensor) -> tuple[Tensor, Tensor]:
        return count + 0, torch.softmax(part @ key, 2) @ value  # a scan has to carry something

    _, parts = scan(step, query.new_zeros(()), _parts_of(query))
    return _together(parts, query)


def scanned_column_sums(query: Tensor, key: Tensor) -> Tensor:
    """Sums of softmax(Q·Kᵀ) over the queries: B×N×C and B×M×C → B×1×M."""
    batch, count, _ = key.shape
    key = key.transpose(1, 2)

    def step(sums: Tensor, part: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        queries, counts = part  # counts: B×1×QUERIES, 0 for what only fills the last part
        return sums + counts @ torch.softmax(queries @ key, 2), counts.new_zeros(())

    parts = _parts_of(query)
    counts = _parts_of(torch.ones_like(query[..., :1])).transpose(2, 3)
    sums, _ = scan(step, key.new_zeros(batch, 1, count), (parts, counts))
    return sums


def _parts_of(tokens: Tensor) -> Tensor:
    """B×N×C → K×B×QUERIES×C, filled up with zeros."""
    batch, count, channels = tokens.shape
    parts = (count + QUERIES - 1) // QUERIES
    filled = F.pad(tokens, (0, 0, 0, parts * QUERIES - count))
    return filled.reshape(batch, parts, QUERIES, channels).transpose(0, 1)


def _together(parts: Tensor, tokens: Tensor) -> Tensor:
    """K×B×QUERIES×D → B×N×D, N that of the tokens."""
    return parts.transpose(0, 1).flatten(1, 2)[:, : tokens.shape[1]]
