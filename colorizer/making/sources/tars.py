"""WebDataset tars as a source: pictures are read where they lie, nothing is ever unpacked."""

import json
import math
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO

from colorizer.making.sources.base import Grouping, Item, Picture, Source, make_key
from colorizer.making.sources.drawings import Mending
from colorizer.making.sources.loading import decode_pair, decode_single
from colorizer.pictures.decode import MAX_BYTES, SUFFIXES, UnusablePicture
from colorizer.pictures.files import Rejection, walk
from colorizer.system.errors import UserError

COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
MAX_JSON = 1_000_000  # bytes of a sample's metadata
MAX_DEPTH = 50
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
    def identity(self) -> dict[str, Any]:
        """Only its kind: the listing tells which pictures it holds."""
        return {**self._of_kind("tars"), **self.mending.settings}

    @property
    def _folder(self) -> Path:
        return self.tars if self.tars.is_dir() else self.tars.parent

    def find(self) -> Iterator[Item[Where] | Rejection]:
        """Every sample of every tar; a damaged tar is rejected from the damage on."""
        for name in self._tar_names():
            if name.lower().endswith(COMPRESSED):
                yield Rejection(name, "compressed tar", "unpack it to a plain .tar first")
            else:
                yield from self._list_tar(name)

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

    def _list_tar(self, tar: str) -> Iterator[Item[Where] | Rejection]:
        for key, found in groupby(_members(self._folder / tar, tar), _key_of):
            members: list[_Member] = []
            for each in found:
                if isinstance(each, Rejection):
                    yield each
                else:
                    members.append(each)
            if key is not None:
                yield self._sample(tar, key, members)

    def _sample(self, tar: str, key: str, members: list[_Member]) -> Item[Where] | Rejection:
        pictures, lines, notes = [], [], []
        for member in members:
            role, _, suffix = member.kind.rpartition(".")
            if member.kind == "json":
                notes.append(member)
            elif f".{suffix}" in SUFFIXES and role in ("", "color", "colour", "line"):
                (lines if role == "line" else pictures).append(member)
        if not pictures:
            return Rejection(f"{tar}/{key}", "no picture", ", ".join(m.name for m in members))
        if max(map(len, (pictures, lines, notes))) > 1:
            names = ", ".join(m.name for m in pictures + lines + notes)
            return Rejection(f"{tar}/{key}", "pictures not clear", names)
        places = [f"{m.offset}+{m.size}" for m in pictures + lines + notes]
        line, note = (found[0].place if found else None for found in (lines, notes))
        return Item(
            key=make_key(f"{tar}/{key}."),
            source=f"{tar}/{key}",
            stamp=" ".join(places),
            where=(tar, pictures[0].place, line, note),
            group=self.grouping(pictures[0].name),
        )

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
    return found.key if isinstance(found, _Member) else None


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
