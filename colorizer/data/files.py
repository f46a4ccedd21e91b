"""Finds the files of a folder of pictures."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from colorizer.data.decode import SUFFIXES
from colorizer.errors import UserError


@dataclass(frozen=True)
class PictureFile:
    """A file that should be a picture, by its suffix."""

    path: Path
    source: str  # relative to the folder, with /
    bytes: int


@dataclass(frozen=True)
class Rejection:
    """Something that was found and cannot be used."""

    source: str
    reason: str  # the same words for every such fault
    detail: str


def find_pictures(
    folder: Path, parts: Sequence[str] = (".",)
) -> tuple[list[PictureFile], list[Rejection]]:
    """All files under some parts of a folder, sorted by relative path.

    Hidden files and folders and Thumbs.db are passed over. Everything else is found or rejected:
    files without a picture's suffix, and links to folders, which are not followed.

    Raises:
        UserError: the folder is missing, cannot be listed, or holds no pictures.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; give one that holds pictures.")
    pictures: list[PictureFile] = []
    rejections: list[Rejection] = []
    walked = (path for part in parts for path in _walk(folder / part))
    for source, path in sorted((path.relative_to(folder).as_posix(), path) for path in walked):
        if path.is_dir():
            rejections.append(Rejection(source, "link to a folder", ""))
        elif path.suffix.lower() not in SUFFIXES:
            rejections.append(Rejection(source, "not a picture", ""))
        elif not path.is_file():
            rejections.append(Rejection(source, "cannot be opened", "no regular file"))
        else:
            pictures.append(PictureFile(path, source, path.stat().st_size))
    if not pictures:
        suffixes = " ".join(sorted(SUFFIXES))
        raise UserError(f"{folder} holds no pictures; files ending in {suffixes} are looked for.")
    return pictures, rejections


def fingerprint(pictures: Sequence[PictureFile]) -> str:
    """Hex digits that change when a picture is added, removed, renamed or of another file size."""
    digest = hashlib.sha256()
    for picture in pictures:
        digest.update(os.fsencode(f"{picture.source}\0{picture.bytes}\n"))
    return digest.hexdigest()


def _walk(folder: Path) -> Iterator[Path]:
    """Files, and links to folders, at any depth, in no order."""
    for parent, folders, files in os.walk(folder, onerror=_refuse_unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        links = [name for name in folders if Path(parent, name).is_symlink()]
        for name in files + links:
            if not name.startswith(".") and name != "Thumbs.db":
                yield Path(parent, name)


def _refuse_unreadable(error: OSError) -> None:
    raise UserError(f"{error.filename} cannot be listed: {error.strerror}.") from error
