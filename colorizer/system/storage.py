"""Writing files so that a name never stands for half a file, and failures become sentences."""

import errno
import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from colorizer.system import console
from colorizer.system.errors import UserError

PARTIAL = ".partial"
NAME_REFUSED = (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)
MAX_NAME = 255  # bytes, of nearly every file system
FULL = (errno.ENOSPC, errno.EDQUOT)  # no lack of a disk's, but of room on it

_told: set[tuple[int, str]] = set()  # a disk, and what it lacks, which is said once


def replace_file(path: Path, data: bytes) -> None:
    """Write a file so that its name never stands for half of it.

    Raises:
        UserError: the folder cannot be written to, or the disk is full.
    """
    with writing(path):
        replace(path, data)


def replace(path: Path, data: bytes) -> None:
    """The same; raises: OSError."""
    with partial_name(path).open("wb") as file:
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
        remedy = "make room there"
        if error.errno in NAME_REFUSED:
            remedy = "give it a name that the disk takes"
        raise UserError(
            f"cannot write {path}: {error.strerror}; {remedy} or choose another output."
        ) from error


def is_name_refused(error: UserError) -> bool:
    """Whether a file could not be written for its name alone: its length, or a letter in it."""
    cause = error.__cause__
    return isinstance(cause, OSError) and cause.errno in NAME_REFUSED


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
            _lock(file, folder)
        except (BlockingIOError, PermissionError) as error:
            raise UserError(
                f"{folder}: another process {busy} there; wait for it to end."
            ) from error
        yield


def _lock(file: TextIO, folder: Path) -> None:
    """Raises: BlockingIOError, PermissionError: another process has it."""
    try:
        # Not flock: loader processes would inherit it and outlive a killed training with it.
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        raise
    except OSError as error:  # ENOLCK, ENOSYS and others: Lustre, NFS without lockd, some shares
        _go_without(
            "locks",
            folder,
            f"the disk of {folder} has no locks ({error.strerror}), so that nothing keeps a second"
            " program out of a folder there: start one at a time",
        )


def wait_for_lock(file: TextIO, folder: Path) -> None:
    """Wait until no other process or thread has locked a file, where the disk has locks.

    Args:
        file: Open for writing; closing it ends the lock.
        folder: On the same disk, for what is said of it.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError as error:
        _go_without("shared locks", folder, _no_shared_locks(folder, error))


def try_lock(file: TextIO, folder: Path, without_locks: bool) -> bool:
    """Lock a file; gives whether that was possible, and `without_locks` where there are none.

    Args:
        file: Open for writing; closing it ends the lock.
        folder: On the same disk, for what is said of it.
        without_locks: The answer on a disk that has none.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        _go_without("shared locks", folder, _no_shared_locks(folder, error))
        return without_locks
    return True


def _no_shared_locks(folder: Path, error: OSError) -> str:
    return (
        f"the disk of {folder} has no locks ({error.strerror}), so that several processes may fetch"
        " the same shard: a cache is best on a disk of the machine itself"
    )


def check_writable(folder: Path) -> None:
    """Before long work: whether an output folder can be made and written to, by doing it.

    What a disk can be without is said in a warning.

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
    _try_out(folder, place / f".trial-{secrets.token_hex(8)}")


def _try_out(folder: Path, trial: Path) -> None:
    """Do all that is done to an output folder later, in a folder that goes again."""
    file = trial / "file"

    def lock() -> None:
        with file.open("r+") as opened:
            _lock(opened, trial.parent)

    steps = {
        "make folders": trial.mkdir,
        "write a file": lambda: replace(file, b"before"),
        "put a file in another's place": lambda: replace(file, b"after"),
        "flush a folder": lambda: flush_folder(trial.parent),
        "lock a file": lock,
        "delete a file": file.unlink,
        "delete a folder": trial.rmdir,
    }
    for does, step in steps.items():
        try:
            step()
        except OSError as error:
            shutil.rmtree(trial, ignore_errors=True)
            raise UserError(
                f"{folder} cannot be an output folder: its disk does not {does}"
                f" ({error.strerror}); make room or choose a folder on another disk."
            ) from error


def flush(path: Path) -> None:
    """Have a file's content on the disk before going on."""
    _flush(path, os.O_RDONLY)


def flush_folder(path: Path) -> None:
    """Have a folder's entries on the disk before going on, where the disk can do that."""
    try:
        _flush(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:  # EINVAL, ENOTSUP, EIO, EPERM: shares, FUSE, WSL
        if error.errno in FULL:
            raise
        _go_without(
            "flushing",
            path,
            f"the disk of {path} flushes no folders ({error.strerror}): a power cut may cost the"
            " newest files there",
        )


def _flush(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def set_mode(path: Path, mode: int) -> None:
    """Who may read a file, where the disk knows such a thing."""
    try:
        path.chmod(mode)
    except OSError as error:
        _go_without(
            "modes",
            path.parent,
            f"the disk of {path.parent} keeps no file modes ({error.strerror}): others may not be"
            " able to read what is written there",
        )


def link_to(target: Path, link: Path) -> None:
    """Make a symbolic link, in place of an older one, where the disk can do that."""
    new = partial_name(link)
    new.unlink(missing_ok=True)  # of an earlier start
    try:
        new.symlink_to(target)
    except OSError as error:
        if error.errno in FULL:
            raise
        _go_without(
            "links",
            link.parent,
            f"the disk of {link.parent} has no links ({error.strerror}), so {link.name} is not"
            f" made there; it would be {target}",
        )
    else:
        new.replace(link)


def remove_folder(folder: Path) -> None:
    """Remove a folder, if it exists, with all that it holds.

    What a disk keeps (NFS keeps a deleted file that is still open) stays, with a warning.
    """
    if not folder.exists():
        return
    try:
        shutil.rmtree(folder)
    except OSError as error:
        _go_without(
            str(folder),
            folder.parent,
            f"{folder} is of no use any more and cannot be removed whole ({error.strerror}); delete"
            " what is left of it",
        )


def _go_without(what: str, folder: Path, said: str) -> None:
    """Say what a disk lacks, once."""
    lacking = (folder.stat().st_dev, what)
    if lacking not in _told:
        _told.add(lacking)
        console.warn(said)


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
