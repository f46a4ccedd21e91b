"""Sources of one file a picture: a folder of colour pictures, and side-by-side pairs."""

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
from colorizer.pictures.files import PictureFile, Rejection, find_pictures, no_pictures

SPLITS: dict[str, Split] = {"train": "train", "val": "held-out"}  # subfolder → what it is for


@dataclass(frozen=True)
class Folder(Source):
    """Colour pictures in a folder and its subfolders."""

    folder: Path
    grouping: Grouping

    @property
    def identity(self) -> dict[str, Any]:
        """Only its kind: the listing tells which pictures it holds."""
        return {"source": "folder"}

    def find(self) -> Iterator[Item | Rejection]:
        """Every picture in the folder and its subfolders; what is none is rejected."""
        for file in find_pictures(self.folder):
            yield self._item(file) if isinstance(file, PictureFile) else file

    def _item(self, file: PictureFile) -> Item:
        return Item(
            key=make_key(file.source),
            source=file.source,
            stamp=str(file.bytes),
            where=(),
            group=self.grouping(file.source),
        )

    def load(self, item: Item) -> Picture:
        """Decode the picture; its line is to be drawn."""
        return decode_single(read_file(self.folder / item.source))

    def nothing_found(self) -> str:
        """Says which names pictures must have."""
        return no_pictures(self.folder)


@dataclass(frozen=True)
class SideBySide(Source):
    """Colour on the left, its line drawing on the right, each a square.

    Where the folder holds train/ and val/, these two are searched, and val/ is held out.
    """

    folder: Path
    grouping: Grouping

    @property
    def has_split(self) -> bool:
        """Whether the folder holds train/ and val/."""
        return (self.folder / "train").is_dir() and (self.folder / "val").is_dir()

    @property
    def identity(self) -> dict[str, Any]:
        """Only its kind: the listing tells which pictures it holds."""
        return {"source": "side-by-side"}

    def find(self) -> Iterator[Item | Rejection]:
        """Every picture in the folder, or in its train/ and val/; what is none is rejected."""
        for within in SPLITS if self.has_split else ("",):
            for file in find_pictures(self.folder, within):
                yield self._item(file, within) if isinstance(file, PictureFile) else file

    def _item(self, file: PictureFile, within: str) -> Item:
        return Item(
            key=make_key(file.source),
            source=file.source,
            stamp=str(file.bytes),
            where=(),
            group=self.grouping(file.source.removeprefix(f"{within}/")),
            split=SPLITS.get(within),
        )

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

    def nothing_found(self) -> str:
        """Says which names pictures must have."""
        return no_pictures(self.folder)
