"""One name in two spellings: é as one character (NFC), or as e and an accent (NFD, as macOS)."""

import os
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path


def composed(name: str) -> str:
    """A name with every letter as one character, where there is one."""
    return unicodedata.normalize("NFC", name)


def common_spelling(*sides: Iterable[str]) -> Callable[[str], str]:
    """What names of several sides are matched by: composed, where that is unambiguous.

    Where one side has both spellings of a name, they are two names, on all sides.
    """
    ambiguous: set[str] = set()
    for side in sides:
        spellings: dict[str, str] = {}
        for name in side:
            if spellings.setdefault(composed(name), name) != name:
                ambiguous.add(composed(name))
    return lambda name: name if composed(name) in ambiguous else composed(name)


def as_on_disk(path: Path) -> Path:
    """The path itself, or its other spelling if only that exists."""
    if str(path).isascii() or os.path.lexists(path):
        return path
    spellings = {unicodedata.normalize(form, str(path)) for form in ("NFC", "NFD")}
    there = [spelling for spelling in spellings if os.path.lexists(spelling)]
    return Path(there[0]) if len(there) == 1 else path
