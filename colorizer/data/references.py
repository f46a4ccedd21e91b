"""Which picture is the reference of which drawing, outside training."""

from collections import defaultdict

import numpy as np

from colorizer.data.dataset import ShardReader


def groups(reader: ShardReader) -> list[str]:
    """The group of every sample; a sample without one is a group of its own."""
    found = []
    for number in range(len(reader)):
        key, metadata = reader.metadata(number)
        found.append(metadata.get("group") or f"sample {key}")
    return found


def same_group(groups: list[str]) -> list[int | None]:
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


def other_group(groups: list[str], seed: int) -> list[int | None]:
    """For every sample one of another group, drawn with a seed; None if there is only one group."""
    rng = np.random.default_rng(seed)
    if len(set(groups)) < 2:
        return [None] * len(groups)
    drawn: list[int | None] = []
    for group in groups:
        number = int(rng.integers(len(groups)))
        while groups[number] == group:
            number = int(rng.integers(len(groups)))
        drawn.append(number)
    return drawn
