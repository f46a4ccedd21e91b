"""Sources of two files a picture, colour and line: paired folders, and lists."""

import stat
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colorizer.making.sources.base import Grouping, Item, Picture, Source, make_key
from colorizer.making.sources.loading import decode_pair, decode_single
from colorizer.pictures.decode import read_file
from colorizer.pictures.files import PictureFile, Rejection, pictures_in, walk
from colorizer.system.errors import UserError

PairItem = Item[tuple[str]]  # where: path of the line drawing
ListItem = Item[tuple[str | None]]  # where: the same, if the list gives it


@dataclass(frozen=True)
class PairedFolders(Source[tuple[str]]):
    """Pairs have the same path under colour/ and line/ but for the suffix."""

    folder: Path
    grouping: Grouping

    @property
    def identity(self) -> dict[str, Any]:
        """Only its kind: the listing tells which pictures it holds."""
        return {"source": "paired"}

    def find(self) -> Iterator[PairItem | Rejection]:
        """Every pair; a picture without a partner, or with several, is rejected."""
        color = self._color_folder()
        for parent in walk(self.folder, color):
            yield from self._pair_up(parent, "line" + parent.removeprefix(color))
        for parent in walk(self.folder, "line"):
            partner = color + parent.removeprefix("line")
            if not (self.folder / partner).is_dir():
                yield from self._pair_up(partner, parent)

    def _color_folder(self) -> str:
        names = [name for name in ("colour", "color") if (self.folder / name).is_dir()]
        if self.folder.is_dir() and (len(names) != 1 or not (self.folder / "line").is_dir()):
            raise UserError(
                f"{self.folder} must hold one folder colour/ (or color/) and one folder line/, with"
                " pictures of the same names."
            )
        return names[0] if names else "colour"

    def _pair_up(self, color_parent: str, line_parent: str) -> Iterator[PairItem | Rejection]:
        """Pair the files of two folders, either of which may be missing."""
        by_stem: dict[str, tuple[list[PictureFile], list[PictureFile]]]
        by_stem = defaultdict(lambda: ([], []))
        for side, parent in enumerate((color_parent, line_parent)):
            if not (self.folder / parent).is_dir():
                continue
            for file in pictures_in(self.folder, parent):
                if isinstance(file, Rejection):
                    yield file
                else:
                    by_stem[file.stem.removeprefix(parent)][side].append(file)
        for colors, lines in by_stem.values():
            match colors, lines:
                case [color], [line]:
                    yield self._item(color, line)
                case ([lone], []) | ([], [lone]):
                    yield Rejection(lone.source, "no partner", "")
                case _:
                    yield from _unclear(colors + lines)

    def _item(self, color: PictureFile, line: PictureFile) -> PairItem:
        return Item(
            key=make_key(color.source),
            source=color.source,
            stamp=f"{color.bytes} {line.source} {line.bytes}",
            where=(line.source,),
            group=self.grouping(color.source.partition("/")[2]),
        )

    def load(self, item: PairItem) -> Picture:
        """Decode the picture and its line drawing."""
        (line,) = item.where
        color_data = read_file(self.folder / item.source)
        return decode_pair(color_data, read_file(self.folder / line), line)

    def nothing_found(self) -> str:
        """Says how pairs must be laid out."""
        return (
            f"{self.folder} holds no pairs; give each picture in colour/ a drawing of the same name"
            " in line/ (their endings may differ)."
        )


def _unclear(files: list[PictureFile]) -> Iterator[Rejection]:
    for file in files:
        others = ", ".join(other.source for other in files if other is not file)
        yield Rejection(file.source, "partners not clear", others)


@dataclass(frozen=True)
class ListFile(Source[tuple[str | None]]):
    """A text file with a picture's path a line; after a tab, that of its line drawing."""

    file: Path
    grouping: Grouping

    @property
    def identity(self) -> dict[str, Any]:
        """Only its kind: the listing tells which pictures it holds."""
        return {"source": "list"}

    def find(self) -> Iterator[ListItem | Rejection]:
        """Every picture that the list names; a file that cannot be opened is rejected."""
        try:
            # As file names are: bytes that need not be text.
            lines = self.file.open(encoding="utf-8-sig", errors="surrogateescape")
        except OSError as error:
            raise UserError(
                f"{self.file} cannot be read: {error.strerror}; give a text file with a picture's"
                " path in each line."
            ) from error
        with lines:
            for text in lines:
                if text.strip():
                    yield self._look_at(text.rstrip("\r\n"))

    def _look_at(self, text: str) -> ListItem | Rejection:
        color, _, line = text.partition("\t")
        paths = [color, line] if line else [color]
        try:
            states = [self._path(path).stat() for path in paths]
        except (OSError, ValueError) as error:
            return self._rejected(color, text, getattr(error, "strerror", str(error)))
        if not all(stat.S_ISREG(state.st_mode) for state in states):
            return self._rejected(color, text, "no regular file")
        return Item(
            key=make_key(color),
            source=color,
            stamp=" ".join([*(str(state.st_size) for state in states), line]),
            where=(line or None,),
            group=self.grouping(color),
        )

    def load(self, item: ListItem) -> Picture:
        """Decode the picture, and its line drawing if the list gives one."""
        (line,) = item.where
        color_data = read_file(self._path(item.source))
        if line is None:
            return decode_single(color_data)
        return decode_pair(color_data, read_file(self._path(line)), line)

    def _rejected(self, color: str, text: str, fault: str) -> Rejection:
        return Rejection(color, "cannot be opened", f"{fault} ({text!r} in {self.file.name})")

    def _path(self, path: str) -> Path:
        return self.file.parent / path

    def nothing_found(self) -> str:
        """Says what the list must hold."""
        return f"{self.file} lists no picture that exists; give a picture's path in each line."
