"""Random access to shards, the order of training, and the loader.

The n-th sample of a run is a pure function of (seed, n): epoch → permuted shards → windows of
shards → permuted samples. Step s takes samples s·B to (s+1)·B - 1, so the number of processes and
loader workers changes nothing.
"""

import json
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from colorizer.data.shards import (
    Index,
    SampleMembers,
    decode_color,
    decode_line,
    read_index,
    scan_shard,
)
from colorizer.errors import UserError

SHARDS_IN_MEMORY = 64  # whose member tables are kept: about 100 bytes a sample


class Sample(NamedTuple):
    """One pair of a shard."""

    key: str
    color: np.ndarray  # H×W×3 uint8 RGB
    line: np.ndarray  # H×W uint8, white 255
    metadata: dict[str, Any]


class ShardReader:
    """Reads any sample of a folder of shards."""

    def __init__(self, folder: Path) -> None:
        self.index: Index = read_index(folder)
        self.counts = [entry.samples for entry in self.index.shards]
        self._starts = np.cumsum([0, *self.counts])
        self._members = lru_cache(SHARDS_IN_MEMORY)(self._scan)

    def __len__(self) -> int:
        return self.index.samples

    def __getstate__(self) -> dict[str, Any]:  # the cache stays behind when a loader process starts
        return {"folder": self.index.folder}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["folder"])

    def __getitem__(self, number: int) -> Sample:
        """The sample at a place in the order of the shards."""
        shard = int(np.searchsorted(self._starts, number, "right")) - 1
        return self.read(shard, number - int(self._starts[shard]))

    def read(self, shard: int, position: int) -> Sample:
        """The sample at a position of a shard.

        Raises:
            UserError: the shard is damaged there; names shard and key.
        """
        path = self.index.folder / self.index.shards[shard].name
        members = self._members(shard)[position]
        with open(path, "rb") as file:
            color, line, metadata = (
                _read_at(file, *place) for place in (members.color, members.line, members.json)
            )
        try:
            return Sample(members.key, decode_color(color), decode_line(line), json.loads(metadata))
        except ValueError as error:
            raise UserError(f"{path}: sample {members.key} cannot be read ({error}).") from error

    def metadata(self, number: int) -> tuple[str, dict[str, Any]]:
        """Key and JSON of the sample at a place in the order of the shards."""
        shard = int(np.searchsorted(self._starts, number, "right")) - 1
        path = self.index.folder / self.index.shards[shard].name
        members = self._members(shard)[number - int(self._starts[shard])]
        with open(path, "rb") as file:
            try:
                return members.key, json.loads(_read_at(file, *members.json))
            except ValueError as error:
                raise UserError(f"{path}: {members.key}.json cannot be read ({error}).") from error

    def _scan(self, shard: int) -> list[SampleMembers]:
        entry = self.index.shards[shard]
        return scan_shard(self.index.folder / entry.name, entry)


def _read_at(file: Any, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)


class Order:
    """Which sample is the n-th of a run."""

    def __init__(
        self,
        counts: Sequence[int],  # samples of each shard
        seed: int,
        window: int,  # shards whose samples are shuffled together
    ) -> None:
        self.counts = np.asarray(counts)
        self.seed = seed
        self.window = window
        self.total = int(self.counts.sum())
        self._epoch = lru_cache(2)(self._permute_shards)
        self._samples = lru_cache(4)(self._permute_window)

    def __getitem__(self, n: int) -> tuple[int, int]:
        """(shard, position in it) of the n-th sample, for any n ≥ 0."""
        epoch, place = divmod(n, self.total)
        _, starts = self._epoch(epoch)
        window = int(np.searchsorted(starts, place, "right")) - 1
        shard, position = self._samples(epoch, window)[place - starts[window]]
        return int(shard), int(position)

    def _permute_shards(self, epoch: int) -> tuple[list[np.ndarray], np.ndarray]:
        """The epoch's windows of shards, and the place at which each window starts."""
        shards = np.random.default_rng([self.seed, epoch]).permutation(len(self.counts))
        windows = [shards[i : i + self.window] for i in range(0, len(shards), self.window)]
        return windows, np.cumsum([0, *(self.counts[w].sum() for w in windows[:-1])])

    def _permute_window(self, epoch: int, window: int) -> np.ndarray:
        """(shard, position) of every sample of a window, shuffled."""
        shards = self._epoch(epoch)[0][window]
        samples = np.concatenate(
            [
                np.stack([np.full(n, s), np.arange(n)], 1)
                for s, n in zip(shards, self.counts[shards], strict=True)
            ]
        )
        return np.random.default_rng([self.seed, epoch, window, 1]).permutation(samples)


class Batch(NamedTuple):
    """Pictures of one process for one forward pass."""

    color: Tensor  # B×H×W×3 uint8 RGB
    line: Tensor  # B×H×W uint8, white 255
    numbers: list[int]  # n of each sample
    keys: list[str]


class TrainingData(Dataset):
    """Looked up with a list of numbers n, gives their batch."""

    def __init__(self, folder: Path, seed: int, window: int) -> None:
        self.reader = ShardReader(folder)
        if len(self.reader) == 0:
            raise UserError(f"{folder}: the shards hold no samples; make them from more pictures.")
        self.order_settings = (self.reader.counts, seed, window)
        self.order = Order(*self.order_settings)

    def __getstate__(self) -> dict[str, Any]:
        return {"reader": self.reader, "order_settings": self.order_settings}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.order = Order(*self.order_settings)

    def __getitem__(self, numbers: list[int]) -> Batch | UserError:
        """The batch, or what is wrong with the data.

        Raised in a loader process, the error would lose its sentence.
        """
        try:
            samples = [self.reader.read(*self.order[n]) for n in numbers]
        except UserError as error:
            return error
        return Batch(
            torch.from_numpy(np.stack([s.color for s in samples])),
            torch.from_numpy(np.stack([s.line for s in samples])),
            numbers,
            [s.key for s in samples],
        )


@dataclass(frozen=True)
class BatchNumbers:
    """The numbers n of every batch that one process loads."""

    first_step: int
    steps: int
    batch_size: int  # over all processes and accumulated batches
    accumulate: int
    rank: int
    world: int

    def __len__(self) -> int:
        return (self.steps - self.first_step) * self.accumulate

    def __iter__(self) -> Iterator[list[int]]:
        share = self.batch_size // (self.accumulate * self.world)
        for step in range(self.first_step, self.steps):
            for part in range(self.accumulate):
                start = step * self.batch_size + (part * self.world + self.rank) * share
                yield list(range(start, start + share))


def load_batches(
    data: TrainingData, numbers: BatchNumbers, workers: int, pin_memory: bool
) -> Iterator[Batch]:
    """Batches in order.

    Args:
        data: The samples.
        numbers: Which batches.
        workers: Loader processes; 0 loads in this one.
        pin_memory: For a faster copy to a GPU.

    Raises:
        UserError: a sample cannot be read.
    """
    loader = DataLoader(
        data,
        batch_size=None,
        sampler=numbers,
        num_workers=workers,
        pin_memory=pin_memory,
        worker_init_fn=_start_worker,
    )
    for batch in loader:
        if isinstance(batch, UserError):
            raise batch
        yield batch


def _start_worker(_: int) -> None:
    cv2.setNumThreads(0)
    # Ctrl-C and a scheduler's SIGTERM reach the whole group; the trainer itself ends its workers.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
