"""What only drawn characters can tell: exact truths, and what a model that ignores the reference
reaches."""

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
from colorizer.errors import UserError


def is_drawn(metadata: dict[str, Any]) -> bool:
    """Whether a sample is a drawn character, by its JSON."""
    return "character" in metadata


def redraw(sample: Sample) -> Drawing:
    """The drawing that a sample was made from.

    Raises:
        UserError: this program draws the character otherwise than the one that made the shards.
    """
    made_from = sample.metadata["character"]
    character = sample_character(made_from["seed"])
    pose = sample_pose(made_from["seed"], made_from["pose"])
    drawing = draw(character, pose, sample.line.shape[0])
    if not np.array_equal(drawing.color, sample.color):
        raise UserError(
            f"sample {sample.key}: this version draws the character differently from the one"
            " that made the shards;"
            " make them again."
        )
    return drawing


def in_colors_of(sample: Sample, other: Sample) -> np.ndarray:
    """The truth for a reference that shows another character: the drawing in that one's colours,
    H×W×3 uint8."""
    made_from = other.metadata["character"]
    return recolor(redraw(sample), sample_character(made_from["seed"]).palette)


class ConstantColors:
    """The best that can be done without looking at the reference: one constant colour per region
    and tone.

    The ink is given: a pixel is modelled as a·ink + (1 - a)·constant with the ink's share a from
    the line drawing, and the constants are least-squares over all pictures added.
    """

    def __init__(self) -> None:
        labels = len(REGIONS) * len(TONES)
        self.shares = np.zeros((0, labels))  # of each picture: Σ w², w = 1 - a
        self.products = np.zeros((0, labels, 3))  # Σ w·y, y = pixel - a·ink
        self.squares = np.zeros((0,))  # Σ y²
        self.values = np.zeros((0,))  # values in a picture

    def add(self, drawing: Drawing) -> None:
        """Count one truth in."""
        labels = (drawing.regions.astype(int) * len(TONES) + drawing.tones).ravel()
        weight = drawing.line.ravel() / 255.0
        ink = np.array(drawing.character.palette.ink, float)
        rest = drawing.color.reshape(-1, 3) - (1 - weight)[:, None] * ink
        count = self.shares.shape[1]
        share = np.bincount(labels, weight**2, count)
        product = [np.bincount(labels, weight * rest[:, channel], count) for channel in range(3)]
        self.shares = np.vstack([self.shares, share])
        self.products = np.concatenate([self.products, np.stack(product, 1)[None]])
        self.squares = np.append(self.squares, (rest**2).sum())
        self.values = np.append(self.values, rest.size)

    def mean_squared_errors(self) -> np.ndarray:
        """Of every picture added, with the constants that are best for all of them together."""
        colors = self.products.sum(0) / np.maximum(self.shares.sum(0), 1e-12)[:, None]
        cross = (self.products * colors).sum((1, 2))
        model = (self.shares[:, :, None] * colors**2).sum((1, 2))
        return (self.squares - 2 * cross + model) / self.values
