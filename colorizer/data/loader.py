"""Loads batches ahead of the training, in processes whose end or silence is noticed."""

import multiprocessing
import signal
import time
from collections.abc import Iterator
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

import cv2
from torch.utils.data import DataLoader

from colorizer.data.dataset import Batch, TrainingData
from colorizer.data.order import BatchNumbers
from colorizer.errors import UserError

REAPING = 10.0  # seconds; a process in the midst of a dead disk's read cannot even be killed
POLL = 2.0  # seconds from one look at the loader processes to the next, while none has a batch


def load_batches(
    data: TrainingData,
    numbers: BatchNumbers,
    workers: int,
    pin_memory: bool,
    timeout: float = 0.0,
) -> Iterator[Batch]:
    """Batches in order.

    Args:
        data: The samples.
        numbers: Which batches.
        workers: Loader processes; 0 loads in this one.
        pin_memory: For a faster copy to a GPU.
        timeout: Seconds to wait for loader processes that send no batch; 0: for ever.

    Raises:
        UserError: a sample cannot be read, or a loader process has ended or sends nothing.
    """
    loader = DataLoader(
        data,
        batch_size=None,
        sampler=numbers,
        num_workers=workers,
        pin_memory=pin_memory,
        timeout=POLL if workers else 0,
        worker_init_fn=_start_worker,
    )
    before = multiprocessing.active_children()
    handler = signal.getsignal(signal.SIGCHLD)
    batches = iter(loader)
    # torch's own handler would raise anywhere, in the midst of saving too; `_wait` looks itself.
    signal.signal(signal.SIGCHLD, handler)
    processes = [child for child in multiprocessing.active_children() if child not in before]
    try:
        while (batch := _wait(batches, processes, data, timeout)) is not None:
            if isinstance(batch, UserError):
                raise batch
            yield batch
    finally:
        for process in processes:  # they ignore SIGTERM, and a hanging one would never be joined
            process.kill()
        for process in processes:
            process.join(REAPING)


def _wait(
    batches: Iterator[Batch | UserError],
    processes: list[BaseProcess],
    data: TrainingData,
    timeout: float,
) -> Batch | UserError | None:
    """The next batch; None after the last."""
    start = time.monotonic()
    while True:
        try:
            return next(batches, None)
        except (RuntimeError, ConnectionError, EOFError) as error:
            if str(error).startswith("DataLoader timed out"):  # after POLL
                if timeout and time.monotonic() - start >= timeout:
                    raise UserError(_is_silent(data, timeout)) from error
            elif processes and _says_a_process_ended(error):
                raise UserError(_has_ended(data, processes)) from error
            else:
                raise


def _says_a_process_ended(error: Exception) -> bool:
    """Whether it is this, and no fault that a loader process has reported."""
    text = str(error)
    if isinstance(error, RuntimeError):
        return text.startswith("DataLoader worker (pid")
    return "in DataLoader worker process" not in text  # a batch was not handed over to the end


def _is_silent(data: TrainingData, timeout: float) -> str:
    return (
        f"no batch came from the loader processes in {timeout:g} s; look whether the disk with"
        f" {data.reader.index.folder} answers, or give a longer --timeout."
    )


def _has_ended(data: TrainingData, processes: list[BaseProcess]) -> str:
    wait([process.sentinel for process in processes], timeout=1)  # its exit comes after its pipe's
    codes = [process.exitcode for process in processes if process.exitcode is not None]
    how = f" by {signal.Signals(-codes[0]).name}" if codes and codes[0] < 0 else ""
    return (
        f"a loader process was ended{how}, most often for lack of memory; give fewer --workers, and"
        f" look whether {data.reader.index.folder} can still be read."
    )


def _start_worker(_: int) -> None:
    cv2.setNumThreads(0)
    # Ctrl-C and a scheduler's SIGTERM reach the whole group; the trainer itself ends its workers.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
