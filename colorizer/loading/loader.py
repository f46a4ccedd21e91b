"""Loads batches ahead of the training, in processes whose end or silence is noticed."""

import mmap
import pickle
import signal
import time
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from multiprocessing import Pipe
from multiprocessing.context import ForkProcess

import cv2
import numpy as np
import torch
from torch import Tensor

from colorizer.loading.batch import Batch
from colorizer.loading.dataset import Draw, TrainingData, draw_nothing, say
from colorizer.loading.order import BatchNumbers
from colorizer.loading.prefetching import fetching_ahead
from colorizer.loading.traffic import Traffic
from colorizer.system.errors import UserError
from colorizer.system.layout import Layout
from colorizer.system.memory import keep_one_picture
from colorizer.system.workers import begin_as_helper

LOOK_AHEAD = 2  # batches under way for each loader process
REAPING = 10.0  # seconds; a process in the midst of a dead disk's read cannot even be killed

Loaded = tuple[list[str], dict[int, str], list[str]]  # `keys`, `bad`, `references` of a batch
Load = Callable[[int], Loaded]  # loads a batch, which is counted from 0, into its memory


def load_batches(
    data: TrainingData,
    numbers: BatchNumbers,
    workers: int,
    pin_memory: bool,
    timeout: float = 0.0,
    draw: Draw = draw_nothing,
    traffic: Traffic | None = None,
) -> Generator[Batch, None, None]:
    """Batches in order. Close it to stop early.

    Args:
        data: The samples.
        numbers: Which batches.
        workers: Loader processes; 0 loads in this one.
        pin_memory: For a faster copy to a GPU.
        timeout: Seconds to wait for loader processes that send no batch; 0: for ever.
        draw: The samples' augmentation.
        traffic: With room for `workers` + 2 helpers; gets what is fetched from elsewhere.

    Raises:
        UserError: a sample cannot be read, or a loader process has ended or sends nothing.
    """
    traffic = traffic or Traffic(workers + 2)
    with fetching_ahead(data, numbers, traffic, helper=workers + 1) as helper:
        if workers:
            ahead = _load_ahead(data, numbers, workers, timeout, draw, traffic)
        else:
            ahead = _load_here(data, numbers, draw, traffic)
        for number, batch in enumerate(ahead):
            traffic.batch = number + 1
            helper.check()
            yield batch._replace(memory=_copied(batch.memory, pin_memory))


def _load_here(
    data: TrainingData, numbers: BatchNumbers, draw: Draw, traffic: Traffic
) -> Iterator[Batch]:
    for batch in numbers:
        yield data.load(batch, draw)
        traffic.add(0, data.reader.take_fetched())


def _copied(memory: Tensor, pin_memory: bool) -> Tensor:
    """A copy that the loader processes do not write to."""
    copy = torch.empty_like(memory, pin_memory=pin_memory)
    np.copyto(copy.numpy(), memory.numpy())  # torch would keep all cores spinning for a while
    return copy


def _load_ahead(
    data: TrainingData,
    numbers: BatchNumbers,
    workers: int,
    timeout: float,
    draw: Draw,
    traffic: Traffic,
) -> Generator[Batch, None, None]:
    """Batches in order, which loader processes load in turn; each is good until the next."""
    # Shared memory that is used in turn: new memory, and batches sent, cost as much as decoding.
    counts = range(max(1, numbers.largest - 1), numbers.largest + 1)  # of samples in a batch
    layouts = {(c, shape): data.layout(c, shape, draw) for c in counts for shape in data.shapes}
    largest = max(layout.nbytes for layout in layouts.values())
    room = [_shared(largest) for _ in range(LOOK_AHEAD * workers + 1)]

    def place(batch: int) -> tuple[Tensor, Layout]:
        own = numbers[batch]
        layout = layouts[len(own), data.order.shape_of(own[0])]
        return room[batch % len(room)][: layout.nbytes], layout

    def load(batch: int) -> Loaded:
        memory, layout = place(batch)
        loaded = data.load_into(layout.views(memory), numbers[batch], draw)
        traffic.add(batch % workers, data.reader.take_fetched())
        return loaded

    ahead = len(room) - 1
    with _loader_processes(workers, load, say(data.reader.folders)) as processes:
        for newest in range(len(numbers) + ahead):
            if newest < len(numbers):
                processes[newest % workers].ask(newest)
            oldest = newest - ahead
            if oldest >= 0:
                loaded = processes[oldest % workers].answer(timeout)
                yield Batch(*place(oldest), numbers[oldest], *loaded)


