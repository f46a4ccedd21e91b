"""Which other pictures of a training set belong to a sample's group."""

from collections.abc import Iterator

import numpy as np

from colorizer.shards.index import NO_GROUP


class Partners:
    """The partners of a sample: the other samples of its group."""

    def __init__(self, groups: np.ndarray, starts: np.ndarray | None = None) -> None:
        """Sort the samples by their groups.

        Args:
            groups: N numbers from 0, the group of each sample; NO_GROUP for one that has none.
            starts: Place of each shard's first sample, and N. With these, partners are of one
                shard, too.
        """
        if starts is not None:
            groups = _within_shards(groups, starts)
        self._groups = groups
        self._members = np.argsort(groups, kind="stable")  # group by group, NO_GROUP first
        numbers = np.arange(groups.max(initial=NO_GROUP) + 2)
        self._starts = np.searchsorted(groups[self._members], numbers)  # of each group, and the end

    @property
    def count(self) -> int:
        """Samples that have a partner."""
        sizes = np.diff(self._starts)
        return int(sizes[sizes > 1].sum())

    def drawn_for(self, place: int, rng: np.random.Generator) -> Iterator[int]:
        """The partners of the sample at a place of the set, each once, in an order that is drawn.

        The first costs as much in the largest group as in the smallest.
        """
        group = self._groups[place]
        if group == NO_GROUP:
            return
        members = self._members[self._starts[group] : self._starts[group + 1]]
        itself, others = np.searchsorted(members, place), len(members) - 1
        if not others:
            return
        first = rng.integers(others)
        yield int(members[first + (first >= itself)])
        for other in rng.permutation(others):
            if other != first:
                yield int(members[other + (other >= itself)])


def _within_shards(groups: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """As many groups of each as there are shards that have samples of it."""
    shards = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    parts = shards * (groups.max(initial=NO_GROUP) + 1) + groups
    numbers = np.unique(parts[groups != NO_GROUP], return_inverse=True)[1]
    found = np.full(len(groups), NO_GROUP)
    found[groups != NO_GROUP] = numbers
    return found
