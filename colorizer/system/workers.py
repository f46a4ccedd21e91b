"""Calls a function in worker processes, in order and with bounded memory."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

import cv2

from colorizer.system.errors import UserError
from colorizer.system.memory import keep_one_picture

Task = TypeVar("Task")
Result = TypeVar("Result")

LOOK_AHEAD = 4  # tasks under way for each worker


def usable_cores() -> int:
    """CPU cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):  # Linux: a scheduler may have given it a few of them
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_in_order(
    function: Callable[[Task], Result], tasks: Iterable[Task], workers: int
) -> Generator[Result, None, None]:
    """Yield function(task) of each task, in the tasks' order. Close it to stop early.

    Args:
        function: Importable, as are its arguments: processes are spawned.
        tasks: Taken no further than a few for each worker ahead of the results.
        workers: Processes; 0: one for each CPU core that this process may use.

    Raises:
        UserError: a worker was killed from outside, or none can be started.
        Exception: whatever the function raises, from the first task in order that does.
    """
    workers = workers or usable_cores()
    waiting: deque[Future[Result]] = deque()
    with _pool(workers) as pool:
        for task in tasks:
            with interrupts_held_back(), _starting_workers():
                waiting.append(pool.submit(function, task))
            if len(waiting) >= LOOK_AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    # Spawned, as a forked copy of a process with threads (OpenCV's, the progress bar's) may hang.
    context = multiprocessing.get_context("spawn")
    with interrupts_held_back(), _starting_workers():
        pool = ProcessPoolExecutor(workers, context, _start_worker)
    try:
        yield pool
    except BrokenProcessPool as error:
        raise UserError(
            "a worker process was killed, most likely for lack of memory; give fewer --workers."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _starting_workers() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            f"no more worker processes can be started ({error.strerror}); give fewer --workers,"
            " raise the limit of processes (`ulimit -u`), or give the container a /dev/shm that can"
            " be written (`docker run --shm-size 1g`)."
        ) from error


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Ctrl-C waits until the end, and never reaches a process that is started inside.

    Such a process inherits the signal mask. The mask alone would not make this one wait: another
    thread (the progress bar's) can take the signal for it.
    """
    waiting: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _: waiting.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
    if waiting:
        signal.raise_signal(signal.SIGINT)


def _start_worker() -> None:
    cv2.setNumThreads(0)  # the processes are the parallelism
    keep_one_picture()
    threading.Thread(target=leave_with_parent, daemon=True).start()


def begin_as_helper() -> None:
    """Settle down in a process that was forked to work for this one until it is killed."""
    # Ctrl-C and a scheduler's SIGTERM reach the whole group; the trainer ends its processes.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=leave_with_parent, daemon=True).start()


def leave_with_parent() -> None:
    """End when it has: a worker would wait for work for ever after its parent was killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
