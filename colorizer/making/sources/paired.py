"""Paired folders: the pictures in one, their drawings in another beside it, at any depth."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from colorizer.making.sources.base import Grouping, Item, Picture, Source, make_key
from colorizer.making.sources.drawings import Mending
from colorizer.making.sources.loading import decode_pair
from colorizer.making.sources.own_split import (
    BESIDE,
    OwnSplit,
    Split,
    beside_split,
    own_split_in,
)
from colorizer.making.sources.unicode_names import common_spelling
from colorizer.pictures.decode import read_file
from colorizer.pictures.files import (
    PictureFile,
    Rejection,
    link_to_folder,
    linked_folders,
    pictures_in,
    walk,
)
from colorizer.system.errors import UserError

COLORS = ("colour", "color")  # names of the pictures' folder, if none is given
LINES = ("line",)
PairItem = Item[tuple[str, str]]  # where: paths of the picture and of its drawing


@dataclass(frozen=True)
class _Place:
    """Where a folder of pictures and folders of their drawings lie beside each other."""

    color: str | None  # path of the pictures' folder, if there is one
    lines: tuple[str, ...]
    group_path: str = ""  # where that is, as groups are told: without train/ or its counterpart
    split: Split | None = None

    @property
    def whole(self) -> bool:
        """Whether it has both."""
        return self.color is not None and bool(self.lines)


@dataclass(frozen=True)
class PairedFolders(Source[tuple[str, str]]):
    """Pairs have the same path under colour/ and line/ but for the suffix.

    The two may lie in any subfolder, and in many. Where both hold train/ and val/ (or what else
    these are called), or train/ and val/ hold both, only these are searched, and val/ is held out.
    """

    folder: Path
    grouping: Grouping
    exclude: tuple[str, ...] = ()  # patterns of what to leave out
    mending: Mending = field(default_factory=Mending)
    colors: tuple[str, ...] = COLORS  # one of these in a place
    lines: tuple[str, ...] = LINES  # a drawing in each is a pair of its own

    @property
    def own_split(self) -> OwnSplit | None:
        """Of colour/'s subfolders or, without one, of the folder's own that hold pairs."""
        if top := self._halves_in("", self.colors):
            return own_split_in(self.folder / top[0], exclude=self.exclude)
        return own_split_in(self.folder, self._holds_half, self.exclude)

    @property
    def identity(self) -> dict[str, Any]:
        """Its kind and split, and what the folders are called."""
        names = {"color_folder": self.colors, "line_folders": self.lines}
        named = {} if (self.colors, self.lines) == (COLORS, LINES) else names
        named = {name: list(value) for name, value in named.items()}
        return {**self._of_kind("paired"), **named, **self.mending.settings}

    def find(self) -> Iterator[PairItem | Rejection]:
        """Every pair; a picture without a partner, or with several, is rejected."""
        split = self.own_split
        places, unread, split_in = self._searched(split)
        for place in places:
            yield from self._find_in(place)
        yield from unread
        if split is not None:
            for folder in split_in:
                yield from beside_split(self.folder, split, folder, self.exclude)

    def _searched(
        self, split: OwnSplit | None
    ) -> tuple[list[_Place], list[Rejection], tuple[str, ...]]:
        """The places to search, the topmost folders that hold none, and what holds the split.

        Raises:
            UserError: a place that must have both halves lacks one, or has two of pictures.
        """
        if split is None:
            return *self._search(""), ()
        if self._halves_in("", self.colors):
            places, unread = self._search("")
            top = next(place for place in places if not place.group_path and place.color)
            return self._split_halves(top, split), unread, (str(top.color), *top.lines)
        found = [self._search(name, part) for name, part in split.folders]
        places = [place for in_one, _ in found for place in in_one]
        return places, [each for _, unread in found for each in unread], ("",)

    def _search(
        self, within: str, split: Split | None = None
    ) -> tuple[list[_Place], list[Rejection]]:
        """Every place of pairs, and the topmost folders that hold none.

        Links to folders are followed if they are called as the two are; others are rejected.

        Raises:
            UserError: no place has both halves, or one has two folders of pictures.
        """
        halves: dict[str, list[str]] = defaultdict(list)
        others, linked = [], []
        for path in walk(self.folder, within, self.exclude):
            parts = _below(path, within).split("/")
            depth = next((n for n, part in enumerate(parts) if part in self._names), None)
            if depth is None:
                others.append(path)
                for link in linked_folders(self.folder, path, self.exclude):
                    if link.rpartition("/")[2] in self._names:
                        halves[path].append(link)
                    else:
                        linked.append(link)
            elif depth == len(parts) - 1:
                halves[path.rpartition("/")[0]].append(path)
        places = [self._place(paths, _below(at, within), split) for at, paths in halves.items()]
        if not any(place.whole for place in places):
            self._refuse(within)
        leading = {parent for place in halves for parent in (place, *_parents(place))}
        names = " and ".join(f"{name}/" for name in (self.colors[0], *self.lines))
        unread = [
            Rejection(path, f"{BESIDE}{names}", "")
            for path in others
            if path not in leading and path.rpartition("/")[0] in leading
        ]
        return places, unread + [link_to_folder(link) for link in linked]

    def _place(self, paths: list[str], group_path: str, split: Split | None) -> _Place:
        colors = [path for path in paths if path.rpartition("/")[2] in self.colors]
        if len(colors) > 1:
            self._refuse(colors[0].rpartition("/")[0])
        lines = tuple(path for path in paths if path not in colors)
        return _Place(colors[0] if colors else None, lines, group_path, split)

    def _split_halves(self, top: _Place, split: OwnSplit) -> list[_Place]:
        """train/ and its counterpart within both halves.

        Raises:
            UserError: the drawings lack one.
        """
        found = []
        for name, part in split.folders:
            lines = tuple(
                f"{line}/{name}" for line in top.lines if os.path.isdir(self.folder / line / name)
            )
            if not lines:
                line = self.folder / (top.lines[0] if top.lines else self.lines[0])
                raise UserError(
                    f"{self.folder / str(top.color)} holds {name}/, but {line} does not; put"
                    " its drawings there."
                )
            found.append(_Place(f"{top.color}/{name}", lines, "", part))
        return found

    def _find_in(self, place: _Place) -> Iterator[PairItem | Rejection]:
        """Pair up what is in a place, subfolder by subfolder."""
        halves = [half for half in (place.color, *place.lines) if half is not None]
        below = {
            half: [path.removeprefix(half) for path in walk(self.folder, half, self.exclude)]
            for half in halves
        }
        spelling = common_spelling(*below.values())
        together: dict[str, dict[str, str]] = defaultdict(dict)  # subfolder → half → its path
        for half, paths in below.items():
            for path in paths:
                together[spelling(path)][half] = f"{half}{path}"
        for parents in together.values():
            yield from self._pair_up(place, parents)

    def _pair_up(self, place: _Place, parents: dict[str, str]) -> Iterator[PairItem | Rejection]:
        """Pair the files of a subfolder, which any half may lack."""
        files: dict[str, list[PictureFile]] = {}
        for half, parent in parents.items():
            files[half] = []
            for file in pictures_in(self.folder, parent, self.exclude):
                if isinstance(file, Rejection):
                    yield file
                else:
                    files[half].append(file)
        stems = {half: [_stem(file) for file in found] for half, found in files.items()}
        spelling = common_spelling(*stems.values())
        by_stem: dict[str, tuple[list[PictureFile], list[PictureFile]]]
        by_stem = defaultdict(lambda: ([], []))
        for half, found in files.items():
            for file in found:
                by_stem[spelling(_stem(file))][half != place.color].append(file)
        for colors, lines in by_stem.values():
            match colors, lines:
                case [color], [_, *_]:
                    yield from self._items(place, color, lines)
                case ([], lone) | (lone, []):
                    yield from (Rejection(file.source, "no partner", "") for file in lone)
                case _:
                    yield from _unclear(colors + lines)

    def _items(
        self, place: _Place, color: PictureFile, lines: list[PictureFile]
    ) -> Iterator[PairItem]:
        """A pair for each drawing of a picture; the later ones are told by their drawing, too."""
        assert place.color is not None
        path = f"{place.group_path}/{_below(color.source, place.color)}".removeprefix("/")
        for number, line in enumerate(lines):
            source = f"{color.source} + {line.source}" if number else color.source
            yield Item(
                key=make_key(source),
                source=source,
                stamp=f"{color.bytes} {line.source} {line.bytes}",
                where=(color.source, line.source),
                group=self.grouping(path),
                split=place.split,
                split_with=make_key(color.source) if number else None,
            )

    def load(self, item: PairItem) -> Picture:
        """Decode the picture and its line drawing."""
        color, line = item.where
        color_data = read_file(self.folder / color)
        return decode_pair(color_data, read_file(self.folder / line), line, self.mending)

    def other_way_round(self) -> str:
        """Names the settings that say which folder is which."""
        color = next(iter(self._halves_in("", self.colors)), self.colors[0])
        return f"give --color {self.lines[0]} --line {color}"

    def nothing_found(self) -> str:
        """Says how pairs must be laid out."""
        return (
            f"{self.folder} holds no pairs; give each picture in {self.colors[0]}/ a drawing of the"
            f" same name in {self.lines[0]}/ (their endings may differ)."
        )

    @property
    def _names(self) -> tuple[str, ...]:
        return (*self.colors, *self.lines)

    def _halves_in(self, within: str, names: Iterable[str]) -> list[str]:
        return [name for name in names if os.path.isdir(self.folder / within / name)]

    def _holds_half(self, within: str) -> bool:
        """Whether a subfolder is or holds a folder of pictures or drawings, at any depth."""
        paths = walk(self.folder, within, self.exclude)
        return any(path.rpartition("/")[2] in self._names for path in paths)

    def _refuse(self, within: str) -> None:
        color = " (or color/)" if self.colors == COLORS else ""
        raise UserError(
            f"{self.folder / within} must hold one folder {self.colors[0]}/{color} and one folder"
            f" {self.lines[0]}/ beside each other, with pictures of the same names; if yours are"
            " called otherwise, give --color and --line."
        )


def _below(path: str, within: str) -> str:
    """A path relative to a folder that it is or lies in."""
    return path.removeprefix(within).removeprefix("/")


def _parents(path: str) -> Iterator[str]:
    while path:
        path = path.rpartition("/")[0]
        yield path


def _stem(file: PictureFile) -> str:
    """A file's name without its suffix."""
    return file.stem.rpartition("/")[2]


def _unclear(files: list[PictureFile]) -> Iterator[Rejection]:
    for file in files:
        others = ", ".join(other.source for other in files if other is not file)
        yield Rejection(file.source, "partners not clear", others)
