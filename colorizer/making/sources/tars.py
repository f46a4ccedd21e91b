"""WebDataset tars as a source: pictures are read where they lie, nothing is ever unpacked."""

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

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
from colorizer.making.sources.tar_members import COMPRESSED_TAR, Member, Place, members_of
from colorizer.making.sources.unicode_names import common_spelling, composed
from colorizer.pictures.decode import MAX_BYTES, UnusablePicture
from colorizer.pictures.files import Rejection, link_to_folder, linked_folders, walk
from colorizer.pictures.kinds import why_unread_by_name
from colorizer.pictures.left_out import is_excluded, is_hidden
from colorizer.system.errors import UserError

COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
MAX_JSON = 1_000_000  # bytes of a sample's metadata
MAX_DEPTH = 50
DOTTED = "a dot in its name", "a key ends at its first dot: rename it"
APART = (
    "not beside the others of this key; sort the tar, as with"
    " `tar --sort=name -cf sorted.tar -C UNPACKED .`"
)
Where = tuple[str, Place, Place | None, Place | None]  # tar, picture, line drawing, metadata


@dataclass(frozen=True)
class Tars(Source[Where]):
    """The samples of one tar, or of all in a folder and its subfolders.

    A sample is a picture (`KEY.jpg`, or `KEY.color.png`), with a drawing (`KEY.line.png`) or
    without, and what `KEY.json` says about it. Other members of its key are passed over.
    """

    tars: Path
    grouping: Grouping
    exclude: tuple[str, ...] = ()  # patterns of what to leave out
    mending: Mending = field(default_factory=Mending)

    @property
    def own_split(self) -> OwnSplit | None:
        """train/ and its counterpart, or the first words of tars, as train-000.tar, val-000.tar."""
        if not self.tars.is_dir():
            return None
        if folders := own_split_in(self.tars, exclude=self.exclude):
            return folders
        tars = (name for name in self._tar_names() if isinstance(name, str))
        return own_split_of(filter(None, map(self._part_of, tars)))

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
            if isinstance(name, Rejection):
                yield name
                continue
            split = None if own is None else own.of(self._part_of(name))
            if own is not None and split is None:
                yield own.beside(name)
            elif name.lower().endswith(COMPRESSED):
                yield Rejection(name, *COMPRESSED_TAR)
            else:
                yield from self._list_tar(name, split)

    def _tar_names(self) -> Iterator[str | Rejection]:
        if self.tars.is_file():
            yield self.tars.name
            return
        if not self.tars.is_dir():
            raise UserError(
                f"{self.tars} is neither a tar nor a folder of tars; give one on this machine's"
                " disks (addresses and pipes are not opened)."
            )
        for parent in walk(self.tars, exclude=self.exclude):
            try:
                names = sorted(os.listdir(self.tars / parent))
            except OSError as error:
                yield Rejection(parent, "cannot be listed", error.strerror or str(error))
                continue
            yield from map(link_to_folder, linked_folders(self.tars, parent, self.exclude))
            for name in names:
                path = f"{parent}/{name}" if parent else name
                is_tar = name.lower().endswith((".tar", *COMPRESSED)) and not is_hidden(name)
                if is_tar and not is_excluded(path, self.exclude):
                    yield path

    def _list_tar(self, tar: str, split: Split | None) -> Iterator[Item[Where] | Rejection]:
        begun: dict[int, bool] = {}  # hash of each key so far → whether it had a picture
        rejected: list[Rejection] = []  # since the last key, whose members they do not part
        for key, found in groupby(self._members_of(tar, rejected), _key_of):
            members: dict[str, Member] = {}
            for each in found:
                if each.name in members:
                    yield Rejection(f"{tar}/{each.name}", "listed twice", "the first is kept")
                else:
                    members[each.name] = each
            samples = [
                sample
                for own_key, own in _told_apart(list(members.values()))
                for sample in self._samples(tar, own_key, own, split)
            ]
            pictured = any(isinstance(sample, Item) for sample in samples)
            if (had_picture := begun.get(hash(key))) is None or (pictured and had_picture):
                yield from samples  # the listing knows a key's second picture
            else:
                yield Rejection(f"{tar}/{key}", "members apart", f"{', '.join(members)}: {APART}")
            begun[hash(key)] = pictured or bool(had_picture)
            yield from rejected
            rejected.clear()
        yield from rejected

    def _members_of(self, tar: str, rejected: list[Rejection]) -> Iterator[Member]:
        """The members that can be taken; the others are added to a list."""
        for found in members_of(self._folder / tar, tar):
            if isinstance(found, Rejection):
                if not is_excluded(found.source, self.exclude):
                    rejected.append(found)
            elif not is_excluded(found.name, self.exclude):
                yield found

    def _samples(
        self, tar: str, key: str, members: list[Member], split: Split | None
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
        for member in members:
            if member.is_numbered and pictures:
                yield Rejection(f"{tar}/{member.name}", *DOTTED)
        if not pictures and any(member.is_picture for member in members) and not lines:
            yield Rejection(f"{tar}/{key}", DOTTED[0], f"{_names(members)}: {DOTTED[1]}")
            return
        if not pictures:
            unread = (why_unread_by_name(f".{m.kind.rpartition('.')[2]}") for m in members)
            reason, _ = next(filter(None, unread), ("no picture", ""))
            yield Rejection(f"{tar}/{key}", reason, _names(members))
            return
        if max(map(len, (pictures, notes))) > 1:
            names = _names(pictures + lines + notes)
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


def _names(members: list[Member]) -> str:
    return ", ".join(member.name for member in members)


def _key_of(member: Member) -> str:
    return composed(member.key)


def _told_apart(members: list[Member]) -> Iterator[tuple[str, list[Member]]]:
    """The members of a key: of one sample, or of two whose pictures spell it differently."""
    pictures = [member.key for member in members if member.holds_color]
    spelling = common_spelling(pictures)
    own = {spelling(key): key for key in (*(member.key for member in members), *pictures)}
    for spelled, key in own.items():
        yield key, [member for member in members if spelling(member.key) == spelled]


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
