"""Pictures redrawn by the extractor and coloured like others, at their own size, to be looked at.

    python benchmarks/own_size.py --pairs a.png,b.png c.png,d.png --output sheet.png

Of each pair the first is drawn and the second is its reference. A row shows the drawing, the
reference, the result, its flats, and the first picture itself, which the colours may differ from.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from colorizer.coloring.colorizer import Colorizer
from colorizer.coloring.opened import opened
from colorizer.config.shipped import SHIPPED
from colorizer.lines.extractor import Extractor
from colorizer.pictures.geometry import shown_whole
from colorizer.pictures.grid import grid, write_picture

COLUMNS = ("drawing", "reference", "result", "flats", "own")


@dataclass(frozen=True)
class SheetConfig:
    """Draw a sheet."""

    pairs: tuple[str, ...]
    """PICTURE,REFERENCE of each row."""
    output: Path
    """The sheet."""
    checkpoint: Path = SHIPPED
    """The colorizer."""
    working_size: int | None = None
    """Of the colorizer; default: its own."""
    height: int = 480
    """Of a row, in pixels."""


def main(config: SheetConfig) -> None:
    """Colour each pair and put the rows together."""
    extractor, colorizer = Extractor(), Colorizer(config.checkpoint)
    rows = []
    for pair in config.pairs:
        own, reference = (opened(Path(name)).pixels for name in pair.split(","))
        line = extractor.draw(own)
        painting = colorizer(line, reference, config.working_size)
        print(f"{pair}: {'; '.join(painting.notes)}")
        of_row = (np.dstack([line] * 3), reference, painting.picture, painting.flat_colors, own)
        rows.append(of_row)
    width = max(round(p.shape[1] * config.height / p.shape[0]) for row in rows for p in row)
    shape = (config.height, min(width, 2 * config.height))
    write_picture(config.output, grid(COLUMNS, [[shown_whole(p, shape) for p in r] for r in rows]))


if __name__ == "__main__":
    main(tyro.cli(SheetConfig))
