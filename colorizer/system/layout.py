"""Many tensors in one piece of memory: one to share, to pin or to copy."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Self

import torch
from torch import Tensor

ALIGNMENT = 16  # bytes; no number is wider


@dataclass(frozen=True)
class Layout:
    """Where tensors lie in a piece of memory, one behind the other, row-major."""

    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[torch.dtype, ...]

    @classmethod
    def of(cls, tensors: Sequence[Tensor]) -> Self:
        """That of tensors like these."""
        return cls(tuple(tuple(t.shape) for t in tensors), tuple(t.dtype for t in tensors))

    @property
    def nbytes(self) -> int:
        """Of all."""
        return sum(map(_aligned, self._sizes))

    @property
    def _sizes(self) -> list[int]:
        pairs = zip(self.shapes, self.dtypes, strict=True)
        return [prod(shape) * dtype.itemsize for shape, dtype in pairs]

    def views(self, memory: Tensor) -> list[Tensor]:
        """The tensors in a piece of memory (uint8), on whatever device it is."""
        tensors, start = [], 0
        for shape, dtype, size in zip(self.shapes, self.dtypes, self._sizes, strict=True):
            tensors.append(memory[start : start + size].view(dtype).view(shape))
            start += _aligned(size)
        return tensors


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
