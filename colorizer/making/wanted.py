"""Which pictures are wanted, of those that can be read."""

from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np

from colorizer.pictures.decode import MAX_PIXELS, MIN_SIDE, UnusablePicture

GREY = "colourless"  # remark and reason
TINT = 16  # levels between the channels of a pixel that count as colour
COLORED = 0.001  # share of pixels, so that a lossy file's noise is none


@dataclass(frozen=True)
class Wanted:
    """Bounds on what is kept. Each has a reason of its own."""

    max_pixels: int = MAX_PIXELS
    max_aspect: float | None = None
    min_side: int = MIN_SIDE
    reject_grey: bool = False

    @property
    def settings(self) -> dict[str, Any]:
        """Those that were asked for, as JSON: sets begun by earlier versions have none."""
        usual = asdict(Wanted())
        return {name: value for name, value in asdict(self).items() if value != usual[name]}

    def refuse_shape(self, color: np.ndarray) -> None:
        """Raises UnusablePicture for an H×W×3 picture that is too small or too long."""
        height, width = color.shape[:2]
        if MIN_SIDE < self.min_side > min(width, height):  # smaller files are refused unread
            detail = f"{width}x{height} pixels; at least {self.min_side} a side"
            raise UnusablePicture("smaller than --min-side", detail)
        aspect = max(width, height) / min(width, height)
        if self.max_aspect is not None and aspect > self.max_aspect:
            detail = f"{width}x{height} pixels, {aspect:.1f} to 1; at most {self.max_aspect:g}"
            raise UnusablePicture("longer than --max-aspect", detail)


def is_grey(pixels: np.ndarray) -> bool:
    """Whether H×W×3 uint8 has no colour but for a few pixels; a quarter of them is looked at."""
    half = max(pixels.shape[1] // 2, 1), max(pixels.shape[0] // 2, 1)
    red, green, blue = cv2.split(cv2.resize(pixels, half, interpolation=cv2.INTER_NEAREST))
    spread = cv2.max(cv2.max(red, green), blue) - cv2.min(cv2.min(red, green), blue)
    return bool(np.count_nonzero(spread > TINT) <= COLORED * spread.size)
