"""WebDataset tars as a source: pictures are read where they lie, nothing is ever unpacked."""

import json
import math
import os
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO

from colorizer.making.sources.base import Grouping, Item, Picture, Source, make_key
from colorizer.making.sources.drawings import Mending
from colorizer.making.sources.loading import decode_pair, decode_single
from colorizer.making.sources.own_split import (
    OwnSplit,
    Split,
    own_split_in,
    own_split_of,
    word_of,
)
from colorizer.making.sources.unicode_names import common_spelling, composed
from colorizer.pictures.decode import MAX_BYTES, SUFFIXES, UnusablePicture
from colorizer.pictures.files import Rejection, walk
from colorizer.system.errors import UserError

COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
MAX_JSON = 1_000_000  # bytes of a sample's metadata
MAX_DEPTH = 50
COLOR_ROLES = ("", "color", "colour", "image")  # between a member's key and its suffix
LINE_ROLE = re.compile(r"line[-_]?\d*")  # several drawings: line1, line2, ...
Place = tuple[int, int]  # where a member's bytes begin in the tar, and how many they are
Where = tuple[str, Place, Place | None, Place | None]  # tar, picture, line drawing, metadata


@dataclass(frozen=True)
class _Member:
    """A file in a tar."""

    name: str
    offset: int
    size: int

    @property
    def place(self) -> Place:
        """Where its bytes lie."""
        return self.offset, self.size

    @property
    def key(self) -> str:
        """What WebDataset takes for the sample's key: the path up to the file name's first dot."""
        folder, slash, name = self.name.rpartition("/")
        return folder + slash + name.partition(".")[0]

    @property
    def kind(self) -> str:
        """What follows that dot."""
        return self.name.rpartition("/")[2].partition(".")[2].lower()

    @property
    def _role(self) -> str | None:
        """What stands between key and suffix, if it is a picture."""
        role, _, suffix = self.kind.rpartition(".")
        return role if f".{suffix}" in SUFFIXES else None

    @property
    def holds_color(self) -> bool:
        """Whether it is a sample's picture."""
        return self._role in COLOR_ROLES

    @property
    def holds_line(self) -> bool:
        """Whether it is a drawing of it."""
        return self._role is not None and LINE_ROLE.fullmatch(self._role) is not None


ADJACENT = "the members of a key must follow each other, as `tar --sort=name` writes them"


@dataclass(frozen=True)
class Tars(Source[Where]):
    """The samples of one tar, or of all in a folder and its subfolders.

    A sample is a picture (`KEY.jpg`, or `KEY.color.png`), with a drawing (`KEY.line.png`) or
    without, and what `KEY.json` says about it. Other members of its key are passed over.
    """

    tars: Path
    grouping: Grouping
    mending: Mending = field(default_factory=Mending)

    @property
    def own_split(self) -> OwnSplit | None:
        """train/ and its counterpart, or the first words of tars, as train-000.tar, val-000.tar."""
        if not self.tars.is_dir():
            return None
        folders = own_split_in(self.tars)
        return folders or own_split_of(filter(None, map(self._part_of, self._tar_names())))

    @staticmethod
    def _part_of(tar: str) -> str:
        """What decides a tar's split: its folder, or its first word without one."""
        folder, slash, _ = tar.partition("/")
        return folder if slash else word_of(tar)

    @property
    def identity(self) -> dict[str, Any]:
        """Only its kind: the listing tells which pictures it holds."""
        return {**self._of_kind("tars"), **self.mending.settings}

    @property
    def _folder(self) -> Path:
        return self.tars if self.tars.is_dir() else self.tars.parent

    def find(self) -> Iterator[Item[Where] | Rejection]:
        """Every sample of every tar; a damaged tar is rejected from the damage on."""
        own = self.own_split
        for name in self._tar_names():
            split = None if own is None else own.of(self._part_of(name))
            if own is not None and split is None:
                yield own.beside(name)
            elif name.lower().endswith(COMPRESSED):
                yield Rejection(name, "compressed tar", "unpack it to a plain .tar first")
            else:
                yield from self._list_tar(name, split)

    def _tar_names(self) -> Iterator[str]:
        if self.tars.is_file():
            yield self.tars.name
            return
        if not self.tars.is_dir():
            raise UserError(
                f"{self.tars} is neither a tar nor a folder of tars; give one on this machine's"
                " disks (addresses and pipes are not opened)."
            )
        for parent in walk(self.tars):
            for name in sorted(os.listdir(self.tars / parent)):
                if name.lower().endswith((".tar", *COMPRESSED)) and not name.startswith("."):
                    yield f"{parent}/{name}" if parent else name

    def _list_tar(self, tar: str, split: Split | None) -> Iterator[Item[Where] | Rejection]:
        for key, found in groupby(_members(self._folder / tar, tar), _key_of):
            members: list[_Member] = []
            for each in found:
                if isinstance(each, Rejection):
                    yield each
                else:
                    members.append(each)
            if key is not None:
                for own_key, own in _told_apart(members):
                    yield from self._samples(tar, own_key, own, split)

    def _samples(
        self, tar: str, key: str, members: list[_Member], split: Split | None
    ) -> Iterator[Item[Where] | Rejection]:
        """What the members of a key make: a sample for each drawing, or one without."""
        pictures, lines, notes = [], [], []
        for member in members:
            if member.kind == "json":
                notes.append(member)
            elif member.holds_color:
                pictures.append(member)
            elif member.holds_line:
                lines.append(member)
        if not pictures:
            names = ", ".join(m.name for m in members)
            yield Rejection(f"{tar}/{key}", "no picture", f"{names}; {ADJACENT}")
            return
        if max(map(len, (pictures, notes))) > 1:
            names = ", ".join(m.name for m in pictures + lines + notes)
            yield Rejection(f"{tar}/{key}", "pictures not clear", names)
            return
        note = notes[0].place if notes else None
        group = self._group(tar, pictures[0].name, note)
        first = make_key(f"{tar}/{key}.")
        for number, line in enumerate(lines or [None]):
            places = [f"{m.offset}+{m.size}" for m in (*pictures, line, *notes) if m is not None]
            source = f"{tar}/{key} + {line.name}" if line and number else f"{tar}/{key}"
            yield Item(
                key=make_key(source) if number else first,
                source=source,
                stamp=" ".join(places),
                where=(tar, pictures[0].place, None if line is None else line.place, note),
                group=group,
                split=split,
                split_with=first if number else None,
            )

    def _group(self, tar: str, picture: str, note: Place | None) -> str | None:
        if self.grouping.json_name is None or note is None:
            return self.grouping(picture)
        try:
            return self.grouping.of_json(_parse(self._read(tar, note)))
        except UnusablePicture:  # which it is rejected for when it is loaded
            return None

    def load(self, item: Item[Where]) -> Picture:
        """Read the sample's members where they lie, and decode them."""
        tar, picture_place, line_place, note_place = item.where
        color = self._read(tar, picture_place)
        line = None if line_place is None else self._read(tar, line_place)
        note = None if note_place is None else self._read(tar, note_place)
        picture = (
            decode_single(color)
            if line is None
            else decode_pair(color, line, "its line", self.mending)
        )
        if note is not None:
            picture.metadata["metadata"] = _parse(note)
        return picture

    def _read(self, tar: str, place: Place) -> bytes:
        offset, size = place
        if size > MAX_BYTES:
            raise UnusablePicture("too large", f"over {MAX_BYTES // 1_000_000} MB")
        try:
            with open(self._folder / tar, "rb") as file:
                file.seek(offset)
                data = file.read(size)
        except OSError as error:
            raise UnusablePicture("cannot be opened", error.strerror or str(error)) from error
        if len(data) < size:
            raise UnusablePicture("broken", f"{tar} ends within it")
        return data

    def other_way_round(self) -> str:
        """Names the member that is the drawing."""
        return "call the drawings KEY.line.png in the tars"

    def nothing_found(self) -> str:
        """Says how pictures must be named."""
        return f"{self.tars} holds no tar with pictures; name them KEY.jpg or KEY.png in it."


