"""Regions that a drawing leaves open, parted where the network's colours are."""

import cv2
import numpy as np

from colorizer.drawings.filling import Filling
from colorizer.drawings.regions import Regions

APART = 60.0  # levels between two colours of one region: nearer ones are shades
ENOUGH = 24  # cells of a colour at least
MOST = 8  # colours of a region at most
OPEN = 0.4  # of a colour's border at most is without a line: else it is a shade, or an error
SPREAD = 1.0  # cells: how far a cell's colour reaches into unclear ones


def parted_by_color(filling: Filling, small: np.ndarray) -> Regions:
    """Cut open regions where the network has several colours in them.

    Args:
        filling: Of the drawing.
        small: h×w×3 uint8, the network's picture.

    Returns:
        The regions, and more where one had several colours.
    """
    labels, count = filling.regions.labels.copy(), filling.regions.count
    framed, cells_of = labels[filling.frame.window], filling.cells_of
    sizes = np.bincount(cells_of[cells_of >= 0], minlength=count)
    for region in np.flatnonzero(sizes >= 2 * ENOUGH):
        mine = cells_of == region
        belongs = np.full(mine.shape, -1)
        belongs[mine] = _colors(small[mine].astype(np.float32))
        belongs = _lined(belongs)
        colors = int(belongs.max()) + 1
        if colors > 1:
            count = _part(framed, int(region), belongs, colors, count)
    return Regions(labels, count)


def _colors(pixels: np.ndarray) -> np.ndarray:
    """N×3 → which of its main colours each is nearest to, N; 0 for all if one is enough."""
    means: list[np.ndarray] = []
    left = np.ones(len(pixels), bool)
    while left.sum() >= ENOUGH and len(means) < MOST:
        mean = np.median(pixels[left], axis=0)
        for reach in (APART, APART / 2):
            share = np.exp(-np.square(pixels[left] - mean).sum(1) / (2 * (reach / 2) ** 2))
            if share.sum() < 1:
                return _nearest(pixels, means)
            mean = (share[:, None] * pixels[left]).sum(0) / share.sum()
        near = np.square(pixels - mean).sum(1) < APART**2
        if (near & left).sum() < ENOUGH:
            break
        means.append(mean)
        left &= ~near
    return _nearest(pixels, means)


def _lined(belongs: np.ndarray) -> np.ndarray:
    """The colours of cells, those that no line parts from the main one given up for it."""
    wide = np.pad(belongs, 1, mode="edge")
    beside = np.stack([wide[:-2, 1:-1], wide[2:, 1:-1], wide[1:-1, :-2], wide[1:-1, 2:]])
    result = np.where(belongs < 0, -1, 0)
    kept = 0
    for color in range(1, int(belongs.max()) + 1):
        mine = belongs == color
        around = beside[:, mine]
        lined, open_ = (
            np.count_nonzero(around < 0),
            np.count_nonzero((around >= 0) & (around != color)),
        )
        if open_ <= OPEN * (open_ + lined):
            kept += 1
            result[mine] = kept
    return result


def _nearest(pixels: np.ndarray, means: list[np.ndarray]) -> np.ndarray:
    if len(means) < 2:
        return np.zeros(len(pixels), int)
    return np.stack([np.square(pixels - mean).sum(1) for mean in means]).argmin(0)


def _part(labels: np.ndarray, region: int, belongs: np.ndarray, colors: int, count: int) -> int:
    """Give all but the first colour of a region new labels; returns how many there are then."""
    height, width = labels.shape
    inside = labels == region
    best = np.full(labels.shape, -1.0, np.float32)
    chosen = np.zeros(labels.shape, np.int32)
    for color in range(colors):
        near = cv2.GaussianBlur((belongs == color).astype(np.float32), (0, 0), SPREAD)
        near = cv2.resize(near, (width, height), interpolation=cv2.INTER_LINEAR)
        ahead = inside & (near > best)
        best[ahead] = near[ahead]
        chosen[ahead] = region if color == 0 else count + color - 1
    labels[inside] = chosen[inside]
    return count + colors - 1
