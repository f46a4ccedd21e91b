"""Drawn characters to try the page with."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from colorizer.characters import draw, sample_character, sample_pose
from colorizer.pictures.grid import write_picture

SIZE = 512
SEEDS = (11, 23, 42, 58)  # of characters


@dataclass(frozen=True)
class Example:
    """A drawing, and its character in another pose as the reference."""

    drawing: Path
    reference: Path
    both: np.ndarray  # H×W×3 uint8, the one beside the other


def draw_examples(folder: Path) -> Iterator[Example]:
    """Draw a few characters into a folder."""
    for number, seed in enumerate(SEEDS, 1):
        character = sample_character(seed)
        line = draw(character, sample_pose(seed, 0), SIZE).line
        color = draw(character, sample_pose(seed, 1), SIZE).color
        example = Example(
            folder / f"drawing-{number}.png",
            folder / f"reference-{number}.png",
            np.hstack([cv2.merge([line] * 3), color]),
        )
        write_picture(example.drawing, line)
        write_picture(example.reference, color)
        yield example
