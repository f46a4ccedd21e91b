"""What a run has prepared so far: pieces of a few items each, whole or not on the disk at all.

A piece is `NNNNNN.pictures`, the encoded pictures end to end, and `NNNNNN.jsonl`, a line for every
item: how long its pictures are, or why it was rejected. The second file appears last.
"""

import base64
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from colorizer.making.prepare import Prepared
from colorizer.making.sources.base import Split
from colorizer.pictures.files import Rejection
from colorizer.system.errors import UserError
from colorizer.system.storage import partial_name, publish, replace_file, writing

ITEMS_IN_PIECE = 64  # what a kill can cost, for each process


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A sample as it is read from a piece."""

    key: str
    source: str
    group: str | None
    split: Split | None  # where the source itself says so
    metadata: dict[str, Any]
    digest: str  # of the bytes of its file
    pixels: str  # digest of its colours, and of its line if that was given, as encoded
    animated: bool
    color: bytes
    line: bytes
    remarks: Sequence[str] = ()  # to be counted; sets begun by earlier versions have none
    look: dict[str, Any] | None = None  # of picture and drawing, where it came with one
    split_with: str | None = None  # key that decides its split, where it has no group


def piece_count(items: int) -> int:
    """How many pieces so many items make."""
    return -(-items // ITEMS_IN_PIECE)


def items_of(piece: int, items: int) -> range:
    """Numbers of a piece's items, of `items` in all; the last piece may have fewer."""
    first = piece * ITEMS_IN_PIECE
    return range(first, min(first + ITEMS_IN_PIECE, items))


def is_done(folder: Path, piece: int) -> bool:
    """Whether a piece is whole."""
    return _outcomes(folder, piece).exists()


class PieceWriter:
    """Writes one piece: nothing of it counts until the `with` block has ended well."""

    def __init__(self, folder: Path, piece: int) -> None:
        self._pictures, self._outcomes = _pictures(folder, piece), _outcomes(folder, piece)
        self._lines: list[str] = []

    def __enter__(self) -> Self:
        with writing(self._pictures):
            self._file = partial_name(self._pictures).open("wb")
        return self

    def append(self, outcome: Prepared | Rejection) -> None:
        """Add what became of the next item, its line drawn.

        Raises:
            UserError: the disk is full or cannot be written to.
        """
        if isinstance(outcome, Rejection):
            record = vars(outcome)
        else:
            assert isinstance(outcome.line, bytes)  # no longer undrawn
            record = _record(outcome, outcome.line)
            with writing(self._pictures):
                self._file.writelines((outcome.color, outcome.line))
        self._lines.append(json.dumps(record) + "\n")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with writing(self._pictures), self._file:
            if error is None:
                publish(self._file, self._pictures)
        if error is None:
            replace_file(self._outcomes, "".join(self._lines).encode())


def read_piece(folder: Path, piece: int) -> Iterator[Kept | Rejection]:
    """What became of the items of a piece, in order.

    Raises:
        UserError: the piece is missing or damaged.
    """
    with (
        _naming(folder, piece),
        _outcomes(folder, piece).open("rb") as lines,
        _pictures(folder, piece).open("rb") as pictures,
    ):
        for record in map(json.loads, lines):
            yield Rejection(**record) if "reason" in record else _kept(record, pictures)


@contextmanager
def _naming(folder: Path, piece: int) -> Iterator[None]:
    """Say of what is wrong with a piece where it is and what to do."""
    try:
        yield
    except (OSError, ValueError, TypeError, KeyError) as error:
        path, outcomes = _pictures(folder, piece), _outcomes(folder, piece)
        raise UserError(
            f"{path} cannot be used ({error}); delete {outcomes} and run the same command again."
        ) from error


@dataclass(frozen=True)
class Named:
    """What the split has to know of a kept item."""

    name: str  # of its group, or its key (or that of the item that it is split with) if it has none
    split: Split | None  # where the source itself says so
    pixels: str
    thumbnail: bytes  # see `thumbnail_of`; empty in sets begun by earlier versions


def names_of_kept(folder: Path, piece: int) -> Iterator[Named]:
    """The kept items of a piece, whose pictures are not read.

    Raises:
        UserError: the piece is missing or damaged.
    """
    for record in records_of_kept(folder, piece):
        name = record["group"] or record.get("split_with") or record["key"]
        thumbnail = base64.b64decode(record.get("thumbnail", ""))
        yield Named(name, record["part"], record["pixels"], thumbnail)


def records_of_kept(folder: Path, piece: int) -> Iterator[dict[str, Any]]:
    """All that is noted of each kept item of a piece, whose pictures are not read.

    Raises:
        UserError: the piece is missing or damaged.
    """
    with _naming(folder, piece), _outcomes(folder, piece).open("rb") as lines:
        for record in map(json.loads, lines):
            if "reason" not in record:
                yield record


def _record(sample: Prepared, line: bytes) -> dict[str, Any]:
    item = sample.item
    return {
        "key": item.key,
        "source": item.source,
        "group": item.group,
        "split_with": item.split_with,
        "part": item.split,  # the name that sets begun by earlier versions have on the disk
        "metadata": sample.metadata,
        "digest": sample.digest,
        "pixels": sample.pixels,
        "animated": sample.animated,
        "remarks": sample.remarks,
        "thumbnail": base64.b64encode(sample.thumbnail).decode(),
        "look": None if sample.look is None else asdict(sample.look),
        "color_size": len(sample.color),
        "line_size": len(line),
    }


def _kept(record: dict[str, Any], pictures: BinaryIO) -> Kept:
    color_size, line_size = record.pop("color_size"), record.pop("line_size")
    record.pop("thumbnail", None)  # `names_of_kept` gives it
    color, line = pictures.read(color_size), pictures.read(line_size)
    if len(line) < line_size:
        raise ValueError("it is cut")
    return Kept(split=record.pop("part"), color=color, line=line, **record)


def _pictures(folder: Path, piece: int) -> Path:
    return folder / f"{piece:06d}.pictures"


def _outcomes(folder: Path, piece: int) -> Path:
    return folder / f"{piece:06d}.jsonl"