def _shared(nbytes: int) -> Tensor:
    """Memory that forked processes share with this one, outside of containers' small /dev/shm."""
    return torch.frombuffer(mmap.mmap(-1, nbytes), dtype=torch.uint8)


@contextmanager
def _loader_processes(count: int, load: Load, folders: str) -> Iterator[list["_LoaderProcess"]]:
    """So many loader processes, none of which is left at the end."""
    processes: list[_LoaderProcess] = []
    try:
        for _ in range(count):
            process = _LoaderProcess(load, folders)
            process.start()
            processes.append(process)
        yield processes
    finally:
        for process in processes:  # one that hangs would never end by itself
            process.kill()
        deadline = time.monotonic() + REAPING
        for process in processes:
            process.join(max(0.0, deadline - time.monotonic()))


class _LoaderProcess(ForkProcess):
    """Loads the batches that it is asked for, in that order, until it is killed.

    Forked: a new interpreter takes seconds. Not torch's DataLoader: it shares an event with its
    processes, and waits for its lock for ever when one was killed that held it.
    """

    def __init__(self, load: Load, folders: str) -> None:
        super().__init__()
        self.load = load
        self.folders = folders  # of the shards, for what is said of failures
        self.connection, self.others_connection = Pipe()

    def start(self) -> None:
        super().start()
        self.others_connection.close()  # so that this side notices when the process has ended

    def ask(self, batch: int) -> None:
        """Have it load a batch.

        Raises:
            UserError: the process has ended.
        """
        with self._naming_end():
            self.connection.send(batch)

    def answer(self, timeout: float) -> Loaded:
        """What came of the batch that it was asked for first, of those not answered yet.

        Raises:
            UserError: the process has ended, or sends nothing for `timeout` seconds (0: for ever).
            Exception: whatever loading the batch raised.
        """
        with self._naming_end():
            if not self.connection.poll(timeout or None):
                raise UserError(
                    f"no batch came from the loader processes in {timeout:g} s; look whether the"
                    f" disk with {self.folders} answers, or give a longer --timeout."
                )
            answer = self.connection.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer

    @contextmanager
    def _naming_end(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, OSError) as error:
            self.join(REAPING)  # it has lost its connections, but may not have ended yet
            code = self.exitcode
            how = f" by {signal.Signals(-code).name}" if code is not None and code < 0 else ""
            raise UserError(
                f"a loader process was ended{how}, most often for lack of memory; give fewer"
                f" --workers, and look whether {self.folders} can still be read."
            ) from error

    # ---- In the process

    def run(self) -> None:
        cv2.setNumThreads(0)
        keep_one_picture()
        begin_as_helper()
        while True:
            self.others_connection.send(self._loaded(self.others_connection.recv()))

    def _loaded(self, batch: int) -> Loaded | Exception:
        try:
            return self.load(batch)
        except Exception as error:  # raised again by `answer`
            error.add_note(f"In a loader process:\n{traceback.format_exc()}")
            return _as_sent(error)


def _as_sent(error: Exception) -> Exception:
    """The error, or one of its words if it would not survive being sent."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # whatever somebody's __reduce__ or __init__ raises
        return RuntimeError("".join(traceback.format_exception(error)))
    return error
