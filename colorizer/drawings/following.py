"""Regions of one drawing in the next, so that they keep their colour."""

from dataclasses import replace

import cv2
import numpy as np

from colorizer.drawings.filling import Filling

LOOKED_AT = 384  # pixels of the longer side, where motion and overlap are seen
SAME = 0.5  # of both regions lies in the other: they are one
STEADY = 0.85  # of a shade stays from frame to frame


def followed(
    filling: Filling, bounds: np.ndarray, before: Filling, bounds_before: np.ndarray
) -> Filling:
    """The filling with the colours that its regions had in the frame before.

    Args:
        filling: Of this frame.
        bounds: H×W uint8, its lines.
        before: Of the frame before, of the same size.
        bounds_before: H×W uint8, its lines.
    """
    partner = _partners(filling, bounds, before, bounds_before)
    known = partner >= 0
    flats = filling.flats.copy()
    flats[known] = before.flats[partner[known]]
    return replace(filling, flats=flats, **_shades(filling, before, partner))


def _partners(
    filling: Filling, bounds: np.ndarray, before: Filling, bounds_before: np.ndarray
) -> np.ndarray:
    """Which region of the frame before each region is, or -1."""
    height, width = bounds.shape
    scale = min(1.0, LOOKED_AT / max(height, width))
    size = (max(16, round(width * scale)), max(16, round(height * scale)))
    x, y = _motion(
        *(cv2.resize(b, size, interpolation=cv2.INTER_AREA) for b in (bounds, bounds_before))
    )
    rows, columns = np.arange(size[1]) * height // size[1], np.arange(size[0]) * width // size[0]
    here = filling.regions.labels[np.ix_(rows, columns)].ravel().astype(np.int64)
    there = before.regions.labels[np.ix_(rows, columns)][y, x].ravel()
    pairs, shared = np.unique(here * before.regions.count + there, return_counts=True)
    now, then = np.divmod(pairs, before.regions.count)
    areas_now = np.bincount(here, minlength=filling.regions.count)
    areas_then = np.bincount(there, minlength=before.regions.count)
    one = (shared >= SAME * areas_now[now]) & (shared >= SAME * areas_then[then])
    partner = np.full(filling.regions.count, -1)
    partner[now[one]] = then[one]
    return partner


def _motion(lines: np.ndarray, lines_before: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each pixel was in the frame before: column and row, in bounds."""
    height, width = lines.shape
    now, then = (cv2.GaussianBlur(image, (0, 0), 2) for image in (lines, lines_before))
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST).calc(
        now, then, np.zeros((height, width, 2), np.float32)
    )
    x = np.arange(width)[None] + flow[..., 0]
    y = np.arange(height)[:, None] + flow[..., 1]
    return np.rint(x).astype(int).clip(0, width - 1), np.rint(y).astype(int).clip(0, height - 1)


def _shades(filling: Filling, before: Filling, partner: np.ndarray) -> dict[str, np.ndarray]:
    """Shades that change slowly, where cells belong to the same region as before."""
    if filling.frame != before.frame or filling.shades.shape != before.shades.shape:
        return {}
    known = filling.cells_of >= 0
    was = np.where(known, partner[np.where(known, filling.cells_of, 0)], -1)
    same = known & (was >= 0) & (was == before.cells_of)
    shades = filling.shades.copy()
    shades[same] = STEADY * before.shades[same] + (1 - STEADY) * shades[same]
    return {"shades": shades}
