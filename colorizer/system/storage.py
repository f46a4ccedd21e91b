"""Writing files so that a name never stands for half a file, and failures become sentences."""

import errno
import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from colorizer.system.errors import UserError

PARTIAL = ".partial"
MAX_NAME = 255  # bytes, of nearly every file system


def replace_file(path: Path, data: bytes) -> None:
    """Write a file so that its name never stands for half of it.

    Raises:
        UserError: the folder cannot be written to, or the disk is full.
    """
    with writing(path), partial_name(path).open("wb") as file:
        file.write(data)
        publish(file, path)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failure to write into a sentence.

    Raises:
        UserError: for any OSError inside, naming the path.
    """
    try:
        yield
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror}; make room there or choose another output."
        ) from error


def is_name_too_long(error: UserError) -> bool:
    """Whether a file could not be written for the length of its name alone."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.ENAMETOOLONG


@contextmanager
def locked(folder: Path, busy: str) -> Iterator[None]:
    """Keep a second program out of a folder, which is made if it is not there.

    Args:
        folder: Gets a file `.lock`.
        busy: What the other one does there, for the message.

    Raises:
        UserError: another process is at work there, or the folder cannot be written to.
    """
    path = folder / ".lock"
    with writing(path):
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    with file:
        try:
            # Not flock: loader processes would inherit it and outlive a killed training with it.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            raise UserError(
                f"{folder}: another process {busy} there; wait for it to end."
            ) from error
        yield


def check_writable(folder: Path) -> None:
    """Before long work: whether an output folder can be written to, or made.

    Raises:
        UserError: naming what is in the way.
    """
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        raise UserError(f"{folder} cannot be an output folder: {place} is a file.")
    if not os.access(place, os.W_OK | os.X_OK):
        raise UserError(f"{folder} cannot be written to: no permission to write in {place}.")


def flush(path: Path) -> None:
    """Have a file, or a folder's entries, on the disk before going on."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def partial_name(path: Path) -> Path:
    """What a file is called until it is whole: shortened where the disk allows no longer name."""
    name = path.name
    if len(os.fsencode(name)) <= MAX_NAME < len(os.fsencode(name + PARTIAL)):
        digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
        name = os.fsdecode(os.fsencode(name)[:100]) + digest  # which may end within a letter
    return path.with_name(name + PARTIAL)


def publish(file: BinaryIO, path: Path) -> None:
    """Put the open partial file on disk, then under its name."""
    file.flush()
    os.fsync(file.fileno())
    os.replace(partial_name(path), path)
