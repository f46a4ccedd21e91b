"""Which picture is the reference of which drawing, outside training."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from colorizer.shards.index import NO_GROUP
from colorizer.shards.reader import ShardReader


def groups(reader: ShardReader) -> list[str]:
    """The group of every sample; a sample without one is a group of its own. No picture is read."""
    names = reader.index.groups
    return [
        f"sample {reader.key(number)}" if group == NO_GROUP else names[group]
        for number, group in enumerate(reader.groups)
    ]


def numbered(groups: Sequence[str]) -> np.ndarray:
    """N group names → N numbers from 0, in the order of the sorted names."""
    # Not by NumPy, whose every text takes the memory of the longest.
    numbers = {name: number for number, name in enumerate(sorted(set(groups)))}
    return np.array([numbers[name] for name in groups])


def same_group(groups: Sequence[str]) -> list[int | None]:
    """For every sample the next one of its group, around the end; None if it is alone."""
    members = defaultdict(list)
    for number, group in enumerate(groups):
        members[group].append(number)
    partners: list[int | None] = [None] * len(groups)
    for numbers in members.values():
        if len(numbers) > 1:
            for place, number in enumerate(numbers):
                partners[number] = numbers[(place + 1) % len(numbers)]
    return partners


def random_references(groups: Sequence[str], seed: int) -> list[int | None]:
    """For every sample another one, drawn so that each serves once: a permutation.

    So the references together are the whole set. None gets itself, nor one of its own group; where
    a group holds more than half of all samples, only itself is avoided. A single sample has none.
    """
    count = len(groups)
    if count < 2:
        return [None] * count
    rng = np.random.default_rng(seed)
    group = numbered(groups)
    if 2 * np.bincount(group).max() > count:
        group = np.arange(count)
    references = rng.permutation(count)
    for number in range(count):
        if group[references[number]] == group[number]:
            # One to change with always exists, since no group holds more than half of all.
            others = (group != group[number]) & (group[references] != group[number])
            other = rng.choice(np.flatnonzero(others))
            references[[number, other]] = references[[other, number]]
    return references.tolist()
