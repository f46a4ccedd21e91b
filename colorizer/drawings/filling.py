"""A network's small picture as the colours of a large drawing's regions."""

from dataclasses import dataclass

import cv2
import numpy as np

from colorizer.drawings.framing import Frame
from colorizer.drawings.regions import Regions

SEEN = 1_000_000  # pixels at most that say which region is where
WIDE, NARROW, ROUNDS = 40.0, 12.0, 4  # levels: how far from a region's colour still counts
PURE = 0.8  # of a cell belongs to a region: its shade is the region's
SHADED = 12  # pure cells at least: a smaller region has one colour
DEEPEST = 45.0  # levels: a shade goes no further from its region's flat
PAPER = 240.0  # levels: what is paler and reaches the drawing's edge is paper
FADE = 4  # cells, from the edge of what the network saw, until shades are whole
SOFT = 1.0  # cells: shades are smoothed by so much


@dataclass(frozen=True)
class Filling:
    """The colours of a drawing, without its lines."""

    regions: Regions
    frame: Frame  # what the network saw of the drawing
    flats: np.ndarray  # count×3 float32 RGB in 0..255, one colour a region
    shades: np.ndarray  # h×w×3 float32, what the network's cells differ by from their region's flat
    cells_of: np.ndarray  # h×w int32, the region that most of a cell belongs to; -1: none clearly


def fill(small: np.ndarray, small_line: np.ndarray, regions: Regions, frame: Frame) -> Filling:
    """What colour each region has.

    Args:
        small: h×w×3 uint8 RGB, the network's picture.
        small_line: h×w uint8, the drawing that it saw, white 255.
        regions: Of the drawing at its own size.
        frame: What the network saw of it, of the same aspect as its picture.
    """
    region, cell, pixels = _shares(regions.labels[frame.window], regions.count, small.shape[:2])
    whole = np.bincount(cell, pixels, minlength=small.shape[0] * small.shape[1])
    purity = (pixels / whole[cell]).astype(np.float32)
    # What the network paints under ink is ink.
    paper = (small_line.ravel().astype(np.float32) / 255) ** 2
    weight = pixels * purity**2 * (paper[cell] + 1e-3)
    colors = small.reshape(-1, 3).astype(np.float32)[cell]
    flats = _agreed(region, colors, weight, regions.count)
    blank = _at_edge(regions) & (flats.min(1) > PAPER)
    flats[blank] = 255.0

    clear = (purity > PURE) & (paper[cell] > PURE**2)
    shaded = clear & ~blank[region]
    cells_of = np.full(whole.size, -1, np.int32)
    cells_of[cell[clear]] = region[clear]
    shades = np.zeros((whole.size, 3), np.float32)
    shade = colors[shaded] - flats[region[shaded]]
    shades[cell[shaded]] = shade.clip(-DEEPEST, DEEPEST)
    shape = small.shape[:2]
    shades = shades.reshape(*shape, 3) * _fading(frame, regions.labels.shape, shape)[..., None]
    cells_of = cells_of.reshape(shape)
    return Filling(regions, frame, flats, shades, cells_of)


def _at_edge(regions: Regions) -> np.ndarray:
    """Which regions reach the drawing's edge, count bool."""
    labels, reaches = regions.labels, np.zeros(regions.count, bool)
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        reaches[edge] = True
    return reaches


