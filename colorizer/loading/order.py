"""The order of training: which sample is the n-th of a run, and which process loads it.

The n-th sample of a run is a pure function of (seed, n): epoch → permuted shards → windows of
shards → permuted samples. Step s takes samples s·B to (s+1)·B - 1, so the number of processes and
loader workers changes nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np


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


@dataclass(frozen=True)
class BatchNumbers:
    """The numbers n of every batch that one process loads."""

    first_step: int
    steps: int
    batch_size: int  # over all processes and accumulated batches
    accumulate: int
    rank: int
    processes: int

    def __len__(self) -> int:
        return (self.steps - self.first_step) * self.accumulate

    @property
    def share(self) -> int:
        """Numbers in each batch of this process."""
        return self.batch_size // (self.accumulate * self.processes)

    def __getitem__(self, batch: int) -> list[int]:
        """The numbers of one batch, which are counted from 0."""
        step, turn = divmod(batch, self.accumulate)
        before = (turn * self.processes + self.rank) * self.share  # of the same step
        start = (self.first_step + step) * self.batch_size + before
        return list(range(start, start + self.share))

    def __iter__(self) -> Iterator[list[int]]:
        return map(self.__getitem__, range(len(self)))
