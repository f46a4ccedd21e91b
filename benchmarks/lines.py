"""Whether a drawing's lines come through to the bit, at several sizes; memory and seconds of each.

    python benchmarks/lines.py --output runs/lines

A drawn character is coloured from another picture of it, each size in a process of its own. `off`
is the largest difference of a pixel from drawing · colour / 255, rounded, in whole numbers.
`contrast` is the mean share of light that an edge takes from the colours, beside the drawing's own.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import tyro
from measuring import apart, memory_now, memory_peak

from colorizer.characters import draw, sample_character, sample_pose
from colorizer.coloring.colorizer import Colorizer
from colorizer.config.shipped import SHIPPED
from colorizer.pictures.grid import write_picture

CHARACTER = 9_000_002  # of no demo
BRIGHT = 64  # levels: a share of a darker colour is mostly rounding


@dataclass(frozen=True)
class LinesConfig:
    """Colour a drawing at several sizes."""

    output: Path
    """Gets WIDTHxHEIGHT.png of each."""
    checkpoint: Path = SHIPPED
    """Run folder, checkpoint folder or file."""
    sizes: tuple[str, ...] = ("64x64", "391x257", "1920x1080", "3840x2160")
    """WIDTHxHEIGHT of each drawing."""


def main(config: LinesConfig) -> None:
    """Print a row of each size."""
    print("| size | ink, pixels | off, levels | contrast | its drawing's | seconds | MB more |")
    print("|---|---|---|---|---|---|---|")
    for size in config.sizes:
        print(apart(row_of, config, size), flush=True)


def row_of(config: LinesConfig, size: str) -> str:
    """Colour the drawing at a size, and judge the lines."""
    width, height = map(int, size.split("x"))
    line, reference = drawn(width, height)
    colorizer = Colorizer(config.checkpoint)
    held, start = memory_now(), time.perf_counter()
    painting = colorizer(line, reference)
    picture = painting.picture
    seconds, more = time.perf_counter() - start, memory_peak() - held
    write_picture(config.output / f"{size}.png", picture)
    product = painting.colors.astype(np.int64) * line[..., None]
    off = np.abs(picture.astype(np.int64) - (2 * product + 255) // 510).max()
    ink = line < 255
    bright = ink & (painting.colors.min(2) >= BRIGHT)
    taken = 1 - picture[bright].astype(float) / painting.colors[bright]
    return (
        f"| {size} | {ink.sum():,} | {off} | {taken.mean():.4f} |"
        f" {(1 - line[bright] / 255).mean():.4f} | {seconds:.2f} | {more / 1e6:.0f} |"
    )


def drawn(width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """A character in the middle of white paper, and another picture of it."""
    side = min(width, height)
    character = sample_character(CHARACTER)
    line = draw(character, sample_pose(CHARACTER, 0), side).line
    top, left = (height - side) // 2, (width - side) // 2
    beside = (top, height - side - top, left, width - side - left)
    line = cv2.copyMakeBorder(line, *beside, cv2.BORDER_CONSTANT, value=255)
    return line, draw(character, sample_pose(CHARACTER, 1), side).color


if __name__ == "__main__":
    main(tyro.cli(LinesConfig))
