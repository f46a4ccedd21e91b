"""Near duplicates: the same picture in another quality or size, found by their thumbnails.

Each is reduced to a few signs of its coarsest waves. Pictures that have one set of signs in
common and nearly the same lightness are compared. All is kept in a database on the disk, names
as JSON, since a file's name need not be text.
"""

import json
import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator

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


def thumbnail_of(pixels: np.ndarray) -> bytes:
    """What an H×W×3 uint8 picture looks like from afar: SIDE·SIDE·3 bytes."""
    return cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA).tobytes()


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
        for number, (name, split, thumbnail) in enumerate(pictures):
            row = (number, json.dumps(name), split, thumbnail)
            self._base.execute("INSERT INTO thumbnails VALUES (?, ?, ?, ?)", row)
            lightness, bands = _signs(thumbnail)
            rows = [(band, bits, lightness, number) for band, bits in enumerate(bands)]
            self._base.executemany("INSERT INTO signs VALUES (?, ?, ?, ?)", rows)
        for one, other in self._pairs():
            if one[1:] == other[1:]:  # of one group, or two drawings of one picture
                continue
            self._join(one[1], other[1])
            across = one[2] != other[2]
            for number in (one[0], other[0]):
                self._base.execute(
                    "INSERT INTO alike VALUES (?, ?) ON CONFLICT DO UPDATE SET"
                    " across = MAX(across, excluded.across)",
                    (number, across),
                )

    def counts(self) -> tuple[int, int]:
        """How many pictures look like another, and like one on the other side of a given split."""
        query = "SELECT COUNT(*), COALESCE(SUM(across), 0) FROM alike"
        return self._base.execute(query).fetchone()

    def name_of(self, name: str) -> str:
        """The name that stands for all that are joined with one."""
        return json.loads(self._root_of(json.dumps(name)))

    def _root_of(self, name: str) -> str:
        while True:
            row = self._base.execute("SELECT root FROM joined WHERE name = ?", (name,)).fetchone()
            if row is None:
                return name
            (name,) = row

    def _pairs(self) -> Iterator[tuple[tuple[int, str, str | None], tuple[int, str, str | None]]]:
        query = """
            SELECT band, bits, lightness, number, name, split, thumbnail
            FROM signs JOIN thumbnails USING (number) ORDER BY band, bits, lightness, number
        """
        near: deque[tuple[int, int, float, int, str, str | None, np.ndarray]]
        near = deque(maxlen=NEIGHBORS)
        for band, bits, lightness, number, name, split, thumbnail in self._base.execute(query):
            pixels = np.frombuffer(thumbnail, np.uint8).astype(np.int16)
            while near and (near[0][:2] != (band, bits) or lightness - near[0][2] > LIGHTNESS):
                near.popleft()
            if near:
                apart = np.abs(np.stack([each[-1] for each in near]) - pixels)
                alike = (apart.mean(axis=1) <= MEAN) & (apart.max(axis=1) <= MOST)
                for place in np.flatnonzero(alike):
                    yield near[place][3:6], (number, name, split)
            near.append((band, bits, lightness, number, name, split, pixels))

    def _join(self, one: str, other: str) -> None:
        roots = sorted({self._root_of(one), self._root_of(other)})
        if len(roots) == 2:
            self._base.execute("INSERT INTO joined VALUES (?, ?)", (roots[1], roots[0]))


def _signs(thumbnail: bytes) -> tuple[float, list[int]]:
    """Mean lightness, and bands of bits: of coarse lightness, of finer, of colour, and of nothing.

    The last has all pictures in one band, by their lightness alone: it finds flat pictures.
    """
    pixels = np.frombuffer(thumbnail, np.uint8).reshape(SIDE, SIDE, 3)
    light, red, blue = cv2.split(cv2.cvtColor(pixels, cv2.COLOR_RGB2YCrCb))
    waves = [_coarse_waves(plane) for plane in (light, red, blue)]
    color = np.stack(waves[1:], axis=1).reshape(-1)
    bands = (waves[0][1 : BITS + 1], waves[0][BITS + 1 : 2 * BITS + 1], color[2 : BITS + 2])
    bits = [int("".join("01"[int(value > 0)] for value in band), 2) for band in bands]
    return float(light.mean()), [*bits, 0]


def _coarse_waves(plane: np.ndarray) -> np.ndarray:
    """Its cosine coefficients, from coarse to fine."""
    waves = cv2.dct(plane.astype(np.float32))
    rows, columns = np.indices(waves.shape)
    order = np.lexsort((rows.ravel(), (rows + columns).ravel()))
    return waves.ravel()[order]