def _key_of(found: _Member | Rejection) -> str | None:
    return composed(found.key) if isinstance(found, _Member) else None


def _told_apart(members: list[_Member]) -> Iterator[tuple[str, list[_Member]]]:
    """The members of a key: of one sample, or of two whose pictures spell it differently."""
    pictures = [member.key for member in members if member.holds_color]
    spelling = common_spelling(pictures)
    own = {spelling(key): key for key in (*(member.key for member in members), *pictures)}
    for spelled, key in own.items():
        yield key, [member for member in members if spelling(member.key) == spelled]


def _members(path: Path, tar: str) -> Iterator[_Member | Rejection]:
    """The plain files of a tar; what is odd in it is rejected, the rest is still found."""
    if not path.is_file():  # a named pipe would be waited for
        yield Rejection(tar, "cannot be opened", "no regular file")
        return
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as archive:
            while (member := archive.next()) is not None:
                archive.members = []  # pyright: ignore[reportAttributeAccessIssue]  # else it keeps all
                if member.size < 0:  # which would lead back to the same header for ever
                    yield Rejection(tar, "damaged tar", f"a size of {member.size} bytes")
                    return
                if not member.isdir() and not os.path.basename(member.name).startswith("."):
                    yield _look_at(member, tar)
            if not _only_zeros_from(file, archive.offset):
                yield Rejection(tar, "damaged tar", f"no end mark at byte {archive.offset}")
    except tarfile.TarError as error:
        yield Rejection(tar, "damaged tar", str(error))
    except OSError as error:
        yield Rejection(tar, "cannot be opened", error.strerror or str(error))


def _only_zeros_from(file: BinaryIO, offset: int) -> bool:
    """Whether a tar ends there; tarfile takes a damaged header, or a hole, for the end as well."""
    file.seek(offset)
    found = 0
    while block := file.read(2**20):
        if block.strip(b"\0"):
            return False
        found += len(block)
    return found >= tarfile.BLOCKSIZE


def _look_at(member: tarfile.TarInfo, tar: str) -> _Member | Rejection:
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
        return Rejection(f"{tar}/{member.name}", "no plain file", "a link or device in a tar")
    if member.name.startswith("/") or ".." in member.name.split("/"):
        return Rejection(f"{tar}/{member.name}", "unsafe name", "a path that leaves its folder")
    return _Member(member.name, member.offset_data, member.size)


def _parse(note: bytes) -> Any:
    try:
        if len(note) > MAX_JSON:
            raise ValueError(f"over {MAX_JSON} bytes")
        content = json.loads(note, parse_float=_finite, parse_constant=_finite)
        _check_depth(content, MAX_DEPTH)
        return content
    except (ValueError, RecursionError) as error:
        raise UnusablePicture("broken", f"its json cannot be read: {error}") from error


def _finite(number: str) -> float | None:
    """None for NaN (as pandas writes what is missing) and what is infinite: neither is JSON."""
    value = float(number)
    return value if math.isfinite(value) else None


def _check_depth(content: Any, depth: int) -> None:
    """Refuse what could not be passed on between processes."""
    if depth == 0:
        raise ValueError(f"nested over {MAX_DEPTH} deep")
    inner = content.values() if isinstance(content, dict) else content
    if isinstance(content, (dict, list)):
        for value in inner:
            _check_depth(value, depth - 1)
