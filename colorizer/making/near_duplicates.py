"""Near duplicates: the same picture in another quality or size, found by their thumbnails.

Each is reduced to a few signs of its coarsest waves. Pictures that have one set of signs in
common and nearly the same lightness are compared. All is kept in a database on the disk, names
as JSON, since a file's name need not be text.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple, TypeVar

import cv2
import numpy as np

SIDE = 16  # pixels of a thumbnail
SCHEMA = """
    CREATE TABLE thumbnails (number INTEGER PRIMARY KEY, name TEXT, split TEXT, thumbnail BLOB);
    CREATE TABLE signs (band INTEGER, bits INTEGER, lightness REAL, number INTEGER);
    CREATE TABLE alike (number INTEGER PRIMARY KEY, across INTEGER);
    CREATE TABLE joined (name TEXT PRIMARY KEY, root TEXT) WITHOUT ROWID;
"""
MEAN, MOST = 3.0, 24  # levels that thumbnails of one picture differ by, over all pixels and in any
LIGHTNESS = 2.0  # levels that their means differ by
NEIGHBORS = 50  # compared at most, so that time grows with the pictures alone
BITS = 12  # of a band
CHUNK = 512  # pictures, or rows of signs, that are looked at together
NOTHING = 1.0  # a wave that is no stronger is rounding: grey pictures have no colour


class Row(NamedTuple):
    """A picture in a band; rows follow each other by band, bits and lightness."""

    band: int
    bits: int
    lightness: float
    number: int
    name: str  # as JSON
    split: str | None
    thumbnail: bytes


Each = TypeVar("Each")


def thumbnail_of(pixels: np.ndarray) -> bytes:
    """What an H×W×3 uint8 picture looks like from afar: SIDE·SIDE·3 bytes."""
    height, width = pixels.shape[:2]
    factor = max(min(height, width) // (4 * SIDE), 1)  # whole ones take a fraction of the time
    coarse = width // factor, height // factor
    whole = pixels[: coarse[1] * factor, : coarse[0] * factor]
    smaller = cv2.resize(whole, coarse, interpolation=cv2.INTER_AREA)
    return cv2.resize(smaller, (SIDE, SIDE), interpolation=cv2.INTER_AREA).tobytes()


class NearDuplicates:
    """Pictures that look alike, and the names (of their groups, or their own) that this joins."""

    def __init__(self, base: sqlite3.Connection) -> None:
        """Start without any.

        Args:
            base: Has the tables of SCHEMA, empty.
        """
        self._base = base

    def find(self, pictures: Iterable[tuple[str, str | None, bytes]]) -> None:
        """Take all pictures, and join the names of those that look alike.

        Args:
            pictures: Name, split if the source says it, and thumbnail of each.
        """
        for chunk in _chunks(enumerate(pictures)):
            rows = [(n, json.dumps(name), split, seen) for n, (name, split, seen) in chunk]
            self._base.executemany("INSERT INTO thumbnails VALUES (?, ?, ?, ?)", rows)
            numbers = [row[0] for row in rows]
            signs = _signs([row[3] for row in rows], numbers)
            self._base.executemany("INSERT INTO signs VALUES (?, ?, ?, ?)", signs)
        for one, other in self._pairs():
            if (one.name, one.split) == (other.name, other.split):
                continue  # of one group, or two drawings of one picture
            self._join(one.name, other.name)
            for number in (one.number, other.number):
                self._base.execute(
                    "INSERT INTO alike VALUES (?, ?) ON CONFLICT DO UPDATE SET"
                    " across = MAX(across, excluded.across)",
                    (number, one.split != other.split),
                )

    def counts(self) -> tuple[int, int]:
        """How many pictures look like another, and like one on the other side of a given split."""
        query = "SELECT COUNT(*), COALESCE(SUM(across), 0) FROM alike"
        return self._base.execute(query).fetchone()

    def name_of(self, name: str) -> str:
        """The name that stands for all that are joined with one."""
        return json.loads(self._root_of(json.dumps(name)))

    def _root_of(self, name: str) -> str:
        passed = []
        query = "SELECT root FROM joined WHERE name = ?"
        while (row := self._base.execute(query, (name,)).fetchone()) is not None:
            passed.append(name)
            (name,) = row
        # Else a film that fades out would be a chain as long as it.
        shorter = [(name, each) for each in passed[:-1]]
        self._base.executemany("UPDATE joined SET root = ? WHERE name = ?", shorter)
        return name

    def _join(self, one: str, other: str) -> None:
        roots = sorted({self._root_of(one), self._root_of(other)})
        if len(roots) == 2:
            self._base.execute("INSERT INTO joined VALUES (?, ?)", (roots[1], roots[0]))

    def _pairs(self) -> Iterator[tuple[Row, Row]]:
        """Pictures that look alike; a pair may come once for each band."""
        query = """
            SELECT band, bits, lightness, number, name, split, thumbnail
            FROM signs CROSS JOIN thumbnails USING (number)
            ORDER BY band, bits, lightness, number
        """
        self._base.execute("CREATE INDEX in_order ON signs (band, bits, lightness, number)")
        before: list[Row] = []  # the last rows of the chunk before
        for found in _chunks(map(Row._make, self._base.execute(query))):
            rows = [*before, *found]
            for first, second in _alike(rows, len(before)):
                yield rows[first], rows[second]
            before = rows[-NEIGHBORS:]


def _chunks(each: Iterable[Each]) -> Iterator[list[Each]]:
    each = iter(each)
    while chunk := list(islice(each, CHUNK)):
        yield chunk


def _alike(rows: Sequence[Row], seen: int) -> Iterator[tuple[int, int]]:
    """Places of two rows that look alike, the second not among the first `seen`."""
    bands = np.array([row.band << BITS | row.bits for row in rows])
    lightness = np.array([row.lightness for row in rows])
    pixels = _pixels([row.thumbnail for row in rows]).reshape(len(rows), -1).astype(np.int16)
    quarters = pixels.astype(np.float32) @ TO_QUARTERS
    for apart in range(1, min(NEIGHBORS, len(rows) - 1) + 1):
        near = lightness[apart:] - lightness[:-apart] <= LIGHTNESS
        near &= bands[apart:] == bands[:-apart]
        near[: max(seen - apart, 0)] = False
        (first,) = near.nonzero()
        if not len(first):
            continue
        # Means of parts differ by no more than the pixels do; few pictures are left to compare.
        first = first[np.abs(quarters[first + apart] - quarters[first]).mean(axis=1) <= MEAN]
        if not len(first):
            continue
        levels = np.abs(pixels[first + apart] - pixels[first])
        for place in first[(levels.mean(axis=1) <= MEAN) & (levels.max(axis=1) <= MOST)]:
            yield int(place), int(place) + apart


# ---- Signs


def _signs(thumbnails: Sequence[bytes], numbers: Sequence[int]) -> Iterator[tuple]:
    """Rows of `signs`: bands of bits of coarse lightness, of finer, of colour, and of nothing.

    The last has all pictures in one band, by their lightness alone: it finds flat pictures.
    """
    planes = (_pixels(thumbnails) @ TO_LIGHT_AND_COLORS).transpose(0, 3, 1, 2)  # N×3×SIDE×SIDE
    waves = COSINES @ planes @ COSINES.T
    waves = waves.reshape(*waves.shape[:2], -1)[..., FROM_COARSE]  # N×3×waves
    color = waves[:, 1:].transpose(0, 2, 1).reshape(len(waves), -1)
    bands = (waves[:, 0, 1 : BITS + 1], waves[:, 0, BITS + 1 :], color[:, 2 : BITS + 2])
    bits = [(band > NOTHING) @ (1 << np.arange(BITS)) for band in bands]
    lightness = planes[:, 0].mean((1, 2))
    for band, of_band in enumerate([*bits, np.zeros_like(bits[0])]):
        columns = (of_band.tolist(), lightness.tolist(), numbers)
        for each, light, number in zip(*columns, strict=True):
            yield band, each, light, number


def _pixels(thumbnails: Sequence[bytes]) -> np.ndarray:
    """N×SIDE×SIDE×3 uint8."""
    joined = np.frombuffer(b"".join(thumbnails), np.uint8)
    return joined.reshape(len(thumbnails), SIDE, SIDE, 3)


def _cosines() -> np.ndarray:
    """Waves×SIDE: from coarse to fine, as many as the bands need."""
    waves, places = np.arange(WAVES)[:, None], np.arange(SIDE) + 0.5
    return np.cos(np.pi / SIDE * waves * places).astype(np.float32)


def _from_coarse() -> np.ndarray:
    """Places of the coarsest pairs of waves among WAVES·WAVES, the mean first."""
    rows, columns = np.indices((WAVES, WAVES))
    return np.lexsort((rows.ravel(), (rows + columns).ravel()))[: 2 * BITS + 1]


def _to_quarters() -> np.ndarray:
    """SIDE·SIDE·3×12: the mean of each quarter and channel."""
    rows, columns, channels = np.indices((SIDE, SIDE, 3)).reshape(3, -1)
    quarters = (2 * (rows >= SIDE // 2) + (columns >= SIDE // 2)) * 3 + channels
    return (quarters[:, None] == np.arange(12)).astype(np.float32) * 4 / SIDE**2


TO_QUARTERS = _to_quarters()
WAVES = 7  # down and across: the 25 coarsest pairs have no finer one
COSINES, FROM_COARSE = _cosines(), _from_coarse()
# Lightness as of ITU-R 601, and how much redder and bluer a pixel is.
TO_LIGHT_AND_COLORS = np.array(
    [[0.299, 0.701, -0.299], [0.587, -0.587, -0.587], [0.114, -0.114, 0.886]], np.float32
)
