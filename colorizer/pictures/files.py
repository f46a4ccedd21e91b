"""Finds the files of a folder of pictures, a folder at a time."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from colorizer.pictures.decode import SUFFIXES
from colorizer.system.errors import UserError


@dataclass(frozen=True)
class PictureFile:
    """A file that should be a picture, by its suffix."""

    source: str  # relative to the folder, with /
    bytes: int

    @property
    def stem(self) -> str:
        """The path without its suffix."""
        return self.source.rpartition(".")[0]


@dataclass(frozen=True)
class Rejection:
    """Something that was found and cannot be used."""

    source: str
    reason: str  # the same words for every such fault
    detail: str


def find_pictures(folder: Path, within: str = "") -> Iterator[PictureFile | Rejection]:
    """All files under a folder, or a subfolder of it, folder by folder.

    Hidden files and folders and Thumbs.db are passed over. Everything else is a picture file or
    rejected: files without a picture's suffix, and links to folders, which are not followed.

    Args:
        folder: Paths are relative to it.
        within: Subfolder of it to search; all of it by default.

    Raises:
        UserError: the folder is missing, or one in it cannot be listed.
    """
    for parent in walk(folder, within):
        yield from pictures_in(folder, parent)


def walk(folder: Path, within: str = "") -> Iterator[str]:
    """A folder and its subfolders at any depth, as paths relative to `folder`, with /.

    Raises:
        UserError: the folder is missing, or one in it cannot be listed.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; give one that holds pictures.")
    for parent, folders, _ in os.walk(folder / within, onerror=_refuse_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        path = Path(parent).relative_to(folder).as_posix()
        yield "" if path == "." else path


def no_pictures(folder: Path) -> str:
    """The sentence for a folder without pictures."""
    suffixes = " ".join(sorted(SUFFIXES))
    return f"{folder} holds no pictures; their names must end in {suffixes}."


def pictures_in(folder: Path, parent: str) -> list[PictureFile | Rejection]:
    """The files of one folder (not of its subfolders), sorted; see `find_pictures`."""
    try:
        with os.scandir(folder / parent) as entries:
            found = [_look_at(entry, f"{parent}/" if parent else "") for entry in entries]
    except OSError as error:
        _refuse_unreadable(error)
    return sorted(filter(None, found), key=lambda file: file.source)


def entries_of(folder: Path) -> list[str]:
    """Everything in a folder that is not hidden, sorted.

    Raises:
        UserError: the folder cannot be listed.
    """
    try:
        names = os.listdir(folder)
    except OSError as error:
        _refuse_unreadable(error)
    return sorted(name for name in names if not name.startswith("."))


def _look_at(entry: os.DirEntry[str], prefix: str) -> PictureFile | Rejection | None:
    source = prefix + entry.name
    if entry.name.startswith(".") or entry.name == "Thumbs.db":
        return None
    try:
        if entry.is_dir():
            return Rejection(source, "link to a folder", "") if entry.is_symlink() else None
        if os.path.splitext(entry.name)[1].lower() not in SUFFIXES:
            return Rejection(source, "not a picture", "")
        if not entry.is_file():
            return Rejection(source, "cannot be opened", "no regular file")
        return PictureFile(source, entry.stat().st_size)
    except OSError as error:  # a link to itself, say
        return Rejection(source, "cannot be opened", error.strerror or str(error))


def _refuse_unreadable(error: OSError) -> NoReturn:
    raise UserError(f"{error.filename} cannot be listed: {error.strerror}.") from error
