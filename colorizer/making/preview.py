"""A contact sheet of random samples: people look at their data before they train on it."""

import random
from pathlib import Path

import numpy as np

from colorizer.pictures.geometry import fitted_size, resize
from colorizer.pictures.grid import grid, write_picture
from colorizer.shards.encoding import decode_color, decode_line

ROWS, PAIRS_IN_ROW = 6, 4
MAX_CELL = 256  # pixels


class Preview:
    """Keeps a fair random choice of all that it is offered (reservoir sampling, seeded)."""

    def __init__(self) -> None:
        self._chosen: list[tuple[bytes, bytes]] = []
        self._offered = 0
        self._random = random.Random(0)

    def offer(self, color: bytes, line: bytes) -> None:
        """Take a sample into account, its pictures encoded."""
        self._offered += 1
        if len(self._chosen) < ROWS * PAIRS_IN_ROW:
            self._chosen.append((color, line))
        elif (place := self._random.randrange(self._offered)) < len(self._chosen):
            self._chosen[place] = (color, line)

    def write(self, path: Path) -> None:
        """Write the sheet: colour | line, four times a row.

        Raises:
            UserError: it cannot be written.
        """
        cells = [cell for color, line in self._chosen for cell in _cells(color, line)]
        in_row = min(len(cells), 2 * PAIRS_IN_ROW)
        cells += [np.full_like(cells[0], 255)] * (-len(cells) % in_row)
        rows = [cells[start : start + in_row] for start in range(0, len(cells), in_row)]
        write_picture(path, grid(("colour", "line") * (in_row // 2), rows))


def _cells(color: bytes, line: bytes) -> list[np.ndarray]:
    cells = []
    for picture in (decode_color(color), decode_line(line)):
        height, width = picture.shape[:2]
        longer = min(MAX_CELL, max(height, width))
        cells.append(resize(picture, *fitted_size(width, height, longer)))
    return cells
