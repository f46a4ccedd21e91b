"""Loads batches ahead of the training, in processes whose end or silence is noticed."""

import mmap
import multiprocessing
import signal
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import cycle
from multiprocessing import connection
from multiprocessing.context import ForkContext, ForkProcess
from multiprocessing.process import BaseProcess
from multiprocessing.util import get_temp_dir
from threading import Thread
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from colorizer.loading.batch import Batch
from colorizer.loading.dataset import Draw, TrainingData, draw_nothing
from colorizer.loading.order import BatchNumbers
from colorizer.system.errors import UserError
from colorizer.system.layout import Layout
from colorizer.system.memory import keep_one_picture
from colorizer.system.workers import leave_with_parent

LOOK_AHEAD = 2  # batches under way for each loader process
REAPING = 10.0  # seconds; a process in the midst of a dead disk's read cannot even be killed


def load_batches(
    data: TrainingData,
    numbers: BatchNumbers,
    workers: int,
    pin_memory: bool,
    timeout: float = 0.0,
    draw: Draw = draw_nothing,
) -> Generator[Batch, None, None]:
    """Batches in order. Close it to stop early.

    Args:
        data: The samples.
        numbers: Which batches.
        workers: Loader processes; 0 loads in this one.
        pin_memory: For a faster copy to a GPU.
        timeout: Seconds to wait for loader processes that send no batch; 0: for ever.
        draw: The samples' augmentation.

    Raises:
        UserError: a sample cannot be read, or a loader process has ended or sends nothing.
    """
    if workers:
        ahead = _load_ahead(data, numbers, workers, timeout, draw)
    else:
        ahead = (data.load(batch, draw) for batch in numbers)
    for batch in ahead:
        yield batch._replace(memory=_copied(batch.memory, pin_memory))


def _copied(memory: Tensor, pin_memory: bool) -> Tensor:
    """A copy that the loader processes do not write to."""
    copy = torch.empty_like(memory, pin_memory=pin_memory)
    np.copyto(copy.numpy(), memory.numpy())  # torch would keep all cores spinning for a while
    return copy


class _LoaderProcess(ForkProcess):
    """Ignores SIGTERM, and the pool ends its processes with that and waits until they have."""

    terminated = False  # by the pool, while it was alive

    def terminate(self) -> None:
        # One that is ending may have lost its connections, but not its sentinel yet.
        self.terminated = not connection.wait([self.sentinel], timeout=0.1)
        self.kill()


class _Context(ForkContext):
    Process = _LoaderProcess


def _load_ahead(
    data: TrainingData, numbers: BatchNumbers, workers: int, timeout: float, draw: Draw
) -> Generator[Batch, None, None]:
    # Not torch's DataLoader: it shares an event with its processes, and waits for its lock for ever
    # when one was killed that held it. Forked, as its are: a new interpreter takes seconds.
    get_temp_dir()  # for the sockets of all its processes; this one removes it
    # Shared memory that is used in turn: new memory, and batches sent, cost as much as decoding.
    layout = data.layout(numbers.share, draw)
    room = [_shared(layout.nbytes) for _ in range(LOOK_AHEAD * workers + 1)]
    views = [layout.views(memory) for memory in room]
    pool = ProcessPoolExecutor(workers, _Context(), _start_worker, (data, views, draw))
    before = multiprocessing.active_children()
    processes: list[_LoaderProcess] = []
    waiting: deque[_Waiting] = deque()
    try:
        for batch, place in zip(numbers, cycle(range(len(room)))):
            found = pool.submit(_load, place, batch)
            waiting.append(_Waiting(room[place], layout, batch, found))
            processes = processes or _children_since(before)  # the first task starts them all
            if len(waiting) == len(room):
                yield _result(waiting.popleft(), processes, data, timeout)
        while waiting:
            yield _result(waiting.popleft(), processes, data, timeout)
    except BrokenProcessPool as error:
        _shut(pool)
        codes = [p.exitcode for p in processes if p.exitcode and not p.terminated]
        if not codes:
            raise
        raise UserError(_has_ended(data, codes[0])) from error
    finally:
        for process in processes:  # one that hangs would never be joined
            process.kill()
        _shut(pool)


def _shared(nbytes: int) -> Tensor:
    """Memory that forked processes share with this one, outside of containers' small /dev/shm."""
    return torch.frombuffer(mmap.mmap(-1, nbytes), dtype=torch.uint8)


def _children_since(before: list[BaseProcess]) -> list[_LoaderProcess]:
    return [child for child in multiprocessing.active_children() if child not in before]


def _shut(pool: ProcessPoolExecutor) -> None:
    closing = Thread(target=pool.shutdown, kwargs={"cancel_futures": True}, daemon=True)
    closing.start()
    closing.join(REAPING)


class _Waiting(NamedTuple):
    """A batch that a loader process is at."""

    memory: Tensor
    layout: Layout
    numbers: list[int]
    found: Future[tuple[list[str], dict[int, str]]]


def _result(
    batch: _Waiting, processes: list[_LoaderProcess], data: TrainingData, timeout: float
) -> Batch:
    if wait([batch.found], timeout or None).not_done:
        raise UserError(
            f"no batch came from the loader processes in {timeout:g} s; look whether the disk with"
            f" {data.reader.index.folder} answers, or give a longer --timeout."
        )
    # The pool itself looks only when no batch is coming.
    if connection.wait([process.sentinel for process in processes], timeout=0):
        raise BrokenProcessPool
    return Batch(batch.memory, batch.layout, batch.numbers, *batch.found.result())


def _has_ended(data: TrainingData, code: int) -> str:
    how = f" by {signal.Signals(-code).name}" if code < 0 else ""
    return (
        f"a loader process was ended{how}, most often for lack of memory; give fewer --workers, and"
        f" look whether {data.reader.index.folder} can still be read."
    )


# ---- In a loader process

_data: TrainingData
_room: list[list[Tensor]]
_draw: Draw


def _start_worker(data: TrainingData, room: list[list[Tensor]], draw: Draw) -> None:
    global _data, _room, _draw
    _data, _room, _draw = data, room, draw
    cv2.setNumThreads(0)
    keep_one_picture()
    # Ctrl-C and a scheduler's SIGTERM reach the whole group; the trainer itself ends its workers.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    Thread(target=leave_with_parent, daemon=True).start()


def _load(place: int, numbers: list[int]) -> tuple[list[str], dict[int, str]]:
    return _data.load_into(_room[place], numbers, _draw)
