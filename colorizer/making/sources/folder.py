"""Sources of one file a picture: a folder of colour pictures, and side-by-side pairs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from colorizer.making.sources.base import Grouping, Item, Picture, Source, make_key
from colorizer.making.sources.drawings import Mending
from colorizer.making.sources.loading import decode_halves, decode_single
from colorizer.making.sources.own_split import OwnSplit, Split, beside_split, own_split_in
from colorizer.pictures.decode import read_file
from colorizer.pictures.files import Rejection, find_pictures, no_pictures


@dataclass(frozen=True)
class PictureFolder(Source):
    """Pictures in a folder and its subfolders.

    Where the folder holds train/ and val/ (or what else these are called), only these two are
    searched, and val/ is held out.
    """

    folder: Path
    grouping: Grouping
    exclude: tuple[str, ...] = ()  # patterns of what to leave out

    @property
    def own_split(self) -> OwnSplit | None:
        """train/ and its counterpart, if the folder holds both."""
        return own_split_in(self.folder, exclude=self.exclude)

    def find(self) -> Iterator[Item | Rejection]:
        """Every picture in the folder, or in its train/ and val/; what is none is rejected."""
        own = self.own_split
        if own is None:
            yield from self._find_in("", None)
            return
        for name, split in own.folders:
            yield from self._find_in(name, split)
        yield from beside_split(self.folder, own, exclude=self.exclude)

    def _find_in(self, within: str, split: Split | None) -> Iterator[Item | Rejection]:
        for file in find_pictures(self.folder, within, self.exclude):
            if isinstance(file, Rejection):
                yield file
                continue
            yield Item(
                key=make_key(file.source),
                source=file.source,
                stamp=str(file.bytes),
                where=(),
                group=self.grouping(file.source.removeprefix(f"{within}/")),
                split=split,
            )

    def nothing_found(self) -> str:
        """Says which names pictures must have."""
        return no_pictures(self.folder)


@dataclass(frozen=True)
class Folder(PictureFolder):
    """Colour pictures."""

    @property
    def identity(self) -> dict[str, Any]:
        """Its kind and split: the listing tells which pictures it holds."""
        return self._of_kind("folder")

    def load(self, item: Item) -> Picture:
        """Decode the picture; its line is to be drawn."""
        return decode_single(read_file(self.folder / item.source))


@dataclass(frozen=True)
class SideBySide(PictureFolder):
    """Colour and its line drawing beside each other in one file, each half of its width."""

    line_side: Literal["left", "right"] = "right"
    mending: Mending = field(default_factory=Mending)

    @property
    def identity(self) -> dict[str, Any]:
        """Its kind and split, and how its halves are read."""
        side = {} if self.line_side == "right" else {"line_side": self.line_side}
        return {**self._of_kind("side-by-side"), **side, **self.mending.settings}

    def load(self, item: Item) -> Picture:
        """Decode the picture and cut it in two."""
        return decode_halves(read_file(self.folder / item.source), self.line_side, self.mending)

    def other_way_round(self) -> str:
        """Names the other side."""
        return f"give --line-side {'left' if self.line_side == 'right' else 'right'}"
