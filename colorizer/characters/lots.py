"""Lots that traits and colours are drawn by, and a little arithmetic of colours."""

import colorsys

import numpy as np

RGB = tuple[int, int, int]


def pick(
    rng: np.random.Generator, names: tuple[str, ...], shares: tuple[float, ...] | None = None
) -> str:
    """One of `names`, each with its share (default: equal shares)."""
    return names[int(rng.choice(len(names), p=shares))]


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """A number of a range, all alike."""
    # Five decimals: what a JSON file shows is what was drawn.
    return round(float(rng.uniform(low, high)), 5)


def hsv(hue: float, saturation: float, value: float) -> RGB:
    """A colour by hue (any, turns), saturation and value (0..1)."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def mix(a: RGB, b: RGB, share: float) -> RGB:
    """`share` of the way from `a` to `b`."""
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue


def distance(a: RGB, b: RGB) -> float:
    """Euclidean, in 8-bit levels."""
    return float(np.hypot.reduce(np.subtract(a, b, dtype=float)))
