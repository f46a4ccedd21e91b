"""What a run has prepared so far: parts of a few items each, whole or not there at all.

A part is `NNNNNN.pictures`, the encoded pictures end to end, and `NNNNNN.jsonl`, a line for every
item: where its pictures are, or why it was rejected. The second file appears last.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from colorizer.making.prepare import Prepared
from colorizer.pictures.decode import digest_of
from colorizer.pictures.files import Rejection
from colorizer.system.errors import UserError
from colorizer.system.storage import partial_name, publish, replace_file, writing

ITEMS_IN_PART = 64  # what a kill can cost, for each process


@dataclass(frozen=True)
class Kept:
    """A sample as a part holds it."""

    key: str
    source: str
    group: str | None
    part: str | None  # where the source itself says so
    metadata: dict[str, Any]
    digest: str  # of the bytes of its file
    pixels: str  # digest of its colours, and of its line if that was given, as encoded
    animated: bool
    color_size: int  # bytes
    line_size: int


def is_done(folder: Path, number: int) -> bool:
    """Whether a part is there."""
    return _outcomes(folder, number).exists()


class PartWriter:
    """Writes one part: nothing of it counts until the `with` block has ended well."""

    def __init__(self, folder: Path, number: int) -> None:
        self._folder, self._number = folder, number
        self._lines: list[str] = []

    def __enter__(self) -> Self:
        self._path = _pictures(self._folder, self._number)
        with writing(self._path):
            self._file = partial_name(self._path).open("wb")
        return self

    def append(self, outcome: Prepared | Rejection) -> None:
        """Add what became of the next item.

        Raises:
            UserError: the disk is full or cannot be written to.
        """
        if isinstance(outcome, Prepared):
            with writing(self._path):
                self._file.writelines((outcome.color, outcome.line))
            outcome = _kept(outcome)
        self._lines.append(json.dumps(vars(outcome)) + "\n")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with writing(self._path), self._file:
            if error is None:
                publish(self._file, self._path)
        if error is None:
            outcomes = _outcomes(self._folder, self._number)
            replace_file(outcomes, "".join(self._lines).encode())


def read_part(folder: Path, number: int) -> Iterator[tuple[Kept, bytes, bytes] | Rejection]:
    """What became of the items of a part, in order; of a sample its colour and line too.

    Raises:
        UserError: the part is not there whole.
    """
    path = _pictures(folder, number)
    try:
        with _outcomes(folder, number).open("rb") as lines, path.open("rb") as pictures:
            for content in map(json.loads, lines):
                if "reason" in content:
                    yield Rejection(**content)
                    continue
                kept = Kept(**content)
                color, line = pictures.read(kept.color_size), pictures.read(kept.line_size)
                if len(line) < kept.line_size:
                    raise ValueError("it is cut")
                yield kept, color, line
    except (OSError, ValueError, TypeError) as error:
        outcomes = _outcomes(folder, number)
        raise UserError(
            f"{path} cannot be used ({error}); delete {outcomes} and give the same command again."
        ) from error


def _kept(prepared: Prepared) -> Kept:
    # A computed line says nothing that its colours do not, and a network's differs in last digits.
    given = prepared.line if prepared.line_is_given else b""
    pixels = digest_of(prepared.color, given)
    item = prepared.item
    return Kept(
        key=item.key,
        source=item.source,
        group=item.group,
        part=item.part,
        metadata=prepared.metadata,
        digest=prepared.digest,
        pixels=pixels,
        animated=prepared.animated,
        color_size=len(prepared.color),
        line_size=len(prepared.line),
    )


def _pictures(folder: Path, number: int) -> Path:
    return folder / f"{number:06d}.pictures"


def _outcomes(folder: Path, number: int) -> Path:
    return folder / f"{number:06d}.jsonl"