def _fading(frame: Frame, whole: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
    """How much of a shade shows, h×w: less near an edge beyond which the drawing goes on."""
    ends = (frame.top > 0, frame.top + frame.height < whole[0])
    rows = _ramp(shape[0], *ends)
    ends = (frame.left > 0, frame.left + frame.width < whole[1])
    return rows[:, None] * _ramp(shape[1], *ends)


def _ramp(count: int, rises: bool, falls: bool) -> np.ndarray:
    ramp = np.ones(count, np.float32)
    steps = min(FADE, count // 2)
    if rises:
        ramp[:steps] = np.arange(steps) / FADE
    if falls:
        ramp[count - steps :] = np.arange(steps)[::-1] / FADE
    return ramp


def _shares(
    labels: np.ndarray, count: int, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How many pixels of each region lie in each of the network's cells: region, cell, pixels."""
    height, width = labels.shape
    step = max(1, int((height * width / SEEN) ** 0.5))
    rows, columns = np.arange(step // 2, height, step), np.arange(step // 2, width, step)
    seen = labels[np.ix_(rows, columns)].ravel().astype(np.int64)
    cells = ((rows * shape[0] // height)[:, None] * shape[1] + columns * shape[1] // width).ravel()
    missing = np.bincount(seen, minlength=count) == 0
    if missing.any():  # regions that fell between the rows
        places = np.flatnonzero(missing[labels])
        seen = np.concatenate([seen, labels.ravel()[places]])
        row, column = np.divmod(places, width)
        lost = (row * shape[0] // height) * shape[1] + column * shape[1] // width
        cells = np.concatenate([cells, lost])
    pairs, pixels = np.unique(seen * (shape[0] * shape[1]) + cells, return_counts=True)
    region, cell = np.divmod(pairs, shape[0] * shape[1])
    return region, cell, pixels.astype(np.float32)


def _agreed(region: np.ndarray, colors: np.ndarray, weight: np.ndarray, count: int) -> np.ndarray:
    """The colour that most of each region's weight is near: mean shift, narrower each time."""
    share, mean = weight, np.zeros((count, 3), np.float32)
    for reach in np.geomspace(WIDE, NARROW, ROUNDS):
        summed = np.maximum(np.bincount(region, share, minlength=count), 1e-9)
        mean = np.stack(
            [np.bincount(region, share * colors[:, c], minlength=count) / summed for c in range(3)],
            axis=1,
        ).astype(np.float32)
        far = np.square(colors - mean[region]).sum(1)
        share = weight * np.exp(-far / (2 * reach**2))
    mean[np.bincount(region, minlength=count) == 0] = 255.0  # out of the frame: paper
    return mean


def colors_of(filling: Filling) -> np.ndarray:
    """The colours at the drawing's size, shades with them: H×W×3 uint8."""
    flats = filling.flats
    picture = np.rint(flats).clip(0, 255).astype(np.uint8)[filling.regions.labels]
    for region in _shaded(filling):
        _shade(picture, filling, flats[region], region)
    return picture


def _shaded(filling: Filling) -> np.ndarray:
    """Regions that are large enough for shades."""
    cells = filling.cells_of[filling.cells_of >= 0]
    return np.flatnonzero(np.bincount(cells, minlength=filling.regions.count) >= SHADED)


def _shade(picture: np.ndarray, filling: Filling, flat: np.ndarray, region: int) -> None:
    """Lay a region's shades over it: those of its clear cells, spread into the others."""
    mine = (filling.cells_of == region).astype(np.float32)
    # The network's colours run over lines by a cell.
    mine = cv2.erode(mine, np.ones((3, 3), np.uint8), borderValue=1.0)
    if not mine.any():
        return
    rows, columns = (np.flatnonzero(mine.any(axis)) for axis in (1, 0))
    labels = filling.regions.labels[filling.frame.window]
    picture = picture[filling.frame.window]
    scale = (labels.shape[0] / mine.shape[0], labels.shape[1] / mine.shape[1])
    top, bottom = _window(rows, mine.shape[0])
    left, right = _window(columns, mine.shape[1])
    mine = mine[top:bottom, left:right]
    known = cv2.GaussianBlur(mine, (0, 0), SOFT)
    shade = cv2.GaussianBlur(
        filling.shades[top:bottom, left:right] * mine[..., None], (0, 0), SOFT
    ) / (known[..., None] + 1e-2)
    y0, y1 = (round(side * scale[0]) for side in (top, bottom))
    x0, x1 = (round(side * scale[1]) for side in (left, right))
    large = cv2.resize(shade, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
    window = picture[y0:y1, x0:x1]
    inside = labels[y0:y1, x0:x1] == region
    window[inside] = np.rint(flat + large[inside]).clip(0, 255).astype(np.uint8)


def _window(used: np.ndarray, side: int) -> tuple[int, int]:
    """From the first to the last cell that is used, and a little beyond, where shades fade."""
    return max(0, int(used[0]) - 3), min(side, int(used[-1]) + 4)


def with_lines(colors: np.ndarray, over: np.ndarray) -> np.ndarray:
    """The drawing multiplied over the colours: white paper leaves them as they are.

    Args:
        colors: H×W×3 uint8.
        over: H×W or H×W×3 uint8.

    Returns:
        H×W×3 uint8, colour · drawing / 255, rounded.
    """
    over = over if over.ndim == 3 else cv2.merge([over] * 3)
    return cv2.multiply(colors, over, scale=1 / 255)
