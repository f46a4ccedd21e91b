"""Many drawings: reading and cleaning, the network, and painting and writing side by side."""

from collections import OrderedDict, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from colorizer.coloring.any_colorizer import References
from colorizer.coloring.colorizer import Colorizer
from colorizer.coloring.jobs import Job
from colorizer.coloring.painting import Painting, paint
from colorizer.coloring.preparing import Prepared, prepare
from colorizer.networks.generator import Features
from colorizer.pictures.decode import (
    UnusablePicture,
    decode_picture,
    digest_of,
    read_file,
    size_in_header,
)
from colorizer.system.errors import UserError
from colorizer.system.storage import is_name_refused
from colorizer.system.workers import usable_cores

HELD = 16  # drawings in memory at most
HELD_PIXELS = 32_000_000  # of all of them together; a larger drawing is held alone
BATCH = 8  # drawings that an accelerator colours at once
BATCH_PIXELS = BATCH * 512 * 512  # at the working size, of all of them together
KEPT_SETS = 4  # of references that were read
MOST_THREADS = 8  # beside the network

Result = TypeVar("Result")
Write = Callable[[Job, Painting, str], None]  # the last: digest of the drawing's file


@dataclass(frozen=True)
class Outcome:
    """What became of a drawing."""

    job: Job
    notes: tuple[str, ...] = ()
    error: str = ""  # why it could not be coloured; empty: it was


@dataclass(frozen=True)
class _Ready:
    job: Job
    prepared: Prepared
    digest: str


@dataclass(frozen=True)
class _Held(Generic[Result]):
    """A drawing in memory, on its way to the network or from it."""

    pixels: int
    future: Future[Result]


class Pipeline:
    """Colours drawings in order, with bounded memory."""

    def __init__(
        self, colorizer: Colorizer, write: Write, working_size: int | None, gap: float
    ) -> None:
        """Make ready.

        Args:
            colorizer: The network.
            write: Is called in other threads, several at once.
            working_size: See `Colorizer`.
            gap: See `prepare`.

        Raises:
            UserError: the working size is out of bounds.
        """
        self._colorizer, self._write, self._gap = colorizer, write, gap
        self._working_size = working_size
        self._size = colorizer.working_size(working_size)
        self._batch = 1 if colorizer.device.type == "cpu" else BATCH
        self._sets: OrderedDict[tuple[Path, ...], References[Features]] = OrderedDict()
        self._preparing: deque[_Held[_Ready | Outcome]] = deque()
        self._finishing: deque[_Held[Outcome]] = deque()

    def run(self, jobs: Iterable[Job]) -> Generator[Outcome, None, None]:
        """Colour drawings; an unusable one is an outcome too. Close it to stop early.

        Raises:
            UserError: a result cannot be written.
        """
        self._pool = ThreadPoolExecutor(min(MOST_THREADS, max(2, usable_cores())))
        try:
            for job in jobs:
                height, width = size_in_header(job.drawing) or (0, 0)  # which is refused at once
                while self._is_full(height * width):
                    yield from self._step()
                future = self._pool.submit(self._prepare, job)
                self._preparing.append(_Held(height * width, future))
            while self._preparing or self._finishing:
                yield from self._step()
        finally:
            self._pool.shutdown(cancel_futures=True)

    def references(self, pictures: tuple[Path, ...]) -> References[Features]:
        """What a set of references shows, read once for the drawings that follow each other.

        Raises:
            UserError: one cannot be read.
        """
        if pictures not in self._sets:
            self._sets[pictures] = self._colorizer.read(pictures, self._working_size)
            if len(self._sets) > KEPT_SETS:
                self._sets.popitem(last=False)
        self._sets.move_to_end(pictures)
        return self._sets[pictures]

    def _is_full(self, pixels: int) -> bool:
        held = [*self._preparing, *self._finishing]
        together = pixels + sum(drawing.pixels for drawing in held)
        return bool(held) and (len(held) >= HELD or together > HELD_PIXELS)

    def _step(self) -> Iterator[Outcome]:
        """Whatever is next: hand out what is finished, use the network, or wait."""
        if self._finishing and (self._finishing[0].future.done() or not self._preparing):
            yield self._finishing.popleft().future.result()
        else:
            yield from self._color()

    def _color(self) -> Iterator[Outcome]:
        """The oldest drawing through the network, with others like it that are ready."""
        first = self._preparing.popleft()
        ready = first.future.result()
        if isinstance(ready, Outcome):
            yield ready
            return
        batch = [(first, ready), *self._alike(ready)]
        try:
            references = self.references(ready.job.references)
        except UserError as error:  # of this set: others go on
            yield from (Outcome(drawing.job, error=str(error)) for _, drawing in batch)
            return
        lines = np.stack([drawing.prepared.small for _, drawing in batch])
        colored = self._colorizer.color_small(lines, references)
        for (held, drawing), small in zip(batch, colored, strict=True):
            future = self._pool.submit(self._finish, drawing, small, references.palette)
            self._finishing.append(_Held(held.pixels, future))

    def _alike(self, first: _Ready) -> Iterator[tuple[_Held[_Ready | Outcome], _Ready]]:
        """The next ones that are ready, of the same size and references, as many as fit."""
        shape = first.prepared.small.shape
        for _ in range(1, min(self._batch, BATCH_PIXELS // (shape[0] * shape[1]))):
            if not self._preparing or not self._preparing[0].future.done():
                return
            ready = self._preparing[0].future.result()
            if isinstance(ready, Outcome) or ready.prepared.small.shape != shape:
                return
            if ready.job.references != first.job.references:
                return
            yield self._preparing.popleft(), ready

    def _prepare(self, job: Job) -> _Ready | Outcome:
        try:
            data = read_file(job.drawing)
            drawing = decode_picture(data)
        except UnusablePicture as unusable:
            return Outcome(job, error=why_unusable(job.drawing, unusable))
        prepared = prepare(drawing.pixels, self._size, drawing.alpha, self._gap)
        return _Ready(job, prepared, digest_of(data))

    def _finish(self, ready: _Ready, small: np.ndarray, palette: np.ndarray) -> Outcome:
        return written(self._write, ready.job, paint(ready.prepared, small, palette), ready.digest)


def why_unusable(path: Path, unusable: UnusablePicture) -> str:
    """The sentence for a picture that cannot be used."""
    detail = f" ({unusable.detail})" if unusable.detail else ""
    return f"{path}: {unusable.reason}{detail}."


def written(write: Write, job: Job, painting: Painting, digest: str) -> Outcome:
    """Write a painting: what its format cannot hold is this drawing's fault alone.

    Raises:
        UserError: nothing can be written there.
    """
    try:
        write(job, painting, digest)
    except UserError as error:
        if isinstance(error.__cause__, OSError) and not is_name_refused(error):
            raise
        return Outcome(job, error=str(error))
    return Outcome(job, painting.notes)
