"""Which pictures are kept from training: a hash of their group's name decides, or of their key."""

import hashlib
import os
from collections.abc import Iterable

FEW = 200  # names; of 200 a share of 0.05 is ten


def place_of(name: str) -> float:
    """Where a key or group stands between 0 and 1; the same for ever."""
    return int(hashlib.sha256(os.fsencode(name)).hexdigest()[:8], 16) / 2**32


def bound_of(names: Iterable[str], share: float) -> float:
    """Below which place a name is held out, so that about this share of the names is.

    Of many names the share itself is the bound, so that a set that grows keeps its split, unless it
    held out none. Of few chance would hold out none or far too many; so exactly the share is. Where
    there are two names or more, at least one is held out, and of few one is left to train on.

    Args:
        names: Of groups, or of pictures without one; in any number.
        share: From 0 to below 1.
    """
    if share == 0:
        return 0.0
    distinct: set[str] = set()
    lowest = second = 1.0
    for name in names:
        if len(distinct) < FEW:
            distinct.add(name)
        if (place := place_of(name)) < lowest:
            lowest, second = place, lowest
        elif lowest < place < second:
            second = place
        if len(distinct) == FEW and lowest < share:
            return share
    if len(distinct) == FEW:
        return second
    places = sorted(map(place_of, distinct))
    count = min(max(round(share * len(places)), 1), len(places) - 1)
    return places[count] if places else share
