"""Lanes: parts of a set that a fixed process reads, so that machines share out the shards.

Every step takes the same number of samples from each lane, and a process always serves the same
lanes. So N machines read each shard once an epoch in all, not N times. A lane is no machine: the
lanes, and with them the order of the samples, are the same for any number of machines.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from colorizer.loading.order import MixedOrder, Order


class LanePart(NamedTuple):
    """What a lane holds of a set: samples of some shards, which follow each other there."""

    shards: list[int]
    firsts: list[int]  # position of the first sample, of each shard
    counts: list[int]  # samples, of each shard
    turns: int = 1  # lanes that take these samples in turn
    turn: int = 0  # which of those lanes this is


def lane_parts(
    shards: Sequence[int], counts: Sequence[int], lanes: int, seed: int
) -> list[LanePart]:
    """Cut a set's samples into parts as large as each other, to one sample.

    The shards are shuffled once, so that a lane holds shards from all over the set. A shard where
    one part ends and the next begins is in both, so processes that serve neighbouring lanes, which
    they do, may both read it.

    Args:
        shards: Numbers of the set's shards.
        counts: Samples of each, together at least one.
        lanes: Parts. Where the set has fewer samples than lanes, several lanes take turns at each.
        seed: Of the shuffling.
    """
    if lanes == 1:
        return [LanePart(list(shards), [0] * len(counts), list(counts))]
    order = np.random.default_rng([seed, 0, 8]).permutation(np.flatnonzero(counts))
    ends = np.cumsum(np.asarray(counts)[order])
    total = int(ends[-1])
    parts = max(parts for parts in range(1, min(lanes, total) + 1) if lanes % parts == 0)
    cuts = [total * part // parts for part in range(parts + 1)]
    turns = lanes // parts
    found = []
    for start, stop in pairwise(cuts):
        places = range(np.searchsorted(ends, start, "right"), np.searchsorted(ends, stop) + 1)
        own = [int(order[place]) for place in places]
        begins = [int(ends[place]) - counts[o] for place, o in zip(places, own, strict=True)]
        firsts = [max(start - begin, 0) for begin in begins]
        lasts = [min(counts[o], stop - begin) for o, begin in zip(own, begins, strict=True)]
        part = LanePart(
            [shards[o] for o in own],
            firsts,
            [last - first for first, last in zip(firsts, lasts, strict=True)],
        )
        found += [part._replace(turns=turns, turn=turn) for turn in range(turns)]
    return found


class Lane(NamedTuple):
    """The samples of one shape that a lane has, from all sets, in their order."""

    order: MixedOrder
    shards: list[int]  # numbers of the order's shards among those of all sets


class Lanes:
    """All lanes of one shape, and which of them has the n-th sample of that shape."""

    def __init__(
        self,
        parts: Sequence[Sequence[LanePart]],
        places: Sequence[int],
        seed: int,
        window: int,
        batch_size: int,
    ) -> None:
        """Order the samples of each lane.

        Args:
            parts: Of each set its parts, one for each lane; their shards are numbered over all
                sets. The lanes are a divisor or a multiple of the batch size.
            places: How many of a block's BLOCK places each set has.
            seed: Of the order.
            window: Shards whose samples are shuffled together, in all lanes.
            batch_size: Samples of a step, over all processes and accumulated batches.
        """
        lanes = len(parts[0])
        own_window = -(-window // lanes)
        self._lanes: list[Lane] = []
        for lane, of_sets in enumerate(zip(*parts, strict=True)):
            orders = [
                Order(
                    part.counts,
                    _lane_seed(seed, lane // part.turns, lanes),
                    own_window,
                    part.firsts,
                    part.turns,
                    part.turn,
                )
                for part in of_sets
            ]
            mixed = MixedOrder(orders, places, _lane_seed(seed, lane, lanes))
            self._lanes.append(Lane(mixed, [shard for part in of_sets for shard in part.shards]))
        self._batch_size = batch_size
        self._places_of_lane = max(1, batch_size // lanes)  # in a batch
        self._lanes_of_place = max(1, lanes // batch_size)  # which take turns, from step to step

    def of(self, n: int) -> tuple[int, int]:
        """The lane that has the n-th sample, and the sample's number there."""
        step, place = divmod(n, self._batch_size)
        lane, number = divmod(place, self._places_of_lane)
        later, turn = divmod(step, self._lanes_of_place)
        return lane * self._lanes_of_place + turn, later * self._places_of_lane + number

    def from_(self, lane: int) -> Iterator[Lane]:
        """A lane, and then all others, around the end."""
        yield from self._lanes[lane:]
        yield from self._lanes[:lane]


def _lane_seed(seed: int, lane: int, lanes: int) -> int:
    """Another one for each lane: else all would permute equal shards alike."""
    if lanes == 1:
        return seed
    return int(np.random.SeedSequence([seed, lane, 9]).generate_state(1, np.uint64)[0])
