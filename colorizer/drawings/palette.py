"""The colours that references are painted in, exactly, and the nearest of them."""

from collections.abc import Sequence

import cv2
import numpy as np

from colorizer.pictures.lab import lab

MOST = 64  # colours
LOOKED_AT = 400_000  # pixels of a reference at most
ALIKE = 7.0  # ΔE: what is nearer is one colour
SHARE = 0.0005  # of a reference: what is rarer is an edge between colours
EVEN = 24  # levels: a pixel that differs more from those around it is at an edge
LEFT = 0.05  # of a reference has no lines or edges: else it is all texture
BINS = 32  # levels of a channel that are counted together: 8


def palette_of(references: Sequence[np.ndarray]) -> np.ndarray:
    """The main colours of references, each one that some of their pixels have.

    Thin dark lines are left out: they are ink. So are mixtures at edges, which are rare.

    Args:
        references: H×W×3 uint8 RGB each.

    Returns:
        K×3 uint8, the most frequent first; at least one.
    """
    counts: dict[tuple[int, ...], float] = {}
    for reference in references:
        for color, share in _frequent(reference):
            counts[color] = max(counts.get(color, 0.0), share)
    ranked = sorted(counts, key=lambda color: (-counts[color], color))
    colors = np.array(ranked, np.uint8)
    chosen: list[int] = []
    places = lab(colors)
    for place in range(len(colors)):
        far = np.linalg.norm(places[chosen] - places[place], axis=1)
        if not chosen or far.min() > ALIKE:
            chosen.append(place)
        if len(chosen) == MOST:
            break
    return colors[chosen]


def nearest(colors: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Which colour of a palette each colour looks most like.

    Args:
        colors: N×3 float or uint8, RGB in 0..255.
        palette: K×3 uint8.

    Returns:
        N int, 0..K-1.
    """
    wanted = lab(np.rint(colors).clip(0, 255).astype(np.uint8))
    far = np.linalg.norm(wanted[:, None] - lab(palette)[None], axis=2)
    return far.argmin(1)


def _frequent(reference: np.ndarray) -> list[tuple[tuple[int, ...], float]]:
    """The most frequent colour of each small box of the colour cube, and the box's share."""
    pixels = _without_lines(reference)
    pixels = pixels[:: max(1, len(pixels) // LOOKED_AT)]
    box = (pixels // (256 // BINS)).astype(np.int64) @ np.array([BINS * BINS, BINS, 1])
    exact = pixels.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    shares = np.bincount(box, minlength=BINS**3) / len(pixels)
    colors, first, counts = np.unique(exact, return_index=True, return_counts=True)
    order = np.lexsort((colors, counts))  # the most frequent of a box last
    of_box = np.full(BINS**3, -1)
    of_box[box[first[order]]] = colors[order]
    # A noisy or shaded reference has no box that is frequent: the largest stands for it.
    boxes = np.flatnonzero(shares >= min(SHARE, shares.max()))
    return [
        (tuple(int(of_box[b]) >> shift & 255 for shift in (16, 8, 0)), float(shares[b]))
        for b in boxes
    ]


def _without_lines(reference: np.ndarray) -> np.ndarray:
    """N×3 of the pixels that are in no thin dark line and at no edge; all if too few are left."""
    side = max(7, max(reference.shape) // 64) | 1
    closed = cv2.morphologyEx(reference, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    near = np.ones((3, 3), np.uint8)
    step = cv2.dilate(reference, near).astype(np.int16) - cv2.erode(reference, near)
    even = (closed.max(2) - reference.max(2) < EVEN) & (step.max(2) < EVEN)
    chosen = reference[even]
    return chosen if len(chosen) > LEFT * even.size else reference.reshape(-1, 3)
