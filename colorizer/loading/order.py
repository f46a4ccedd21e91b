"""The order of training: which sample is the n-th of a run, and which process loads it.

The n-th sample of a run is a pure function of (seed, n): its lane and its number there → its set
and its number there → epoch → permuted shards → windows of shards → permuted samples. Step s takes
samples s·B to (s+1)·B - 1, so the number of processes and loader workers changes nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

BLOCK = 1000  # samples of a run in which every set has exactly its share


class Order:
    """Which sample of a set, or of a lane's part of it, is the n-th that a run takes from there."""

    def __init__(
        self,
        counts: Sequence[int],  # samples of each shard
        seed: int,
        window: int,  # shards whose samples are shuffled together
        firsts: Sequence[int] = (),  # position of each shard's first sample; all 0 without
        turns: int = 1,  # lanes that take these samples in turn
        turn: int = 0,  # which of those lanes this is
    ) -> None:
        self.counts = np.asarray(counts)
        self.firsts = np.asarray(firsts or [0] * len(counts))
        self.seed = seed
        self.window = window
        self.turns, self.turn = turns, turn
        self.total = int(self.counts.sum())
        self._epoch = lru_cache(2)(self._permute_shards)
        self._samples = lru_cache(4)(self._permute_window)

    def __getitem__(self, n: int) -> tuple[int, int]:
        """(shard, position in it) of the n-th sample, for any n ≥ 0."""
        epoch, place = divmod(n * self.turns + self.turn, self.total)
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
                np.stack([np.full(n, s), np.arange(first, first + n)], 1)
                for s, first, n in zip(
                    shards, self.firsts[shards], self.counts[shards], strict=True
                )
            ]
        )
        return np.random.default_rng([self.seed, epoch, window, 1]).permutation(samples)


class MixedOrder:
    """Which sample is the n-th of a run that takes its samples from several sets.

    A run is blocks of BLOCK samples. In each, every set has its count of places, permuted by
    (seed, block), and fills them in the set's own order.
    """

    def __init__(self, orders: Sequence[Order], counts: Sequence[int], seed: int) -> None:
        """Mix the orders of the sets.

        Args:
            orders: Of each set.
            counts: How many samples of a block each set gives; together BLOCK.
            seed: Of the permutations.
        """
        self.orders = orders
        self.counts = counts
        self.seed = seed
        self.total = sum(order.total for order in orders)
        self._first_shards = np.cumsum([0, *(len(order.counts) for order in orders)])
        self._block = lru_cache(2)(self._permute_block)

    def __getitem__(self, n: int) -> tuple[int, int]:
        """(shard, position in it) of the n-th sample; the shards of all sets are numbered on."""
        return self.later(n, 0)

    def later(self, n: int, epochs: int) -> tuple[int, int]:
        """What stands at the n-th sample's place so many epochs of its set later."""
        block, place = divmod(n, BLOCK)
        sets, ranks = self._block(block)
        number = int(sets[place])
        order, before = self.orders[number], block * self.counts[number]
        shard, position = order[before + int(ranks[place]) + epochs * order.total]
        return int(self._first_shards[number]) + shard, position

    def _permute_block(self, block: int) -> tuple[np.ndarray, np.ndarray]:
        """For each place of a block the set that fills it, and how many places it fills before."""
        sets = np.repeat(np.arange(len(self.counts)), self.counts)
        sets = np.random.default_rng([self.seed, block, 4]).permutation(sets)
        ranks = np.empty(BLOCK, int)
        for number, count in enumerate(self.counts):
            ranks[sets == number] = np.arange(count)
        return sets, ranks


def counts_in_block(shares: Sequence[float], block: int = BLOCK) -> list[int]:
    """How many places of a block each gets: its share, rounded so that the sum is exact.

    Args:
        shares: Above 0, in proportion to each other.
        block: Places.
    """
    wanted = block * np.array(shares, float) / sum(shares)
    counts = np.floor(wanted).astype(int)
    rest = np.argsort(counts - wanted, kind="stable")[: block - counts.sum()]
    counts[rest] += 1  # those with the largest remainders
    return counts.tolist()


@dataclass(frozen=True)
class BatchNumbers:
    """The numbers n of every batch that one process loads.

    A step's numbers are cut into a run for each accumulated batch of each process: as long as each
    other, to one number.
    """

    first_step: int
    steps: int
    batch_size: int  # over all processes and accumulated batches
    accumulate: int
    rank: int
    processes: int

    def __len__(self) -> int:
        return (self.steps - self.first_step) * self.accumulate

    @property
    def largest(self) -> int:
        """Numbers in the largest batch of any process."""
        return -(-self.batch_size // (self.accumulate * self.processes))

    def __getitem__(self, batch: int) -> list[int]:
        """The numbers of one batch, which are counted from 0."""
        step, turn = divmod(batch, self.accumulate)
        run, runs = turn * self.processes + self.rank, self.accumulate * self.processes
        start = (self.first_step + step) * self.batch_size
        ends = (start + self.batch_size * end // runs for end in (run, run + 1))
        return list(range(*ends))

    def __iter__(self) -> Iterator[list[int]]:
        return map(self.__getitem__, range(len(self)))
