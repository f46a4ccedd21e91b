"""Cuts: the frames of a folder in order, each like those before it."""

from collections import deque
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from colorizer.coloring.colorizer import Colorizer
from colorizer.coloring.jobs import Job
from colorizer.coloring.painting import Painting
from colorizer.coloring.pipeline import Outcome, Write, why_unusable, written
from colorizer.drawings.corrections import Point
from colorizer.drawings.regions import GAP
from colorizer.pictures.decode import Decoded, UnusablePicture, decode_file
from colorizer.system.errors import UserError

AHEAD = 2  # frames that are read, and that are written, beside the network
THREADS = 2


def cuts_of(jobs: Sequence[Job]) -> list[list[Job]]:
    """The frames of each folder of results.

    Raises:
        UserError: the frames of one have different references.
    """
    together = sorted(jobs, key=lambda job: job.output.parent)  # which keeps their order
    cuts = [list(cut) for _, cut in groupby(together, key=lambda job: job.output.parent)]
    for first, *others in cuts:
        for job in others:
            if job.references != first.references:
                raise UserError(
                    f"{first.drawing} and {job.drawing} have different references; the frames of a"
                    " --sequence have the same ones."
                )
    return cuts


@dataclass(frozen=True)
class Given:
    """What a cut's frames are coloured by, beside the references."""

    working_size: int | None = None
    gap: float = GAP
    keys: Mapping[Job, Path] = field(default_factory=dict)  # frames that are coloured already
    points: Mapping[int, Sequence[Point]] = field(default_factory=dict)  # by frame


def keys_of(cuts: Sequence[Sequence[Job]], pictures: Sequence[Path]) -> dict[Job, Path]:
    """The frame that each key picture is of: the one that has its name.

    Raises:
        UserError: a picture has the name of no frame, or of several.
    """
    keys: dict[Job, Path] = {}
    for picture in pictures:
        frames = [job for cut in cuts for job in cut if job.drawing.stem == picture.stem]
        if len(frames) != 1:
            count = "no frame has" if not frames else f"{len(frames)} frames have"
            raise UserError(f"{picture}: {count} its name; name it like the drawing it colours.")
        keys[frames[0]] = picture
    return keys


def color_cut(
    colorizer: Colorizer,
    frames: Sequence[Job],
    missing: Collection[Job],
    write: Write,
    digests: Mapping[Job, str],
    given: Given,
) -> Generator[Outcome, None, None]:
    """Colour a cut from its first frame on, and write the frames that are missing.

    Colours come from the frames before, so a cut that was stopped begins anew, and its results are
    what they would have been; finished ones are not written again.

    Args:
        colorizer: The network.
        frames: All, in order, with the same references.
        missing: Those to be written.
        write: Is called in other threads.
        digests: What is recorded of each frame.
        given: By what.

    Yields:
        What became of the missing ones.

    Raises:
        UserError: a result cannot be written.
    """
    numbers = {job: number for number, job in enumerate(frames)}
    frames, unread = _needed(frames, missing)
    if given.keys or given.points:  # which are of frames by number, so these have to be sure
        frames = _usable(frames, unread)
    under_way: deque[Job] = deque()
    writing: deque[Future[Outcome]] = deque()
    pool = ThreadPoolExecutor(THREADS)

    def readable() -> Iterator[Decoded]:
        for job, drawing in _read_ahead(frames, pool):
            if isinstance(drawing, Outcome):
                unread.append(drawing)
            else:
                under_way.append(job)
                yield drawing

    try:
        for painting in _painted(colorizer, frames, readable(), given, numbers):
            job = under_way.popleft()
            if job in missing:
                writing.append(pool.submit(written, write, job, painting, digests[job]))
            while len(writing) > AHEAD:
                yield writing.popleft().result()
        yield from (future.result() for future in writing)
        yield from (outcome for outcome in unread if outcome.job in missing)
    finally:
        pool.shutdown(cancel_futures=True)


def _usable(frames: Sequence[Job], unread: list[Outcome]) -> list[Job]:
    usable = []
    for job in frames:
        drawing = _decoded(job)
        if isinstance(drawing, Outcome):
            unread.append(drawing)
        else:
            usable.append(job)
    return usable


def _painted(
    colorizer: Colorizer,
    frames: Sequence[Job],
    pictures: Iterator[Decoded],
    given: Given,
    numbers: Mapping[Job, int],
) -> Iterator[Painting]:
    if frames:
        keys = {n: given.keys[job] for n, job in enumerate(frames) if job in given.keys}
        points = {n: given.points.get(numbers[job], ()) for n, job in enumerate(frames)}
        yield from colorizer.sequence(
            pictures,
            frames[0].references,
            given.working_size,
            keys,
            points,
            given.gap,
        )


def _needed(frames: Sequence[Job], missing: Collection[Job]) -> tuple[Sequence[Job], list[Outcome]]:
    """The frames up to the last missing one that can be read, and the unusable ones after it."""
    unread: list[Outcome] = []
    for place in reversed(range(len(frames))):
        if frames[place] in missing:
            drawing = _decoded(frames[place])
            if not isinstance(drawing, Outcome):
                return frames[: place + 1], unread
            unread.append(drawing)
    return [], unread


def _read_ahead(
    jobs: Iterable[Job], pool: ThreadPoolExecutor
) -> Iterator[tuple[Job, Decoded | Outcome]]:
    reading: deque[tuple[Job, Future[Decoded | Outcome]]] = deque()
    for job in jobs:
        reading.append((job, pool.submit(_decoded, job)))
        if len(reading) > AHEAD:
            first, future = reading.popleft()
            yield first, future.result()
    for first, future in reading:
        yield first, future.result()


def _decoded(job: Job) -> Decoded | Outcome:
    """The drawing, if it is a picture."""
    try:
        return decode_file(job.drawing)
    except UnusablePicture as unusable:
        return Outcome(job, error=why_unusable(job.drawing, unusable))
