"""A batch: pictures and what was drawn for each, in one piece of memory.

So one copy, from pinned memory, takes all of it to a GPU.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from colorizer.system.layout import Layout


class Batch(NamedTuple):
    """Samples of one process for one forward pass."""

    memory: Tensor  # uint8
    layout: Layout  # of colour, line and the parameters in it
    numbers: list[int]  # n of each sample
    keys: list[str]
    bad: dict[int, str]  # place in the set of each sample that was replaced, and what is wrong
    references: Sequence[str] = ()  # keys of the reference pictures, if the batch carries them

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
        more = (*self.reference_pictures, *parameters)
        batch = Batch.of(self.color, self.line, more, self.numbers, self.keys)
        return batch._replace(references=self.references)

    @property
    def tensors(self) -> list[Tensor]:
        """Colour, line, the reference pictures and the parameters."""
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
    def reference_pictures(self) -> list[Tensor]:
        """B×H×W×3 uint8 RGB, and B bool: whether each is another picture of the group.

        Empty if the batch carries none: the samples' own pictures then are their references.
        """
        return self.tensors[2:4] if self.references else []

    @property
    def parameters(self) -> list[Tensor]:
        """Of the augmentation: each a row for every sample."""
        return self.tensors[4:] if self.references else self.tensors[2:]
