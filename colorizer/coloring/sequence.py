"""From one frame of a cut to the next."""

from dataclasses import replace

import numpy as np

from colorizer.coloring.opened import Picture, opened
from colorizer.coloring.painting import Painting, paint
from colorizer.coloring.preparing import Prepared, WorkingSize, prepare
from colorizer.drawings.following import followed
from colorizer.drawings.framing import Frame
from colorizer.pictures.geometry import resize

ROOMY = 0.6  # of the frame that the network sees: a figure smaller than that is seen anew


def prepare_next(
    frame: Picture, size: WorkingSize, gap: float, before: Painting | None
) -> Prepared:
    """A drawing, seen by the network through the window of the frame before while it fits.

    Raises:
        UserError: it cannot be read.
    """
    drawing = opened(frame)
    prepared = prepare(drawing.pixels, size, drawing.alpha, gap)
    if before is None or before.drawing.bounds.shape != prepared.drawing.bounds.shape:
        return prepared
    old = before.filling.frame
    if old != prepared.frame and _holds(old, prepared.frame):
        return prepared.through(old, size)
    return prepared


def as_given(prepared: Prepared, key: Picture, palette: np.ndarray) -> Painting:
    """A key frame's own colours, as the colours of its regions.

    Raises:
        UserError: it cannot be read.
    """
    pixels = opened(key).pixels
    height, width = prepared.drawing.bounds.shape
    framed = resize(pixels, width, height)[prepared.frame.window]
    line = prepared.drawing.line[prepared.frame.window]
    return paint(replace(prepared, small=line), framed, palette)


def following(painting: Painting, before: Painting | None) -> Painting:
    """A frame whose regions keep the colours that they had in the frame before."""
    if before is None or before.drawing.bounds.shape != painting.drawing.bounds.shape:
        return painting
    filling = followed(
        painting.filling, painting.drawing.bounds, before.filling, before.drawing.bounds
    )
    return replace(painting, filling=filling, palette=before.palette)


def _holds(old: Frame, new: Frame) -> bool:
    """A figure that the old window shows whole, and not too small."""
    inside = (
        old.top <= new.top
        and old.left <= new.left
        and new.top + new.height <= old.top + old.height
        and new.left + new.width <= old.left + old.width
    )
    return inside and max(new.height, new.width) >= ROOMY * max(old.height, old.width)
