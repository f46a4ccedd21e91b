"""A folder of results: what is there already, and what is missing."""

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from colorizer.coloring.jobs import Job
from colorizer.coloring.painting import Painting
from colorizer.coloring.pipeline import why_unusable
from colorizer.coloring.record import Origin, Record, refuse_difference
from colorizer.coloring.writing import output_paths, write_outputs
from colorizer.config.commands import Kind
from colorizer.pictures.decode import UnusablePicture, digest_of, read_file
from colorizer.system.errors import UserError


class Results:
    """The results of a folder, each with a record of what it was made of."""

    def __init__(
        self, folder: Path, record: Record, kinds: Sequence[Kind], settings: Mapping[str, Any]
    ) -> None:
        """Make ready.

        Args:
            folder: Where the results go.
            record: Its.
            kinds: What is written of each drawing.
            settings: All that results depend on beside drawing and references, as JSON.
        """
        self._folder, self._record, self._kinds, self._settings = folder, record, kinds, settings
        self._references = cache(_digests)

    def missing(self, jobs: Sequence[Job], overwrite: bool, cuts: Mapping[Job, str]) -> list[Job]:
        """The drawings without a result, or that have changed since.

        Args:
            jobs: All drawings.
            overwrite: Take away what was made otherwise.
            cuts: Digests of frames; of other drawings the file counts.

        Raises:
            UserError: a result is there that was made otherwise, or a reference cannot be read.
        """
        missing = []
        for job in jobs:
            name = self._name(job)
            wanted = Origin(self._settings, self._references(job.references), "")
            paths = output_paths(job.output, self._kinds)
            there = [path for path in paths if os.path.exists(path)]  # False for a name too long
            held = self._record.made(name)
            begun = held is None and self._record.knows(name)
            if there and not overwrite and not begun:
                refuse_difference(self._folder, name, held, wanted)
            whole = held is not None and len(there) == len(paths) and not held.difference(wanted)
            if held is None or not whole or held.drawing != _now(job, cuts):
                missing.append(job)
        return missing

    def write(self, job: Job, painting: Painting, digest: str) -> None:
        """Write a result, and of what it was made; from any thread.

        Raises:
            UserError: it cannot be written.
        """
        name = self._name(job)
        self._record.begin(name)
        write_outputs(painting, job.output, self._kinds)
        origin = Origin(self._settings, self._references(job.references), digest)
        self._record.finish(name, origin)

    def _name(self, job: Job) -> str:
        return job.output.relative_to(self._folder).as_posix()


def _now(job: Job, cuts: Mapping[Job, str]) -> str:
    return cuts[job] if job in cuts else digest_of_file(job.drawing)


def _digests(references: tuple[Path, ...]) -> dict[str, str]:
    digests = {}
    for path in references:
        try:
            digests[str(path)] = digest_of(read_file(path))
        except UnusablePicture as unusable:
            raise UserError(why_unusable(path, unusable)) from unusable
    return digests


def digest_of_file(path: Path) -> str:
    """That of its bytes; empty if it cannot be read."""
    try:
        return digest_of(read_file(path))
    except UnusablePicture:
        return ""  # it is named when its turn comes


def digests_of_cut(jobs: Sequence[Job]) -> Iterator[tuple[Job, str]]:
    """Of each frame and all before it, which it takes colours from."""
    digest = ""
    for job in jobs:
        digest = digest_of(digest.encode(), digest_of_file(job.drawing).encode())
        yield job, digest
