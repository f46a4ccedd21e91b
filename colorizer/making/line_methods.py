"""How samples get their lines: from the source, by XDoG, or from a trained extractor later on.

Each method is a few settings, small enough to be sent to worker processes.
"""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import cv2
import numpy as np

from colorizer.lines.xdog import XDoG, draw_lines
from colorizer.pictures.decode import UnusablePicture
from colorizer.pictures.geometry import Shape, pad, resize
from colorizer.shards.encoding import encode_line


@dataclass(frozen=True)
class Fitted:
    """What a sample shows of a picture, not yet in the sample's size."""

    color: np.ndarray  # H×W×3 uint8 RGB
    line: np.ndarray | None  # H'×W' uint8, dark ink on white; None: the source has none
    width: int  # in the sample, where it is padded to the shape
    height: int
    shape: Shape  # of the sample
    detailed: np.ndarray | None = None  # its colours larger, if lines are not drawn from `color`

    @property
    def drawn_from(self) -> np.ndarray:
        """The colours that a computed line is drawn from, H×W×3."""
        return self.color if self.detailed is None else self.detailed


@dataclass(frozen=True)
class Undrawn:
    """What a trained extractor has still to draw."""

    picture: np.ndarray  # H×W×3 uint8 RGB, scale·shape: its border is repeated outwards
    width: int  # of what lies in the middle of the sample
    height: int
    shape: Shape  # of the sample


class LineMethod(Protocol):
    """A way to a sample's line."""

    computed: bool  # from the colours; else the source says more than they do

    @property
    def settings(self) -> dict[str, Any]:
        """What determines the lines of the whole set, as JSON values."""
        ...

    def line_of(self, fitted: Fitted) -> bytes | Undrawn:
        """The line of a picture, encoded for its sample, or what it will be drawn from.

        Raises:
            UnusablePicture: it has no line.
        """
        ...


@dataclass(frozen=True)
class GivenLines:
    """The source's own."""

    method: str = "given"
    computed = False

    @property
    def settings(self) -> dict[str, Any]:
        """Only which method it is."""
        return {"method": self.method}

    def line_of(self, fitted: Fitted) -> bytes:
        """The source's line at the sample's size; UnusablePicture if the source has none."""
        if fitted.line is None:
            raise UnusablePicture("no line drawing")
        line = resize(fitted.line, fitted.width, fitted.height)
        return encode_line(pad(line, fitted.shape))


@dataclass(frozen=True)
class XDoGLines:
    """Drawn by XDoG."""

    xdog: XDoG
    computed = True

    @property
    def settings(self) -> dict[str, Any]:
        """The method and every setting of XDoG."""
        return {"method": "xdog", **asdict(self.xdog)}

    def line_of(self, fitted: Fitted) -> bytes:
        """The line that XDoG draws from the colours."""
        # Sigma is of the longer side, and in all buckets lines are as thick as in the square.
        side = math.sqrt(fitted.shape[0] * fitted.shape[1])
        thickness = side / max(fitted.width, fitted.height)
        xdog = replace(self.xdog, sigma=self.xdog.sigma * thickness)
        line = draw_lines(fitted.drawn_from, fitted.width, fitted.height, xdog)
        return encode_line(pad(line, fitted.shape))


@dataclass(frozen=True)
class ExtractorLines:
    """Drawn by a trained extractor: by `ExtractorDrawer` later on, many pictures at once."""

    sha256: str  # of the extractor's file
    scale: int  # how many times larger than the sample it draws
    computed = True

    @property
    def settings(self) -> dict[str, Any]:
        """The method, which extractor, and its scale."""
        return {"method": "extractor", **asdict(self)}

    def line_of(self, fitted: Fitted) -> Undrawn:
        """The colours at the size that the extractor draws at; nothing is drawn yet."""
        width, height = self.scale * fitted.width, self.scale * fitted.height
        large = resize(fitted.drawn_from, width, height)
        rows, columns = (self.scale * side for side in fitted.shape)
        picture = _repeat_border(large, rows, columns)
        return Undrawn(picture, fitted.width, fitted.height, fitted.shape)


def _repeat_border(picture: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Fill what is around a picture without an edge that would be drawn as a line."""
    height, width = picture.shape[:2]
    top, left = (rows - height) // 2, (columns - width) // 2
    return cv2.copyMakeBorder(
        picture, top, rows - height - top, left, columns - width - left, cv2.BORDER_REPLICATE
    )
