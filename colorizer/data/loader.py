"""Loads batches ahead of the training, in processes whose end or silence is noticed."""

import multiprocessing
import signal
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from threading import Thread

import cv2
import torch
import torch.multiprocessing  # so that tensors come through shared memory

from colorizer.data.dataset import Batch, TrainingData
from colorizer.data.order import BatchNumbers
from colorizer.data.workers import leave_with_parent
from colorizer.errors import UserError

LOOK_AHEAD = 2  # batches under way for each loader process
REAPING = 10.0  # seconds; a process in the midst of a dead disk's read cannot even be killed


def load_batches(
    data: TrainingData,
    numbers: BatchNumbers,
    workers: int,
    pin_memory: bool,
    timeout: float = 0.0,
) -> Generator[Batch, None, None]:
    """Batches in order. Close it to stop early.

    Args:
        data: The samples.
        numbers: Which batches.
        workers: Loader processes; 0 loads in this one.
        pin_memory: For a faster copy to a GPU.
        timeout: Seconds to wait for loader processes that send no batch; 0: for ever.

    Raises:
        UserError: a sample cannot be read, or a loader process has ended or sends nothing.
    """
    ahead = _load_ahead(data, numbers, workers, timeout) if workers else map(data.load, numbers)
    for batch in ahead:
        yield batch.pin_memory() if pin_memory else batch


def _load_ahead(
    data: TrainingData, numbers: BatchNumbers, workers: int, timeout: float
) -> Generator[Batch, None, None]:
    # Not torch's DataLoader: it shares an event with its processes, and waits for its lock for ever
    # when one was killed that held it. Forked, as its are: a new interpreter takes seconds.
    context = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(workers, context, _start_worker, (data,))
    before = multiprocessing.active_children()
    processes: list[BaseProcess] = []
    waiting: deque[Future[Batch]] = deque()
    try:
        for batch in numbers:
            waiting.append(pool.submit(_load, batch))
            processes = processes or _children_since(before)  # the first task starts them all
            if len(waiting) > LOOK_AHEAD * workers:
                yield _result(waiting.popleft(), processes, data, timeout)
        while waiting:
            yield _result(waiting.popleft(), processes, data, timeout)
    except BrokenProcessPool as error:
        ended = _first_to_end(processes, wait_for=1)
        _end(pool, processes)
        if ended is None:
            raise
        raise UserError(_has_ended(data, ended)) from error
    finally:
        _end(pool, processes)


def _end(pool: ProcessPoolExecutor, processes: list[BaseProcess]) -> None:
    for process in processes:  # they ignore SIGTERM, and a hanging one would never be joined
        process.kill()
    closing = Thread(target=pool.shutdown, kwargs={"cancel_futures": True}, daemon=True)
    closing.start()
    closing.join(REAPING)


def _children_since(before: list[BaseProcess]) -> list[BaseProcess]:
    return [child for child in multiprocessing.active_children() if child not in before]


def _result(
    future: Future[Batch], processes: list[BaseProcess], data: TrainingData, timeout: float
) -> Batch:
    if wait([future], timeout or None).not_done:
        raise UserError(
            f"no batch came from the loader processes in {timeout:g} s; look whether the disk with"
            f" {data.reader.index.folder} answers, or give a longer --timeout."
        )
    if _first_to_end(processes, wait_for=0):  # the pool looks only when no batch is coming
        raise BrokenProcessPool
    return future.result()


def _first_to_end(processes: list[BaseProcess], wait_for: float) -> BaseProcess | None:
    sentinels = connection.wait([process.sentinel for process in processes], wait_for)
    return next((process for process in processes if process.sentinel in sentinels), None)


def _has_ended(data: TrainingData, process: BaseProcess) -> str:
    code = process.exitcode or 0
    how = f" by {signal.Signals(-code).name}" if code < 0 else ""
    return (
        f"a loader process was ended{how}, most often for lack of memory; give fewer --workers, and"
        f" look whether {data.reader.index.folder} can still be read."
    )


# ---- In a loader process

_data: TrainingData


def _start_worker(data: TrainingData) -> None:
    global _data
    _data = data
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    # Ctrl-C and a scheduler's SIGTERM reach the whole group; the trainer itself ends its workers.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    Thread(target=leave_with_parent, daemon=True).start()


def _load(numbers: list[int]) -> Batch:
    return _data.load(numbers)
