"""Writing checkpoints: each is there whole or not at all, and training hardly waits for it."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Self

from torch import Tensor

from colorizer.checkpoints.best import Best
from colorizer.checkpoints.checkpoint import (
    STATE,
    State,
    dump_state,
    read_state,
    saved_steps,
    step_name,
    step_of,
)
from colorizer.checkpoints.generator_file import describe_generator
from colorizer.checkpoints.host_copy import HostCopy, Tensors
from colorizer.checkpoints.published import sha256_of
from colorizer.checkpoints.tensor_file import write_tensors
from colorizer.system import console
from colorizer.system.errors import UserError
from colorizer.system.storage import flush, flush_folder, link_to, remove_folder, writing

BEST = "best"  # in the run folder
GENERATORS = ("generator", "average")  # files that say of themselves what network they hold


class Saver:
    """Writes a run's checkpoints in the background, at most one at a time.

    Leaving the `with` block waits for the one that is being written.
    """

    def __init__(
        self,
        folder: Path,
        keep: int,
        keep_every: int,
        buckets: bool = False,
        written: Callable[[Path, State], None] | None = None,
    ) -> None:
        """Nothing is written yet.

        Args:
            folder: The run's checkpoint folder.
            keep: Newest checkpoints to keep.
            keep_every: Also keep those of steps that are multiples of this; 0: none.
            buckets: The run's pictures have several shapes.
            written: Called with each checkpoint that is there, from the thread that wrote it.
        """
        self._written = written
        self._folder = folder
        self._keep = keep
        self._keep_every = keep_every
        self._buckets = buckets
        self._copy = HostCopy()
        self._thread = ThreadPoolExecutor(1, "checkpoint")
        self._writing: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._thread.shutdown()
        if self._writing is not None and (failure := self._writing.exception()):
            console.warn(str(failure))  # something else ends the run, and is about to be said
        self._copy.close()

    def save(self, tensors: Tensors, state: State) -> None:
        """Copy the tensors to host memory, and write them while training goes on.

        Args:
            tensors: For each file its tensors, on any device.
            state: All but `files`.

        Raises:
            UserError: the checkpoint before could not be written; this one is not begun.
        """
        self.wait()
        self._writing = self._thread.submit(self._write, self._copy(tensors), state)

    def wait(self) -> None:
        """Until what is being written is on the disk.

        Raises:
            UserError: it could not be written.
        """
        if self._writing is not None:
            task, self._writing = self._writing, None
            task.result()

    def check(self) -> None:
        """Look, without waiting, how the last one went.

        Raises:
            UserError: it could not be written.
        """
        if self._writing is not None and self._writing.done():
            self.wait()

    def _write(self, tensors: Tensors, state: State) -> None:
        checkpoint = save(self._folder, tensors, state, self._buckets)
        if self._written is not None:
            self._written(checkpoint, read_state(checkpoint))
        point_at_best(self._folder, state.best)
        prune(self._folder, self._keep, self._keep_every, state.best)


def save(folder: Path, tensors: Tensors, state: State, buckets: bool = False) -> Path:
    """Write a checkpoint, so that at every moment it is there whole or not at all.

    Args:
        folder: The run's checkpoint folder.
        tensors: For each file its tensors, in host memory and row-major.
        state: All but `files`.
        buckets: The run's pictures have several shapes.

    Returns:
        The checkpoint's folder.

    Raises:
        UserError: there is no room, or another failure to write; what was begun is removed, what
            was there is as before.
    """
    needed = sum(t.nbytes for content in tensors.values() for t in content.values())
    target = folder / step_name(state.step)
    partial = target.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)  # of an earlier start
    try:
        with writing(target):
            partial.mkdir(parents=True)
            _check_room(target, needed)
            files = {
                path.name: _write_file(path, content, state, buckets)
                for path, content in ((partial / f"{n}.safetensors", t) for n, t in tensors.items())
            }
            (partial / STATE).write_text(dump_state(replace(state, files=files)))
            flush(partial / STATE)
            flush_folder(partial)
            os.replace(partial, target)
            flush_folder(folder)
    except UserError as error:
        shutil.rmtree(partial, ignore_errors=True)  # it takes room that others need
        raise UserError(f"{error} A checkpoint takes {needed / 1e6:,.1f} MB.") from error
    return target


def _check_room(target: Path, needed: int) -> None:
    """Raises: UserError: so many bytes do not fit on the disk."""
    usage = shutil.disk_usage(target.parent)
    if usage.total and needed > usage.free:  # some network disks say 0 of everything
        raise UserError(
            f"cannot write {target}: {usage.free / 1e6:,.1f} MB are free; make room there."
        )


def _write_file(path: Path, tensors: Mapping[str, Tensor], state: State, buckets: bool) -> str:
    """Write one file; gives its sha256."""
    metadata = {}
    if path.stem in GENERATORS:
        settings = state.config
        metadata = describe_generator(
            settings["task"], settings["network"], state.size, state.step, tensors, buckets
        )
    write_tensors(path, tensors, metadata)
    return sha256_of(path)


def set_aside(checkpoint: Path) -> Path:
    """Rename a damaged checkpoint: nothing takes it for a good one, its owner can look."""
    target = checkpoint.with_suffix(".damaged")
    shutil.rmtree(target, ignore_errors=True)
    return checkpoint.rename(target)


def point_at_best(folder: Path, best: Best | None) -> None:
    """Make the run's `best` a link to the best checkpoint; remove it if that is not there.

    Raises:
        UserError: the run's folder does not allow it, or a folder has that name.
    """
    link = folder.parent / BEST
    if link.is_dir() and not link.is_symlink():  # as copying a run makes of a link
        raise UserError(
            f"{link} is a folder, where a link to the best checkpoint belongs; delete it (the"
            " checkpoint itself is in checkpoints/)."
        )
    with writing(link):
        if best is None or not (folder / step_name(best.step)).is_dir():
            link.unlink(missing_ok=True)
            return
        link_to(Path(folder.name, step_name(best.step)), link)


def prune(folder: Path, keep: int, keep_every: int = 0, best: Best | None = None) -> None:
    """Delete all but the newest checkpoints, and what interrupted saves have left.

    Args:
        folder: The run's checkpoint folder.
        keep: How many of the newest stay.
        keep_every: Those of steps that are multiples of this stay as well; 0: none.
        best: Its checkpoint stays, too.
    """
    clean(folder)
    steps = [step_of(path) for path in saved_steps(folder)]
    for step in surplus(steps, keep, keep_every, best):
        _remove(folder / step_name(step))


def surplus(steps: Sequence[int], keep: int, keep_every: int, best: Best | None) -> list[int]:
    """Those of some checkpoints' steps, newest first, that `prune` deletes."""
    return [
        step
        for step in steps[keep:]
        if (not keep_every or step % keep_every) and not (best and step == best.step)
    ]


def clean(folder: Path) -> None:
    """Delete what interrupted saves have left."""
    for path in folder.glob("step-*.partial"):
        remove_folder(path)


def _remove(checkpoint: Path) -> None:
    """Delete a checkpoint, which has its name for as long as it is whole."""
    with writing(checkpoint):
        partial = checkpoint.rename(checkpoint.with_suffix(".partial"))
    remove_folder(partial)
