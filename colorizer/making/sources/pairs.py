"""Sources of two files a picture, colour and line: paired folders, and lists."""

import os
import stat
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from colorizer.making.sources.base import Grouping, Item, Picture, Source, Split, make_key
from colorizer.making.sources.drawings import Mending
from colorizer.making.sources.loading import decode_pair, decode_single
from colorizer.making.sources.own_split import beside_split, held_out_in, splits_of
from colorizer.pictures.decode import read_file
from colorizer.pictures.files import PictureFile, Rejection, pictures_in, walk
from colorizer.system.errors import UserError

PairItem = Item[tuple[str]]  # where: path of the line drawing
ListItem = Item[tuple[str | None]]  # where: the same, if the list gives it


@dataclass(frozen=True)
class _Halves:
    """A folder of colours, the folder of their lines, and the split of both."""

    color: str
    line: str
    split: Split | None = None


@dataclass(frozen=True)
class PairedFolders(Source[tuple[str]]):
    """Pairs have the same path under colour/ and line/ but for the suffix.

    Where both hold train/ and val/ (or valid/, or test/), or train/ and val/ hold both, only these
    are searched, and val/ is held out.
    """

    folder: Path
    grouping: Grouping
    mending: Mending = field(default_factory=Mending)

    @property
    def held_out_folder(self) -> str | None:
        """The counterpart of train/, if colour/ or, without one, the folder itself holds both."""
        return held_out_in(self.folder.joinpath(*_color_names(self.folder)[:1]))

    @property
    def identity(self) -> dict[str, Any]:
        """Its kind and split: the listing tells which pictures it holds."""
        return {**self._of_kind("paired"), **self.mending.settings}

    def find(self) -> Iterator[PairItem | Rejection]:
        """Every pair; a picture without a partner, or with several, is rejected."""
        held_out = self.held_out_folder
        for halves in self._halves(held_out):
            yield from self._find_in(halves)
        if held_out is not None:
            colors = _color_names(self.folder)
            for folder in (colors[0], "line") if colors else ("",):
                yield from beside_split(self.folder, held_out, within=folder)

    def _halves(self, held_out: str | None) -> list[_Halves]:
        """The folders that belong together.

        Raises:
            UserError: one is missing.
        """
        if held_out is None:
            return [_Halves(_color_folder(self.folder), "line")]
        splits = splits_of(held_out)
        if not _color_names(self.folder):
            return [
                _Halves(f"{name}/{_color_folder(self.folder / name)}", f"{name}/line", split)
                for name, split in splits
            ]
        color = _color_folder(self.folder)
        for name, _ in splits:
            if not os.path.isdir(self.folder / "line" / name):
                raise UserError(
                    f"{self.folder / color} holds {name}/, but {self.folder / 'line'} does not; put"
                    " its drawings there."
                )
        return [_Halves(f"{color}/{name}", f"line/{name}", split) for name, split in splits]

    def _find_in(self, halves: _Halves) -> Iterator[PairItem | Rejection]:
        for parent in walk(self.folder, halves.color):
            yield from self._pair_up(halves, parent.removeprefix(halves.color))
        for parent in walk(self.folder, halves.line):
            below = parent.removeprefix(halves.line)
            if not (self.folder / f"{halves.color}{below}").is_dir():
                yield from self._pair_up(halves, below)

    def _pair_up(self, halves: _Halves, below: str) -> Iterator[PairItem | Rejection]:
        """Pair the files of a subfolder, which either half may lack."""
        by_stem: dict[str, tuple[list[PictureFile], list[PictureFile]]]
        by_stem = defaultdict(lambda: ([], []))
        for side, half in enumerate((halves.color, halves.line)):
            parent = f"{half}{below}"
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
                    yield self._item(halves, color, line)
                case ([lone], []) | ([], [lone]):
                    yield Rejection(lone.source, "no partner", "")
                case _:
                    yield from _unclear(colors + lines)

    def _item(self, halves: _Halves, color: PictureFile, line: PictureFile) -> PairItem:
        return Item(
            key=make_key(color.source),
            source=color.source,
            stamp=f"{color.bytes} {line.source} {line.bytes}",
            where=(line.source,),
            group=self.grouping(color.source.removeprefix(f"{halves.color}/")),
            split=halves.split,
        )

    def load(self, item: PairItem) -> Picture:
        """Decode the picture and its line drawing."""
        (line,) = item.where
        color_data = read_file(self.folder / item.source)
        return decode_pair(color_data, read_file(self.folder / line), line, self.mending)

    def other_way_round(self) -> str:
        """Names the settings that say which folder is which."""
        (color,) = _color_names(self.folder)[:1] or ("colour",)
        return f"give --color line --line {color}"

    def nothing_found(self) -> str:
        """Says how pairs must be laid out."""
        return (
            f"{self.folder} holds no pairs; give each picture in colour/ a drawing of the same name"
            " in line/ (their endings may differ)."
        )


def _color_names(folder: Path) -> list[str]:
    return [name for name in ("colour", "color") if os.path.isdir(folder / name)]


def _color_folder(folder: Path) -> str:
    """Raises: UserError: the folder does not hold the two halves of pairs."""
    names = _color_names(folder)
    if folder.is_dir() and (len(names) != 1 or not (folder / "line").is_dir()):
        raise UserError(
            f"{folder} must hold one folder colour/ (or color/) and one folder line/, with"
            " pictures of the same names."
        )
    return names[0] if names else "colour"


def _unclear(files: list[PictureFile]) -> Iterator[Rejection]:
    for file in files:
        others = ", ".join(other.source for other in files if other is not file)
        yield Rejection(file.source, "partners not clear", others)


@dataclass(frozen=True)
class ListFile(Source[tuple[str | None]]):
    """A text file with a picture's path a line; after a tab, that of its line drawing."""

    file: Path
    grouping: Grouping
    mending: Mending = field(default_factory=Mending)

    @property
    def identity(self) -> dict[str, Any]:
        """Only its kind: the listing tells which pictures it holds."""
        return {**self._of_kind("list"), **self.mending.settings}

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
        return decode_pair(color_data, read_file(self._path(line)), line, self.mending)

    def _rejected(self, color: str, text: str, fault: str) -> Rejection:
        return Rejection(color, "cannot be opened", f"{fault} ({text!r} in {self.file.name})")

    def _path(self, path: str) -> Path:
        return self.file.parent / path

    def other_way_round(self) -> str:
        """Names the place in a line."""
        return "put the picture's path before the tab in each line, and its drawing's after it"

    def nothing_found(self) -> str:
        """Says what the list must hold."""
        return f"{self.file} lists no picture that exists; give a picture's path in each line."
