"""Which picture is the reference of which drawing, outside training."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from colorizer.data.dataset import ShardReader


def groups(reader: ShardReader) -> list[str]:
    """The group of every sample; a sample without one is a group of its own."""
    found = []
    for number in range(len(reader)):
        key, metadata = reader.metadata(number)
        found.append(metadata.get("group") or f"sample {key}")
    return found


def same_group(groups: Sequence[str]) -> list[int | None]:
    """For every sample the next one of its group, around the end; None if it is alone."""
    partners: list[int | None] = [None] * len(groups)
    for numbers in _members(groups).values():
        if len(numbers) > 1:
            for place, number in enumerate(numbers):
                partners[number] = numbers[(place + 1) % len(numbers)]
    return partners


def random_references(groups: Sequence[str], seed: int) -> list[int | None]:
    """For every sample another one, drawn so that each serves once: a permutation.

    So the references together are the whole set. None gets itself, nor one of its own group unless
    a group holds more than half of all samples. A single sample has no reference.
    """
    rng = np.random.default_rng(seed)
    members = list(_members(groups).values())
    # All samples in a circle, groups side by side; each takes the one that is `step` ahead.
    circle = [int(n) for g in rng.permutation(len(members)) for n in rng.permutation(members[g])]
    references: list[int | None] = [None] * len(groups)
    if len(groups) > 1:
        largest = max(map(len, members))
        step = largest if 2 * largest <= len(circle) else 1
        for place, number in enumerate(circle):
            references[number] = circle[(place + step) % len(circle)]
    return references


def _members(groups: Sequence[str]) -> dict[str, list[int]]:
    members = defaultdict(list)
    for number, group in enumerate(groups):
        members[group].append(number)
    return members
