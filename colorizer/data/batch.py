"""A batch: pictures and what was drawn for each, in one piece of memory.

So one copy, from pinned memory, takes all of it to a GPU.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple, Self

import torch
from torch import Tensor

ALIGNMENT = 16  # bytes; no number is wider


@dataclass(frozen=True)
class Layout:
    """Where tensors lie in a piece of memory, one behind the other."""

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


class Batch(NamedTuple):
    """Samples of one process for one forward pass."""

    memory: Tensor  # uint8
    layout: Layout  # of colour, line and the parameters in it
    numbers: list[int]  # n of each sample
    keys: list[str]
    bad: dict[int, str]  # place in the set of each sample that was replaced, and what is wrong

    @classmethod
    def of(
        cls,
        color: Tensor,
        line: Tensor,
        parameters: Sequence[Tensor],
        numbers: list[int],
        keys: list[str],
    ) -> "Batch":
        """A batch of tensors that lie anywhere."""
        tensors = (color, line, *parameters)
        layout = Layout.of(tensors)
        memory = torch.zeros(layout.nbytes, dtype=torch.uint8)
        for view, tensor in zip(layout.views(memory), tensors, strict=True):
            view.copy_(tensor)
        return cls(memory, layout, numbers, keys, {})

    def with_parameters(self, parameters: Sequence[Tensor]) -> "Batch":
        """The same samples, augmented so."""
        return Batch.of(self.color, self.line, parameters, self.numbers, self.keys)

    @property
    def tensors(self) -> list[Tensor]:
        """Colour, line, and the parameters."""
        return self.layout.views(self.memory)

    @property
    def color(self) -> Tensor:
        """B×H×W×3 uint8 RGB."""
        return self.tensors[0]

    @property
    def line(self) -> Tensor:
        """B×H×W uint8, white 255."""
        return self.tensors[1]

    @property
    def parameters(self) -> list[Tensor]:
        """Of the augmentation: each a row for every sample."""
        return self.tensors[2:]
