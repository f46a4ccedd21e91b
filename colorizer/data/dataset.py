"""The samples of training in their order, as batches."""

import math
import mmap
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from colorizer.data.order import Order
from colorizer.data.reader import Sample, ShardReader
from colorizer.errors import UserError

REPLACEMENTS = 100  # tried for one sample


class Batch(NamedTuple):
    """Samples of one process for one forward pass."""

    color: Tensor  # B×H×W×3 uint8 RGB
    line: Tensor  # B×H×W uint8, white 255
    numbers: list[int]  # n of each sample
    keys: list[str]
    bad: dict[int, str]  # place in the set of each sample that was replaced, and what is wrong


class Pictures(NamedTuple):
    """Where a batch's samples are decoded to."""

    color: np.ndarray  # B×H×W×3 uint8 RGB
    line: np.ndarray  # B×H×W uint8, white 255

    def as_batch(self, numbers: list[int], keys: list[str], bad: dict[int, str]) -> Batch:
        """A batch of this memory, with what is known of its samples."""
        return Batch(torch.from_numpy(self.color), torch.from_numpy(self.line), numbers, keys, bad)


class TrainingData:
    """The samples of training, numbered in their order without end."""

    def __init__(self, folder: Path, seed: int, window: int, bad_samples: float = 0.0) -> None:
        """
        Args:
            folder: Of shards.
            seed: Of the order.
            window: Shards whose samples are shuffled together.
            bad_samples: Share of the samples, 0 to 1, that may be unreadable, in each process.
                Another takes the place of such a one.

        Raises:
            UserError: the index or a shard is missing or damaged, or there are no samples.
        """
        self.reader = ShardReader(folder)
        if len(self.reader) == 0:
            raise UserError(f"{folder}: the shards hold no samples; make them from more pictures.")
        self.order = Order(self.reader.counts, seed, window)
        self.bad_samples = bad_samples
        # 0.29 * 100 is 28.999...
        self.allowed = math.floor(round(bad_samples * self.order.total, 6))  # unreadable samples
        self._bad: set[int] = set()  # places in the set that this process has found unreadable

    def room_for(self, count: int) -> Pictures:
        """Room for so many samples, in memory that forked processes share with this one."""
        size = self.reader.index.size
        color = mmap.mmap(-1, count * size * size * 3)  # not /dev/shm, which containers keep small
        line = mmap.mmap(-1, count * size * size)
        return Pictures(
            np.frombuffer(color, np.uint8).reshape(count, size, size, 3),
            np.frombuffer(line, np.uint8).reshape(count, size, size),
        )

    def load(self, numbers: list[int]) -> Batch:
        """The samples of these numbers.

        Raises:
            UserError: more are unreadable than may be.
        """
        pictures = self.room_for(len(numbers))
        return pictures.as_batch(numbers, *self.load_into(pictures, numbers))

    def load_into(self, pictures: Pictures, numbers: list[int]) -> tuple[list[str], dict[int, str]]:
        """Read the samples of these numbers; gives `keys` and `bad` of their batch.

        Raises:
            UserError: more are unreadable than may be.
        """
        keys: list[str] = []
        bad: dict[int, str] = {}
        for place, n in enumerate(numbers):
            sample = self._read(n, bad)
            pictures.color[place], pictures.line[place] = sample.color, sample.line
            keys.append(sample.key)
        return keys, bad

    def _read(self, n: int, bad: dict[int, str]) -> Sample:
        """The n-th sample or, while that is unreadable, the one at its place an epoch later.

        So what comes in its stead is the same for any number of processes. The unreadable ones are
        added to `bad`.

        Raises:
            UserError: more are unreadable than may be.
        """
        for later in range(REPLACEMENTS + 1):
            shard, position = self.order[n + later * self.order.total]
            try:
                return self.reader.read(shard, position)
            except UserError as error:
                place = int(self.reader.starts[shard]) + position
                bad[place] = str(error)
                self._count(place, error)
        raise UserError(
            f"{REPLACEMENTS} samples in a row that were to replace an unreadable one cannot be read"
            f" either; the last: {bad[place]}"
        )

    def _count(self, place: int, error: UserError) -> None:
        if not self.bad_samples:
            raise error
        self._bad.add(place)
        if len(self._bad) > self.allowed:
            raise UserError(
                f"{len(self._bad)} of {self.order.total} samples cannot be read, and --bad-samples"
                f" {self.bad_samples:g} allows {self.allowed}; the last: {error}"
            ) from error
