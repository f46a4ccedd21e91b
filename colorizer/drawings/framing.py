"""The part of a picture that shows something: the network sees no more, so it sees it larger."""

from typing import NamedTuple

import cv2
import numpy as np

from colorizer.pictures.geometry import fitted_size, resize

LOOKED_AT = 512  # pixels of the longer side, where a speck of dust is none
DIFFERENT = 24  # levels from the ground
MARGIN = 0.04  # of the longer side, on each side


class Frame(NamedTuple):
    """A part of a picture, in pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def window(self) -> tuple[slice, slice]:
        """What cuts it out of H×W or H×W×3."""
        return np.s_[self.top : self.top + self.height, self.left : self.left + self.width]


def frame_of(pixels: np.ndarray) -> Frame:
    """Where a picture differs from the ground at its edge, with a margin; all of it if nowhere.

    Args:
        pixels: H×W or H×W×3 uint8.
    """
    height, width = pixels.shape[:2]
    scale = max(1.0, max(height, width) / LOOKED_AT)
    small = resize(pixels, *fitted_size(width, height, round(max(height, width) / scale)))
    small = small.reshape(*small.shape[:2], -1).astype(np.int16)
    edge = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    differs = np.abs(small - np.median(edge, axis=0)).max(2) > DIFFERENT
    shown = cv2.medianBlur(differs.astype(np.uint8), 3)
    if not shown.any():
        return Frame(0, 0, height, width)
    margin = MARGIN * max(height, width)
    top, bottom = _reach(shown.any(1), height / small.shape[0], margin, height)
    left, right = _reach(shown.any(0), width / small.shape[1], margin, width)
    return Frame(top, left, bottom - top, right - left)


def _reach(used: np.ndarray, scale: float, margin: float, side: int) -> tuple[int, int]:
    places = np.flatnonzero(used)
    start, end = places[0] * scale - margin, (places[-1] + 1) * scale + margin
    return max(0, round(start)), min(side, round(end))
