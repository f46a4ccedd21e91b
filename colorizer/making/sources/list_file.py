"""A list as a source: a text file with the paths of pictures, their drawings and their groups."""

import codecs
import os
import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from colorizer.making.sources.base import Grouping, Item, Picture, Source, make_key
from colorizer.making.sources.drawings import Mending
from colorizer.making.sources.loading import decode_pair, decode_single
from colorizer.making.sources.own_split import OwnSplit, own_split_of
from colorizer.making.sources.unicode_names import as_on_disk, composed
from colorizer.pictures.decode import read_file
from colorizer.pictures.files import Rejection
from colorizer.pictures.left_out import is_excluded
from colorizer.system.errors import UserError

ListItem = Item[tuple[str, str | None]]  # where: paths of picture, and of drawing if one is given
COLUMNS = 3


@dataclass(frozen=True)
class ListFile(Source[tuple[str, str | None]]):
    """A text file with a picture's path a line; after tabs, those of its drawing and its group."""

    file: Path
    grouping: Grouping
    exclude: tuple[str, ...] = ()  # patterns of what to leave out
    mending: Mending = field(default_factory=Mending)

    @property
    def own_split(self) -> OwnSplit | None:
        """train/ and its counterpart, if they lie in the folder that all pictures share."""
        try:
            return _split_of(self.file, self.file.stat().st_mtime_ns)
        except OSError:
            return None

    @property
    def identity(self) -> dict[str, Any]:
        """Its kind and split: the listing tells which pictures it holds."""
        return {**self._of_kind("list"), **self.mending.settings}

    def find(self) -> Iterator[ListItem | Rejection]:
        """Every picture that the list names; a file that cannot be opened is rejected."""
        split, shared = self.own_split, None
        if split is not None:
            shared = _shared_folder(self.file)
        first_line = _FirstLines()
        for text in _lines_of(self.file):
            color, line, *_ = *text.split("\t"), ""
            if is_excluded(color, self.exclude):
                continue
            found = self._look_at(text, another_drawing=first_line(color, line) != line != "")
            if split is None or shared is None or isinstance(found, Rejection):
                yield found
            elif (part := split.of(_below(self.file, color, shared))) is None:
                yield split.beside(found.source)
            else:
                yield Item(**{**vars(found), "split": part})

    def _look_at(self, text: str, another_drawing: bool) -> ListItem | Rejection:
        columns = text.split("\t")
        color, line, group, *_ = (*columns, "", "")
        if len(columns) > COLUMNS:
            return Rejection(color, "too many columns", f"{text!r} in {self.file.name}")
        try:
            paths = [self._path(path) for path in ([color, line] if line else [color])]
            states = [path.stat() for path in paths]
        except (OSError, ValueError) as error:
            return self._rejected(color, text, getattr(error, "strerror", str(error)))
        if not all(stat.S_ISREG(state.st_mode) for state in states):
            return self._rejected(color, text, "no regular file")
        source = f"{color} + {line}" if another_drawing else color
        sizes = " ".join([*(str(state.st_size) for state in states), line])
        return Item(
            key=make_key(source),
            source=source,
            stamp=f"{sizes}\t{group}" if group else sizes,
            where=(color, line or None),
            group=composed(group) or self.grouping(color),
            split_with=make_key(color) if another_drawing else None,
        )

    def load(self, item: ListItem) -> Picture:
        """Decode the picture, and its line drawing if the list gives one."""
        color, line = item.where
        color_data = read_file(self._path(color))
        if line is None:
            return decode_single(color_data)
        return decode_pair(color_data, read_file(self._path(line)), line, self.mending)

    def _rejected(self, color: str, text: str, fault: str) -> Rejection:
        detail = f"{fault} ({text!r} in {self.file.name}){self._meant_by(text)}"
        return Rejection(color, "cannot be opened", detail)

    def _meant_by(self, text: str) -> str:
        """What is there if a line is read as other programs write it."""
        for path in text.split("\t")[:2]:
            bare = path.strip().strip("\"'")
            for meant in (bare, bare.replace("\\", "/"), bare.partition(",")[0].rstrip()):
                if meant not in ("", path) and os.path.isfile(self._path(meant)):
                    return f"; {meant!r} is there: write it so, and tabs between paths"
        return ""

    def _path(self, path: str) -> Path:
        return as_on_disk(self.file.parent / _with_home(path))

    def other_way_round(self) -> str:
        """Names the place in a line."""
        return "put the picture's path before the tab in each line, and its drawing's after it"

    def nothing_found(self) -> str:
        """Says what the list must hold."""
        return f"{self.file} lists no picture that exists; give a picture's path in each line."


class _FirstLines:
    """The drawing that each picture has where a list names it first: on the disk, not in memory."""

    def __init__(self) -> None:
        self._base = sqlite3.connect("")  # a file of its own, which goes with it
        self._base.execute("CREATE TABLE drawn (color BLOB PRIMARY KEY, line BLOB) WITHOUT ROWID")

    def __call__(self, color: str, line: str) -> str:
        """The first drawing of a picture; if the picture is new, this one."""
        row = os.fsencode(color), os.fsencode(line)
        try:
            if self._base.execute("INSERT OR IGNORE INTO drawn VALUES (?, ?)", row).rowcount:
                return line
        except sqlite3.OperationalError as error:
            raise UserError(
                f"cannot write to the folder for temporary files ({error}); make room there, or set"
                " TMPDIR to another."
            ) from error
        query = "SELECT line FROM drawn WHERE color = ?"
        return os.fsdecode(self._base.execute(query, row[:1]).fetchone()[0])


def _lines_of(file: Path) -> Iterator[str]:
    if file.exists() and not file.is_file():
        raise UserError(
            f"{file} is no regular file, and a list is read more than once; write it to a file"
            " first."
        )
    try:
        with file.open("rb") as start:
            is_wide = start.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        # As file names are: bytes that need not be text. PowerShell writes two for each letter.
        encoding, errors = ("utf-16", "replace") if is_wide else ("utf-8-sig", "surrogateescape")
        lines = file.open(encoding=encoding, errors=errors)
    except OSError as error:
        raise UserError(
            f"{file} cannot be read: {error.strerror}; give a text file with a picture's"
            " path in each line."
        ) from error
    with lines:
        for text in lines:
            if text.strip():
                yield text.rstrip("\r\n")


@lru_cache(maxsize=1)
def _split_of(file: Path, changed: int) -> OwnSplit | None:
    """See `ListFile.own_split`; read once for each change of the list."""
    try:
        shared = _shared_folder(file)
        names = {_below(file, text.partition("\t")[0], shared) for text in _lines_of(file)}
    except (UserError, ValueError):
        return None
    return own_split_of(name for name in names if name)


def _shared_folder(file: Path) -> str:
    """The deepest folder that all pictures of a list lie in."""
    paths = (_absolute(file, text.partition("\t")[0]) for text in _lines_of(file))
    return os.path.commonpath(set(map(os.path.dirname, paths)))


def _below(file: Path, path: str, shared: str) -> str:
    """The first folder on the way from the shared one to a picture; empty if it lies there."""
    folder, slash, _ = os.path.relpath(_absolute(file, path), shared).partition("/")
    return folder if slash else ""


def _absolute(file: Path, path: str) -> str:
    return os.path.normpath(os.path.join(os.path.abspath(file.parent), _with_home(path)))


def _with_home(path: str) -> str:
    return os.path.expanduser(path) if path.startswith("~/") else path
