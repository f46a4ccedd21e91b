"""Looks at held-out pictures while training goes on."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from colorizer.augmentation.distortion import to_signed, to_uint8
from colorizer.config.training import TrainConfig
from colorizer.pictures.grid import psnr_of
from colorizer.shards.reader import ShardReader
from colorizer.training.together import reduced

METRICS = ("l1", "psnr")


class Case(NamedTuple):
    """One thing to do with the generator, and what its result is compared with."""

    inputs: tuple[Tensor, ...]  # C×H×W each: uint8, or float in [-1, 1]
    truths: dict[str, np.ndarray]  # what its figures are called (self, cross, ...) → H×W×C uint8


class HeldOut(ABC):
    """A fixed set of held-out pictures that all processes share; each task says what it judges."""

    rows: ClassVar[tuple[str, ...]]  # all that there may be, the one to choose the best by first

    def __init__(self, config: TrainConfig, accelerator: Accelerator) -> None:
        """Choose the pictures, and read those of this process.

        Args:
            config: Which data, and how many pictures at most.
            accelerator: Says which of the pictures are this process's.
        """
        self.accelerator = accelerator
        self.reader = ShardReader(config.held_out_shards)
        runs = accelerator.num_processes * config.accumulate
        self.batch_size = -(-config.batch_size // runs)
        numbers = evenly_chosen(len(self.reader), config.evaluate_count)
        mine = numbers[accelerator.process_index :: accelerator.num_processes]
        self.cases = [case for number in mine for case in self.cases_of(number)]
        self.figures = self._figures()

    @abstractmethod
    def cases_of(self, number: int) -> Iterable[Case]:
        """What is judged of the held-out picture at a place."""

    @torch.no_grad()
    def look(self, generator: nn.Module) -> dict[str, float]:
        """Judge a generator by all cases of all processes, which must call this together.

        Args:
            generator: The same in every process.

        Returns:
            `cross/psnr` and so on, the mean over the pictures. PSNR is in dB, of 8-bit values; L1
            is on the scale of [-1, 1], as the loss is.
        """
        was_training = generator.training
        generator.eval()
        sums = np.zeros((len(self.rows), len(METRICS)))
        with torch.compiler.set_stance("force_eager"):  # no kernels for batches of other sizes
            for cases in self._batches():
                for case, result in zip(cases, self._results(generator, cases), strict=True):
                    for row, truth in case.truths.items():
                        sums[self.rows.index(row)] += _compared(result, truth)
        generator.train(was_training)
        means = self._over_all(sums) / np.maximum(self._counts(), 1)[:, None]
        return {
            f"{row}/{metric}": means[r, m].item()
            for r, row in enumerate(self.rows)
            for m, metric in enumerate(METRICS)
            if f"{row}/{metric}" in self.figures
        }

    def _batches(self) -> Iterator[list[Case]]:
        """All cases, together those whose pictures have the same shapes."""
        alike: dict[tuple[torch.Size, ...], list[Case]] = {}
        for case in self.cases:
            alike.setdefault(tuple(tensor.shape for tensor in case.inputs), []).append(case)
        for cases in alike.values():
            for start in range(0, len(cases), self.batch_size):
                yield cases[start : start + self.batch_size]

    def _results(self, generator: nn.Module, cases: Sequence[Case]) -> np.ndarray:
        """B×H×W×C uint8, computed in float32 as evaluate.py does."""
        inputs = []
        for tensors in zip(*(case.inputs for case in cases), strict=True):
            batch = torch.stack(tensors).to(self.accelerator.device)
            inputs.append(batch if batch.is_floating_point() else to_signed(batch))
        return to_uint8(self.result_of(generator, inputs))

    @abstractmethod
    def result_of(self, generator: nn.Module, inputs: Sequence[Tensor]) -> Tensor:
        """B×C×H×W in [-1, 1]."""

    def _figures(self) -> list[str]:
        """The figures that these pictures have, the default one to choose the best by first."""
        there = [row for row, count in zip(self.rows, self._counts(), strict=True) if count]
        return [f"{row}/{metric}" for metric in reversed(METRICS) for row in there]

    def _counts(self) -> np.ndarray:
        """Comparisons in each row, over all processes."""
        mine = [sum(row in case.truths for case in self.cases) for row in self.rows]
        return self._over_all(np.array(mine, float))

    def _over_all(self, sums: np.ndarray) -> np.ndarray:
        device = self.accelerator.device
        precise = torch.float64 if device.type != "mps" else torch.float32
        tensor = torch.tensor(sums, dtype=precise, device=device)
        return reduced(self.accelerator, tensor, "sum").cpu().numpy()


def evenly_chosen(count: int, at_most: int) -> list[int]:
    """Places in a set, the first and the last among them."""
    return np.linspace(0, count - 1, min(at_most, count)).round().astype(int).tolist()


def _compared(result: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """L1 and PSNR of one picture."""
    difference = result.astype(float) - truth
    return np.abs(difference).mean() / 127.5, psnr_of((difference**2).mean()).item()
