"""The sample grid of a run: the same held-out pictures every time."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from colorizer.config.training import TrainConfig
from colorizer.pictures import grid
from colorizer.shards.reader import ShardReader
from colorizer.system import console
from colorizer.training.held_out import evenly_chosen


class SampleBatch(NamedTuple):
    """Some of the pictures, all of one shape."""

    places: list[int]  # in the grid
    numbers: list[int]  # in the set
    color: Tensor  # B×H×W×3 uint8
    line: Tensor  # B×H×W uint8


class SampleGrid(ABC):
    """A fixed choice of held-out pictures; each task says what it shows of them."""

    columns: ClassVar[tuple[str, ...]]

    def __init__(self, config: TrainConfig, device: torch.device) -> None:
        self.device = device
        self.reader = ShardReader(config.held_out_shards)
        if len(self.reader) == 0:
            console.warn(
                f"{config.data[0]}: nothing is held out; the samples show training pictures."
            )
            self.reader = ShardReader(config.training_shards[0])
        self.numbers = evenly_chosen(len(self.reader), config.sample_count)
        samples = [self.reader[n] for n in self.numbers]
        self.color = [torch.tensor(sample.color) for sample in samples]  # H×W×3 uint8 each
        self.line = [torch.tensor(sample.line) for sample in samples]  # H×W uint8 each

    def batches(self) -> Iterator["SampleBatch"]:
        """The pictures, together those of one shape."""
        for shape in dict.fromkeys(line.shape for line in self.line):
            places = [place for place, line in enumerate(self.line) if line.shape == shape]
            yield SampleBatch(
                places,
                [self.numbers[place] for place in places],
                torch.stack([self.color[place] for place in places]),
                torch.stack([self.line[place] for place in places]),
            )

    @abstractmethod
    def row(self, generator: nn.Module, place: int) -> list[np.ndarray]:
        """What the columns show of the picture at a place: H×W×3 uint8 each, or H×W×1."""

    @torch.no_grad()
    def draw(self, generator: nn.Module) -> np.ndarray:
        """Run the generator on a picture at a time; gives H×W×3 uint8."""
        was_training = generator.training
        generator.eval()
        with torch.compiler.set_stance("force_eager"):  # no kernels for so few pictures
            rows = [self.row(generator, place) for place in range(len(self.numbers))]
        generator.train(was_training)
        return grid.grid(self.columns, rows)
