"""What is done to a drawing before the network sees it, and to a reference."""

from dataclasses import dataclass, replace

import numpy as np

from colorizer.drawings.cleaning import Drawing, clean
from colorizer.drawings.framing import Frame, frame_of
from colorizer.drawings.regions import GAP, Regions, find_regions
from colorizer.drawings.strokes import brought_to_measure
from colorizer.pictures.geometry import fitted_area, fitted_size, resize

LONGEST = 1.5  # of the side that a network was trained at, whose squares had the longer one


@dataclass(frozen=True)
class WorkingSize:
    """The size that the network sees pictures at: about as many pixels as a square has."""

    side: int  # of that square
    buckets: bool = False  # the network was trained on pictures of several shapes

    def shrunk(self, pixels: np.ndarray) -> np.ndarray:
        """H×W or H×W×3 uint8 at that size."""
        width, height = fitted_area(pixels.shape[1], pixels.shape[0], self.side)
        if not self.buckets and max(width, height) > LONGEST * self.side:
            width, height = fitted_size(
                pixels.shape[1], pixels.shape[0], round(LONGEST * self.side)
            )
        return resize(pixels, width, height)


@dataclass(frozen=True)
class Prepared:
    """A drawing that is ready for the network."""

    drawing: Drawing
    regions: Regions
    frame: Frame  # what the network sees of it
    small: np.ndarray  # h×w uint8, as the network sees it
    notes: tuple[str, ...]  # what was done to it

    def through(self, frame: Frame, size: WorkingSize) -> "Prepared":
        """The same drawing, of which the network sees another part."""
        small, _ = _small(self.drawing, frame, size)
        return replace(self, frame=frame, small=small)


def prepare(
    pixels: np.ndarray, size: WorkingSize, alpha: np.ndarray | None = None, gap: float = GAP
) -> Prepared:
    """Clean a drawing, cut it into regions, and make it small.

    Args:
        pixels: H×W×3 uint8 RGB, over white if it is transparent.
        size: That the network works at.
        alpha: H×W uint8, its opacity.
        gap: Close gaps up to this share of the longer side.
    """
    drawing = clean(pixels, alpha)
    frame = frame_of(drawing.bounds)
    small, note = _small(drawing, frame, size)
    notes = (*drawing.notes, *([note] if note else []))
    return Prepared(drawing, find_regions(drawing.bounds, gap), frame, small, notes)


def _small(drawing: Drawing, frame: Frame, size: WorkingSize) -> tuple[np.ndarray, str]:
    """What the network sees of a drawing, and what was done to its lines."""
    framed = drawing.line[frame.window]
    scale = size.shrunk(framed).shape[0] / frame.height
    measured, note = brought_to_measure(framed, scale) if scale < 1 else (framed, "")
    return size.shrunk(measured), note


def prepare_reference(pixels: np.ndarray, size: WorkingSize) -> np.ndarray:
    """H×W×3 uint8 RGB → h×w×3, the part that shows something."""
    return size.shrunk(pixels[frame_of(pixels).window])
