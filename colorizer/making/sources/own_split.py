"""The split that pictures come with: folders train/ and val/, or what else these are called."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from colorizer.pictures.files import Rejection, entries_of
from colorizer.pictures.left_out import is_excluded

Split = Literal["train", "held-out"]
BESIDE = "beside "  # how the reason begins that a folder is not searched
TRAIN = ("train", "training")
# Names of its counterpart: the first that exists. The last are those of shards that we made.
HELD_OUT = ("val", "valid", "validation", "dev", "test", "testing", "held-out", "held_out")
SIZED = re.compile(r"_\d+k(_\d+p)?$")  # train_10k, test_2k_540p
LAST_WORD = re.compile(r"(?:.*[-_.])?([a-z]+)[-_.]?\d*")  # of train-000001, or imagenet-train-01


@dataclass(frozen=True)
class OwnSplit:
    """The names of two folders, or whatever else has a name: to train on, and held out."""

    train: str
    held_out: str

    @property
    def folders(self) -> tuple[tuple[str, Split], tuple[str, Split]]:
        """Each with the split that its pictures belong to."""
        return (self.train, "train"), (self.held_out, "held-out")

    def of(self, name: str) -> Split | None:
        """The split of what has this name; None: of neither."""
        return dict(self.folders).get(name)

    def beside(self, source: str) -> Rejection:
        """Something that belongs to neither, and is not read."""
        return Rejection(source, f"{BESIDE}{self.train}/ and {self.held_out}/", "")


def own_split_of(names: Iterable[str]) -> OwnSplit | None:
    """The split that these names are, if one is train's and one its counterpart's."""
    distinct = sorted(set(names))
    train, held_out = (_first_called(wanted, distinct) for wanted in (TRAIN, HELD_OUT))
    return OwnSplit(train, held_out) if train and held_out else None


def own_split_in(
    folder: Path,
    suits: Callable[[str], bool] = lambda name: True,
    exclude: Sequence[str] = (),
) -> OwnSplit | None:
    """The split that the subfolders of a folder are.

    Args:
        folder: It need not exist, nor may it have to be readable.
        suits: Whether a subfolder of this name comes into question.
        exclude: Patterns of what does not, as paths below the folder.
    """
    try:
        with os.scandir(folder) as entries:
            names = [
                entry.name
                for entry in entries
                if _is_called(TRAIN + HELD_OUT, entry.name) and os.path.isdir(entry.path)
            ]
    except OSError:
        return None
    wanted = (name for name in names if not is_excluded(name, exclude))
    return own_split_of(name for name in wanted if suits(name))


def beside_split(
    folder: Path, split: OwnSplit, within: str = "", exclude: Sequence[str] = ()
) -> Iterator[Rejection]:
    """What lies beside train/ and its counterpart, which nobody searches.

    Args:
        folder: Names are relative to it.
        split: The two.
        within: Subfolder that holds both; by default the folder itself does.
        exclude: Patterns of what is left out anyway.
    """
    for name in entries_of(folder / within):
        path = f"{within}/{name}" if within else name
        if split.of(name) is None and not is_excluded(path, exclude):
            yield split.beside(path)


def word_of(tar: str) -> str:
    """The word before the number of a tar's name: train of train-000001.tar."""
    found = LAST_WORD.fullmatch(tar.rpartition(".")[0].lower())
    return found[1] if found else ""


def _is_called(wanted: tuple[str, ...], name: str) -> bool:
    called = name.casefold()
    return called in wanted or SIZED.sub("", called) in wanted


def _first_called(wanted: tuple[str, ...], names: list[str]) -> str | None:
    """The first of the names that is called so; its case and a size after it do not matter."""
    for word in wanted:
        for exact in (True, False):
            for name in names:
                called = name.casefold()
                if (called if exact else SIZED.sub("", called)) == word:
                    return name
    return None
