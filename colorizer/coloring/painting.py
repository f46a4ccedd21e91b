"""A coloured drawing: the picture and what it is made of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from colorizer.coloring.preparing import Prepared
from colorizer.drawings.cleaning import Drawing
from colorizer.drawings.corrections import Point, pinned
from colorizer.drawings.filling import Filling, colors_of, fill, with_lines
from colorizer.drawings.layering import lines_of, taken
from colorizer.drawings.opening import parted_by_color
from colorizer.drawings.palette import nearest


@dataclass(frozen=True)
class Painting:
    """A drawing with colours, at the drawing's own size."""

    drawing: Drawing
    filling: Filling
    palette: np.ndarray  # K×3 uint8, of the references
    small: np.ndarray  # h×w×3 uint8, what the network gave
    notes: tuple[str, ...]  # what was done to the drawing, or is odd about it

    @cached_property
    def colors(self) -> np.ndarray:
        """H×W×3 uint8 RGB: the colours alone, filled under the lines."""
        return colors_of(self.filling)

    @cached_property
    def picture(self) -> np.ndarray:
        """H×W×3 uint8 RGB: the drawing, unchanged, multiplied over the colours."""
        return with_lines(self.colors, self.drawing.over)

    @property
    def lines(self) -> np.ndarray:
        """H×W×4 uint8 RGBA: the lines alone, their ink as opacity.

        Laid over white they are the drawing, to the bit.
        """
        return lines_of(self.drawing.over)

    @cached_property
    def flat_of(self) -> np.ndarray:
        """The palette's colour of each region, as many as regions."""
        return nearest(self.filling.flats, self.palette)

    def corrected(self, points: Sequence[Point]) -> "Painting":
        """The same drawing with the regions at some points in their colours.

        Raises:
            UserError: a point lies outside the drawing.
        """
        if not points:
            return self
        given = np.array([point.color for point in points], np.uint8)
        new = [color for color in given if not (self.palette == color).all(1).any()]
        palette = np.unique(np.stack(new), axis=0) if new else self.palette[:0]
        filling = pinned(self.filling, points)
        return replace(self, filling=filling, palette=np.concatenate([self.palette, palette]))

    @property
    def flats(self) -> np.ndarray:
        """H×W uint8: the palette's colour at each pixel, one for each region.

        uint16 if the palette has more than 256 colours.
        """
        kind = np.min_scalar_type(len(self.palette) - 1)
        return taken(self.flat_of.astype(kind), self.filling.regions.labels)

    @property
    def flat_colors(self) -> np.ndarray:
        """H×W×3 uint8 RGB: the same as colours."""
        return taken(self.palette[self.flat_of], self.filling.regions.labels)


def paint(prepared: Prepared, small: np.ndarray, palette: np.ndarray) -> Painting:
    """Bring the network's colours to the drawing's size.

    Args:
        prepared: The drawing.
        small: h×w×3 uint8 RGB, of the size of `prepared.small`.
        palette: K×3 uint8, of the references.
    """
    filling = fill(small, prepared.small, prepared.regions, prepared.frame)
    regions = parted_by_color(filling, small)
    if regions.count > prepared.regions.count:
        filling = fill(small, prepared.small, regions, prepared.frame)
    return Painting(prepared.drawing, filling, palette, small, prepared.notes)
