"""Sources of one file a picture: a folder of colour pictures, and side-by-side pairs."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colorizer.making.sources.base import Grouping, Item, Picture, Source, Split, make_key
from colorizer.making.sources.loading import decode_single
from colorizer.pictures.decode import (
    UnusablePicture,
    decode_picture,
    digest_of,
    read_file,
    to_grey,
)
from colorizer.pictures.files import Rejection, entries_of, find_pictures, no_pictures

TRAIN = "train"
HELD_OUT = ("val", "valid", "test")  # names of its counterpart; the first that exists


@dataclass(frozen=True)
class PictureFolder(Source):
    """Pictures in a folder and its subfolders.

    Where the folder holds train/ and val/ (or valid/, or test/), only these two are searched, and
    val/ is held out.
    """

    folder: Path
    grouping: Grouping

    @property
    def held_out_folder(self) -> str | None:
        """The counterpart of train/, if the folder holds both."""
        if not os.path.isdir(self.folder / TRAIN):  # not Path's, which raises where it may not look
            return None
        return next((name for name in HELD_OUT if os.path.isdir(self.folder / name)), None)

    def _of_kind(self, kind: str) -> dict[str, Any]:
        """The kind and the split, as a set that is begun keeps it; the listing tells the rest."""
        split = {} if self.held_out_folder is None else {"split": f"{self.held_out_folder}/"}
        return {"source": kind, **split}

    def find(self) -> Iterator[Item | Rejection]:
        """Every picture in the folder, or in its train/ and val/; what is none is rejected."""
        held_out = self.held_out_folder
        if held_out is None:
            yield from self._find_in("", None)
            return
        yield from self._find_in(TRAIN, "train")
        yield from self._find_in(held_out, "held-out")
        for name in entries_of(self.folder):
            if name not in (TRAIN, held_out):
                yield Rejection(name, f"beside {TRAIN}/ and {held_out}/", "")

    def _find_in(self, within: str, split: Split | None) -> Iterator[Item | Rejection]:
        for file in find_pictures(self.folder, within):
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
    """Colour on the left, its line drawing on the right, each a square."""

    @property
    def identity(self) -> dict[str, Any]:
        """Its kind and split: the listing tells which pictures it holds."""
        return self._of_kind("side-by-side")

    def load(self, item: Item) -> Picture:
        """Decode the picture and cut it in two: colour on the left, line on the right."""
        data = read_file(self.folder / item.source)
        decoded = decode_picture(data)
        height, width = decoded.pixels.shape[:2]
        if width != 2 * height:
            raise UnusablePicture("not two squares", f"{width}x{height} pixels")
        color, line = decoded.pixels[:, :height], decoded.pixels[:, height:]
        metadata = {"lines": {"method": "given"}}
        return Picture(color, to_grey(line), metadata, digest_of(data), decoded.animated)
