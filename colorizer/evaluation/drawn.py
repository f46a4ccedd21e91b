"""What drawn characters can tell: exact truths, and what is reached without a reference."""

from typing import Any

import numpy as np

from colorizer.data.characters import (
    REGIONS,
    TONES,
    Drawing,
    draw,
    recolor,
    sample_character,
    sample_pose,
)
from colorizer.data.dataset import Sample

LABELS = len(REGIONS) * len(TONES)


def is_drawn(metadata: dict[str, Any]) -> bool:
    """Whether a sample is a drawn character, by its JSON."""
    return "character" in metadata


def redraw(sample: Sample) -> Drawing:
    """The drawing that a drawn sample was made from."""
    made_from = sample.metadata["character"]
    character = sample_character(made_from["seed"])
    pose = sample_pose(made_from["seed"], made_from["pose"])
    return draw(character, pose, sample.line.shape[0])


def is_redrawn_exactly(sample: Sample) -> bool:
    """Whether this version draws a drawn sample as the one that made the shards did."""
    return np.array_equal(redraw(sample).color, sample.color)


def in_colors_of(drawing: Drawing, other: Sample) -> np.ndarray:
    """The truth for a reference of another character: H×W×3 uint8, in that one's colours."""
    return recolor(drawing, sample_character(other.metadata["character"]["seed"]).palette)


class ConstantColors:
    """The best that can be done without a reference: one constant colour per region and tone.

    The ink is given: a pixel is modelled as a·ink + (1 - a)·constant with the ink's share a from
    the line drawing, and the constants are least-squares over all pictures added.
    """

    def __init__(self) -> None:
        # Of each picture, with w = 1 - a and y = pixel - a·ink:
        self.shares: list[np.ndarray] = []  # Σ w² of each label
        self.products: list[np.ndarray] = []  # Σ w·y of each label, three channels
        self.squares: list[float] = []  # Σ y²
        self.values: list[int] = []  # values in the picture

    def add(self, drawing: Drawing) -> None:
        """Count one truth in."""
        labels = (drawing.regions.astype(int) * len(TONES) + drawing.tones).ravel()
        weight = drawing.line.ravel() / 255.0
        ink = np.array(drawing.character.palette.ink, float)
        rest = drawing.color.reshape(-1, 3) - (1 - weight)[:, None] * ink
        product = [np.bincount(labels, weight * rest[:, c], LABELS) for c in range(3)]
        self.shares.append(np.bincount(labels, weight**2, LABELS))
        self.products.append(np.stack(product, 1))
        self.squares.append(float((rest**2).sum()))
        self.values.append(rest.size)

    def mean_squared_errors(self) -> np.ndarray:
        """Of every picture added, with the constants that are best for all of them together."""
        shares, products = np.array(self.shares), np.array(self.products)
        colors = products.sum(0) / np.maximum(shares.sum(0), 1e-12)[:, None]
        cross = (products * colors).sum((1, 2))
        model = (shares[:, :, None] * colors**2).sum((1, 2))
        return (np.array(self.squares) - 2 * cross + model) / np.array(self.values)
