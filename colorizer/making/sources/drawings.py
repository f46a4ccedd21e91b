"""Drawings as they come: how they look beside their picture, and what can be mended on them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from colorizer.drawings.cleaning import (
    DARK,
    WHITE,
    brightest_of,
    darkest_of,
    on_white,
    usual,
)
from colorizer.pictures.decode import Decoded, to_grey

LOOKED_AT = 512  # pixels a side: of larger pictures every second, third, ... one
MIDDLING = 192  # ground up to here is dark if there is more that is lighter than darker


@dataclass(frozen=True)
class PairLook:
    """What tells a pair that is not as it should be."""

    picture_color: float  # how many levels its colours are off its most common ones, on average
    drawing_color: float  # the same of the drawing
    dark: bool  # the drawing has light lines on a dark ground, and was left so
    off_white: bool  # it is on paper that is not white, and was left so
    inverted: bool  # it was light on dark
    whitened: bool  # its paper was not white


@dataclass(frozen=True)
class Mending:
    """What is mended on drawings, where they need it."""

    invert: bool = False
    whiten: bool = False

    @property
    def settings(self) -> dict[str, bool]:
        """What of it is asked for, as a set that is begun keeps it."""
        asked = {"invert_lines": self.invert, "whiten": self.whiten}
        return {name: True for name, is_asked in asked.items() if is_asked}

    def __call__(self, picture: np.ndarray, drawing: Decoded) -> tuple[np.ndarray, PairLook]:
        """A drawing in grey, mended, and how the pair looks.

        A drawing that needs nothing stays as it is, to the bit.

        Args:
            picture: H×W×3 uint8 RGB.
            drawing: In any size.

        Returns:
            The drawing, H×W uint8, dark ink on white as far as it is or was mended; and the look.
        """
        pixels = drawing.pixels
        white_ink = _is_white_ink(drawing)
        light = white_ink or _is_light_on_dark(_sparse(pixels))
        inverted = light and self.invert
        if inverted:
            pixels = _as_black_ink(drawing) if white_ink else 255 - pixels
        off_white = (inverted or not light) and not _is_on_white(_sparse(pixels))
        whitened = off_white and self.whiten
        if whitened:
            pixels = on_white(pixels)
        look = PairLook(
            picture_color=_color_of(_sparse(picture)),
            drawing_color=_color_of(_sparse(drawing.pixels)),
            dark=light and not inverted,
            off_white=off_white and not whitened,
            inverted=inverted,
            whitened=whitened,
        )
        return to_grey(pixels), look


def mended(look: PairLook) -> dict[str, Any]:
    """What was done to a drawing, for its sample's metadata."""
    done = {"inverted": look.inverted, "whitened": look.whitened}
    return {name: True for name, is_done in done.items() if is_done}


def _as_black_ink(drawing: Decoded) -> np.ndarray:
    """White ink on transparent paper as black ink on white."""
    assert drawing.alpha is not None
    paper = 255 - drawing.alpha
    return np.dstack((paper, paper, paper))


def _is_white_ink(drawing: Decoded) -> bool:
    """Over white, nothing of it is seen, but it is not all transparent."""
    if drawing.alpha is None or int(drawing.pixels.min()) <= WHITE:
        return False
    return int(drawing.alpha.max()) > DARK > int(drawing.alpha.min())


def _is_light_on_dark(pixels: np.ndarray) -> bool:
    brightest = brightest_of(pixels)
    ground = usual(brightest)
    if ground < DARK:
        return True
    off_ground = brightest.astype(np.int16) - ground
    lighter, darker = np.maximum(off_ground, 0).sum(), np.maximum(-off_ground, 0).sum()
    return bool(ground < MIDDLING and lighter > 2 * darker)


def _is_on_white(pixels: np.ndarray) -> bool:
    return usual(brightest_of(pixels)) >= WHITE and usual(darkest_of(pixels)) >= WHITE


def _color_of(pixels: np.ndarray) -> float:
    """How far colours are off the most common ones, so that yellowed paper counts for nothing."""
    green = pixels[..., 1].astype(np.int16)
    red, blue = pixels[..., 0] - green, pixels[..., 2] - green
    off = np.maximum(np.abs(red - np.median(red)), np.abs(blue - np.median(blue)))
    return round(float(off.mean()), 1)


def _sparse(pixels: np.ndarray) -> np.ndarray:
    """Every second, third, ... pixel of a large picture."""
    step = -(-max(pixels.shape[:2]) // LOOKED_AT)
    return np.ascontiguousarray(pixels[::step, ::step])
