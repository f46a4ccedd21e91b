"""Finds the files of a folder of pictures, a folder at a time."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from colorizer.pictures.kinds import (
    HEAD,
    NEVER_PICTURES,
    SUFFIXES,
    is_readable,
    why_unread,
    why_unread_by_name,
)
from colorizer.pictures.left_out import is_excluded, is_hidden, is_hidden_within
from colorizer.system.errors import UserError


@dataclass(frozen=True)
class PictureFile:
    """A file that should be a picture, by its suffix or its first bytes."""

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

    @property
    def why(self) -> str:
        """Reason and detail."""
        return f"{self.reason}: {self.detail}" if self.detail else self.reason


def find_pictures(
    folder: Path, within: str = "", exclude: Sequence[str] = ()
) -> Iterator[PictureFile | Rejection]:
    """All files under a folder, or a subfolder of it, folder by folder.

    Passed over is what is hidden, and what NAS and desktops keep beside pictures. Everything else
    is a picture file or rejected: files that are none, links to folders, which are not followed,
    and subfolders that cannot be listed.

    Args:
        folder: Paths are relative to it.
        within: Subfolder of it to search; all of it by default.
        exclude: Patterns of files and folders to leave out (see `is_excluded`).

    Raises:
        UserError: the folder is missing, or cannot be listed.
    """
    for parent in walk(folder, within, exclude):
        yield from pictures_in(folder, parent, exclude)


def walk(folder: Path, within: str = "", exclude: Sequence[str] = ()) -> Iterator[str]:
    """A folder and its subfolders at any depth, as paths relative to `folder`, with /.

    Among them are subfolders that cannot be listed: `pictures_in` rejects them.

    Raises:
        UserError: the folder is missing, or cannot be listed.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; give one that holds pictures.")
    waiting = [within]
    while waiting:
        parent = waiting.pop()
        try:
            with os.scandir(folder / parent) as entries:
                names = [entry.name for entry in entries if _is_folder(entry)]
        except OSError as error:
            if parent == within:
                _refuse_unreadable(error)
            names = []
        yield parent
        paths = (f"{parent}/{name}" if parent else name for name in names if not is_hidden(name))
        waiting += sorted((path for path in paths if not is_excluded(path, exclude)), reverse=True)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:  # `_look_at` says so
        return False


def linked_folders(folder: Path, parent: str, exclude: Sequence[str] = ()) -> list[str]:
    """The links to folders in one folder, which `walk` does not follow, as paths, sorted."""
    prefix = f"{parent}/" if parent else ""
    try:
        with os.scandir(folder / parent) as entries:
            found = [prefix + e.name for e in entries if e.is_symlink() and os.path.isdir(e.path)]
    except OSError:  # `pictures_in` says so
        return []
    return sorted(
        path for path in found if not (is_hidden_within(path) or is_excluded(path, exclude))
    )


def link_to_folder(source: str) -> Rejection:
    """A link that is not followed, as it might lead round in circles."""
    return Rejection(source, "link to a folder", "")


def no_pictures(folder: Path) -> str:
    """The sentence for a folder without pictures."""
    suffixes = " ".join(sorted(SUFFIXES))
    return f"{folder} holds no pictures; their names must end in {suffixes}."


def pictures_in(
    folder: Path, parent: str, exclude: Sequence[str] = ()
) -> list[PictureFile | Rejection]:
    """The files of one folder (not of its subfolders), sorted; see `find_pictures`."""
    prefix = f"{parent}/" if parent else ""
    try:
        with os.scandir(folder / parent) as entries:
            found = [
                _look_at(entry, prefix)
                for entry in entries
                if not is_hidden(entry.name) and not is_excluded(prefix + entry.name, exclude)
            ]
    except OSError as error:
        return [Rejection(parent or ".", "cannot be listed", error.strerror or str(error))]
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
    return sorted(name for name in names if not is_hidden(name))


def _look_at(entry: os.DirEntry[str], prefix: str) -> PictureFile | Rejection | None:
    source = prefix + entry.name
    try:
        if entry.is_dir():
            return link_to_folder(source) if entry.is_symlink() else None
        suffix = os.path.splitext(entry.name)[1].lower()
        if suffix in NEVER_PICTURES:
            return Rejection(source, "not a picture", "")
        if not entry.is_file():
            return Rejection(source, "cannot be opened", _why_no_file(entry))
        if suffix not in SUFFIXES and (unread := _why_no_picture(entry, suffix)) is not None:
            return Rejection(source, *unread)
        return PictureFile(source, entry.stat().st_size)
    except OSError as error:  # a link to itself, say
        return Rejection(source, "cannot be opened", error.strerror or str(error))


def _why_no_picture(entry: os.DirEntry[str], suffix: str) -> tuple[str, str] | None:
    """Why a file is none whose name does not say it is one; None: it is one all the same."""
    with open(entry.path, "rb") as file:
        head = file.read(HEAD)
    if is_readable(head):
        return None
    return why_unread_by_name(suffix) or why_unread(head) or ("not a picture", "")


def _why_no_file(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink() and not os.path.exists(entry.path):
        return f"a link to {os.readlink(entry.path)}, which is not there"
    return "no regular file"


def _refuse_unreadable(error: OSError) -> NoReturn:
    raise UserError(f"{error.filename} cannot be listed: {error.strerror}.") from error
