"""The split that pictures come with: folders train/ and val/."""

import os
from collections.abc import Iterator
from pathlib import Path

from colorizer.making.sources.base import Split
from colorizer.pictures.files import Rejection, entries_of

TRAIN = "train"
BESIDE = "beside "  # how the reason begins that a folder is not searched
HELD_OUT = ("val", "valid", "test")  # names of its counterpart; the first that exists


def held_out_in(folder: Path) -> str | None:
    """The name of train/'s counterpart, if the folder holds both."""
    if not os.path.isdir(folder / TRAIN):  # not Path's, which raises where it may not look
        return None
    return next((name for name in HELD_OUT if os.path.isdir(folder / name)), None)


def splits_of(held_out: str) -> tuple[tuple[str, Split], tuple[str, Split]]:
    """train/ and its counterpart, each with the split that its pictures belong to."""
    return (TRAIN, "train"), (held_out, "held-out")


def beside_split(folder: Path, held_out: str, within: str = "") -> Iterator[Rejection]:
    """What lies beside train/ and its counterpart, which nobody searches.

    Args:
        folder: Names are relative to it.
        held_out: Name of the counterpart.
        within: Subfolder that holds both; by default the folder itself does.
    """
    for name in entries_of(folder / within):
        if name not in (TRAIN, held_out):
            source = f"{within}/{name}" if within else name
            yield Rejection(source, f"{BESIDE}{TRAIN}/ and {held_out}/", "")
