"""The order of training on pictures of one shape or of several: a step has pictures of one shape.

A run is blocks of STEPS steps. In each, every shape has its count of steps, spread evenly and drawn
by (seed, block). With B samples a step, the k-th step of a shape takes samples k·B to (k+1)·B - 1
of the shape's own order, which is that of its lanes. So of one shape and in one lane the order is
just that of its sets.
"""

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from colorizer.loading.lanes import Lanes, lane_parts
from colorizer.loading.order import BLOCK, counts_in_block
from colorizer.loading.sets import JoinedSets
from colorizer.shards.index import Shape

STEPS = 10_000  # of a run in which every shape has its share, and one at least


class ShapedOrder:
    """Which sample is the n-th of a run, and of which shape the n-th is."""

    def __init__(
        self,
        sets: JoinedSets,
        shares: Sequence[float],
        seed: int,
        window: int,
        batch_size: int,
        lanes: int = 1,
    ) -> None:
        """Sort the shards by their shapes.

        Args:
            sets: Whose samples they are.
            shares: Of each set among the samples; together 1. They hold over all shapes, and a set
                gives to each shape as it has of it.
            seed: Of the order.
            window: Shards whose samples are shuffled together.
            batch_size: Samples of a step, over all processes and accumulated batches.
            lanes: Parts that each shape of each set is cut into; a divisor or a multiple of the
                batch size.
        """
        self.total = len(sets)
        self.shapes = sets.shapes
        self._seed = seed
        self._batch_size = batch_size
        self._lanes: list[Lanes] = []  # of each shape
        given = []
        for shape in self.shapes:
            shards = [
                [number for number in numbers if sets.shape_of_shard[number] == shape]
                for numbers in sets.shards_of_sets
            ]
            counts = [[sets.counts[number] for number in numbers] for numbers in shards]
            # What each set gives to this shape, of all samples.
            parts = [
                share * sum(own) / len(reader)
                for share, own, reader in zip(shares, counts, sets.readers, strict=True)
            ]
            there = [number for number, part in enumerate(parts) if part > 0]
            mixed = _at_least_one([parts[number] for number in there], BLOCK)
            cut = [lane_parts(shards[number], counts[number], lanes, seed) for number in there]
            self._lanes.append(Lanes(cut, mixed, seed, window, batch_size))
            given.append(sum(parts))
        self._steps = _at_least_one(given, STEPS)  # of a block, for each shape
        self._block = lru_cache(2)(self._spread_block)

    def __getitem__(self, n: int) -> tuple[int, int]:
        """(shard, position in it) of the n-th sample; the shards of all sets are numbered on."""
        return next(self.choices(n, 0))

    def choices(self, n: int, epochs: int) -> Iterator[tuple[int, int]]:
        """(shard, position in it) of the n-th sample, and of others that may take its place.

        First come those at its place so many epochs of its set, shape and lane later. Then, as all
        of them may be unreadable, those at this place of the other lanes, and last those of the
        other shapes, the nearest first.
        """
        own, place = self._place(n)
        for number in self._nearest_to(own):
            own_lane, of_lane = self._lanes[number].of(place)
            for lane in self._lanes[number].from_(own_lane):
                met: set[tuple[int, int]] = set()
                for later in range(epochs + 1):
                    shard, position = lane.order.later(of_lane, later)
                    if (shard, position) in met:
                        continue
                    met.add((shard, position))
                    yield lane.shards[shard], position
                    if len(met) == lane.order.total:
                        break

    def _nearest_to(self, own: int) -> list[int]:
        """Numbers of all shapes, from this itself to the one whose aspect ratio is farthest."""
        ratios = [math.log(width / height) for height, width in self.shapes]
        return sorted(range(len(ratios)), key=lambda number: abs(ratios[number] - ratios[own]))

    def shape_of(self, n: int) -> Shape:
        """The shape of the n-th sample, and of all that share its step."""
        return self.shapes[self._place(n)[0]]

    def _place(self, n: int) -> tuple[int, int]:
        """Number of the n-th sample's shape, and of the sample in that shape's order."""
        step, of_step = divmod(n, self._batch_size)
        block, of_block = divmod(step, STEPS)
        shapes, ranks = self._block(block)
        number = int(shapes[of_block])
        before = block * self._steps[number] + int(ranks[of_block])  # steps of this shape
        return number, before * self._batch_size + of_step

    def _spread_block(self, block: int) -> tuple[np.ndarray, np.ndarray]:
        """For each step of a block its shape's number, and how many of that shape come before."""
        rng = np.random.default_rng([self._seed, block, 6])
        # Each of a shape's steps somewhere in its own stretch of the block.
        times = [(np.arange(count) + rng.random(count)) / count for count in self._steps]
        order = np.argsort(np.concatenate(times), kind="stable")
        shapes = np.repeat(np.arange(len(self._steps)), self._steps)[order]
        ranks = np.concatenate([np.arange(count) for count in self._steps])[order]
        return shapes, ranks


def _at_least_one(shares: Sequence[float], block: int) -> list[int]:
    """As `counts_in_block`, but the least share gets a place, too, from those of the largest."""
    counts = [max(1, count) for count in counts_in_block(shares, block)]
    counts[counts.index(max(counts))] -= sum(counts) - block
    return counts
