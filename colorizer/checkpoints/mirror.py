"""A run's copy elsewhere: checkpoints and figures, for a machine that has lost its disk."""

import shutil
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Self

from colorizer.checkpoints.checkpoint import (
    STATE,
    STEP_FOLDER,
    Damaged,
    State,
    newest_intact,
    read_state,
    step_name,
    step_of,
    verify,
)
from colorizer.checkpoints.saving import set_aside, surplus
from colorizer.remote.address import Address, Location
from colorizer.remote.bucket import Bucket, NotFetched
from colorizer.system import console
from colorizer.system.errors import UserError
from colorizer.system.storage import PARTIAL, flush, flush_folder, replace_file, writing

CHECKPOINTS = "checkpoints"  # at the address, as in a run folder
BESIDE = ("config.json", "metrics.jsonl")  # copied with each checkpoint, so that curves go on
TRIAL = "trial"


def bucket_of(location: Location) -> Bucket:
    """What reads and writes a mirror, which may be a folder on another disk.

    Raises:
        UserError: no package is installed that does.
    """
    if isinstance(location, Path):
        location = Address(f"file://{location.expanduser().absolute()}")
    return Bucket(location)


def check_mirror(location: Location, folder: Path) -> None:
    """Before the first step: whether a mirror can be written to and read, by doing it.

    Args:
        location: Of the mirror.
        folder: On this machine, for a small file.

    Raises:
        UserError: naming what is in the way.
    """
    bucket, trial = bucket_of(location), folder / f".{TRIAL}"
    with writing(trial):
        folder.mkdir(parents=True, exist_ok=True)
        trial.write_bytes(b"trial")
    try:
        bucket.write(trial, TRIAL)
        bucket.read(TRIAL)
        bucket.remove(TRIAL)
    except NotFetched as error:
        raise UserError(f"--mirror {location} cannot be used. {error}") from error
    finally:
        trial.unlink(missing_ok=True)


class Mirror:
    """Copies checkpoints in the background, one at a time; what comes meanwhile waits.

    Of those that wait only the newest is copied. Leaving the `with` block waits for it.
    """

    def __init__(self, location: Location, folder: Path, keep: int, keep_every: int) -> None:
        """Nothing is copied yet.

        Args:
            location: Where to.
            folder: The run's.
            keep: Newest checkpoints to keep there.
            keep_every: Also keep those of steps that are multiples of this; 0: none.
        """
        self._location = location
        self._folder = folder
        self._keep = keep
        self._keep_every = keep_every
        self._lock = Lock()
        self._waiting: tuple[Path, State] | None = None
        self._thread = ThreadPoolExecutor(1, "mirror")
        self._tasks: list[Future[None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._thread.shutdown()
        for task in self._tasks:
            task.result()

    def copy(self, checkpoint: Path, state: State) -> None:
        """Have a finished checkpoint copied."""
        with self._lock:
            self._waiting = checkpoint, state
        self._tasks.append(self._thread.submit(self._copy_waiting))

    def _copy_waiting(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, None
        if waiting is None:  # a newer one came meanwhile, and has been copied
            return
        checkpoint, state = waiting
        try:
            self._copy(checkpoint, state)
        except (UserError, OSError) as error:
            if checkpoint.is_dir():  # else the run keeps it no longer
                console.warn(
                    f"{checkpoint.name} is not copied to {self._location}: {error} Training goes"
                    " on, and the next checkpoint is tried again."
                )

    def _copy(self, checkpoint: Path, state: State) -> None:
        bucket = bucket_of(self._location)
        place = f"{CHECKPOINTS}/{checkpoint.name}"
        for name in state.files:
            bucket.write(checkpoint / name, f"{place}/{name}")
        for name in BESIDE:
            if (self._folder / name).is_file():
                bucket.write(self._folder / name, name)
        there = bucket.files(place)
        for name in state.files:
            size = (checkpoint / name).stat().st_size
            if there.get(name) != size:
                raise NotFetched(f"{name} has {there.get(name, 0)} bytes there, not {size}.")
        # Last: without it nobody takes the rest for a checkpoint.
        bucket.write(checkpoint / STATE, f"{place}/{STATE}")
        steps = sorted(map(_step, _folders(bucket)), reverse=True)
        for step in surplus(steps, self._keep, self._keep_every, state.best):
            bucket.remove(f"{CHECKPOINTS}/{step_name(step)}")


def _folders(bucket: Bucket) -> list[str]:
    return [name for name in bucket.folders(CHECKPOINTS) if STEP_FOLDER.fullmatch(name)]


def _step(name: str) -> int:
    return step_of(Path(name))


def bring_back(location: Location, folder: Path, check: Callable[[State], None]) -> Path | None:
    """Fetch the newest intact checkpoint of a mirror if none here is as new.

    Args:
        location: Of the mirror.
        folder: The run's, which gets the checkpoint and the figures until then.
        check: Refuses the state of another run, before anything else is fetched.

    Returns:
        The checkpoint that has come; None: what is here is as new, or the mirror is empty.

    Raises:
        UserError: the mirror cannot be read, or holds another run; or there is no room.
    """
    bucket, here = bucket_of(location), _newest_step(folder / CHECKPOINTS)
    newer = (name for name in _folders(bucket) if _step(name) > here)
    for name in sorted(newer, reverse=True):
        target = folder / CHECKPOINTS / name
        if not _brought(bucket, target, check):
            continue
        best = read_state(target).best
        if best is not None and not (best_one := target.with_name(step_name(best.step))).exists():
            _brought(bucket, best_one, check)
        for beside in bucket.files().keys() & set(BESIDE):
            replace_file(folder / beside, bucket.read(beside))
        return target
    return None


def _newest_step(folder: Path) -> int:
    """Of the newest intact checkpoint here; -1: there is none."""
    try:
        newest = newest_intact(folder)
    except UserError:  # none is intact: one there may be
        return -1
    return newest.state.step if newest else -1


def _brought(bucket: Bucket, target: Path, check: Callable[[State], None]) -> bool:
    """Whether a checkpoint has come; one that is not intact there costs a warning."""
    try:
        _fetch(bucket, target, check)
    except Damaged as error:
        console.warn(f"{bucket.address}: {target.name} there is not intact: {error}")
        return False
    return True


def _fetch(bucket: Bucket, target: Path, check: Callable[[State], None]) -> None:
    """Raises: Damaged: it is not whole, or not as it was written; UserError."""
    place, partial = f"{CHECKPOINTS}/{target.name}", target.with_suffix(PARTIAL)
    sizes = bucket.files(place)
    if STATE not in sizes:
        raise Damaged(f"it has no {STATE}, so it was not copied whole.")
    shutil.rmtree(partial, ignore_errors=True)  # of an earlier start
    try:
        with writing(target):
            partial.mkdir(parents=True)
            (partial / STATE).write_bytes(bucket.read(f"{place}/{STATE}"))
        state = read_state(partial)
        check(state)
        for name in state.files:  # whatever else lies there is not of the checkpoint
            if name not in sizes:
                raise Damaged(f"{name} is missing.")
            _fetch_file(bucket, f"{place}/{name}", sizes[name], partial / name)
        verify(partial)
        with writing(target):
            flush_folder(partial)
            if target.exists():  # and is damaged
                set_aside(target)
            partial.replace(target)
            flush_folder(target.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _fetch_file(bucket: Bucket, name: str, size: int, path: Path) -> None:
    with writing(path):
        with path.open("wb") as file:
            for piece in bucket.pieces(name, size):
                file.write(piece)
        flush(path)
