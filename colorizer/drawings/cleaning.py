"""Any drawing as dark lines on white: scans, white on black, coloured pencil, trace lines."""

from dataclasses import dataclass

import cv2
import numpy as np

WHITE = 250  # paper from here on is white: nothing is changed
DARK = 90  # paper below is dark: the drawing is inverted
PALE = 0.94  # of the paper's brightness: what is paler is its grain
PAPER_CELLS = 48  # the paper is looked at in so many cells along the longer side
CHROMA = 40  # levels between a pixel's channels: coloured from here on
BLACK = 110  # black ink: no channel is brighter
SOME = 0.02  # of all lines, in pixels: less is no kind of line of its own
FULL = 0.12  # of all pixels are coloured: no drawing any more


@dataclass(frozen=True)
class Drawing:
    """A drawing, ready to be coloured."""

    line: np.ndarray  # H×W uint8, the ink that the network sees, white 255
    over: np.ndarray  # H×W or H×W×3 uint8, what is laid over the colours
    bounds: np.ndarray  # H×W uint8, the ink that parts regions: with trace lines
    notes: tuple[str, ...]  # what was done to it, or is odd about it

    @property
    def blank(self) -> bool:
        """No line at all."""
        return bool(self.bounds.min() > BLACK)


def clean(pixels: np.ndarray, alpha: np.ndarray | None = None) -> Drawing:
    """Make dark lines on white of a drawing.

    Grey or coloured paper, evenly lit or not, becomes white; light lines on a dark ground are
    inverted; white lines on nothing, too. A drawing in coloured pencil keeps its colour. Where it
    has black lines as well, coloured ones are trace lines: they part regions, and go. A drawing on
    white paper without them stays as it is, to the bit.

    Args:
        pixels: H×W×3 uint8 RGB, over white if it is transparent.
        alpha: H×W uint8, its opacity.
    """
    notes = []
    if alpha is not None and pixels.min() > WHITE and alpha.max() > 255 - BLACK:
        pixels = cv2.merge([255 - alpha] * 3)
        notes.append("white lines on transparent paper: taken as black ones")
    brightest = brightest_of(pixels)
    paper = usual(brightest)
    if paper < DARK:
        pixels = 255 - pixels
        paper = usual(brightest_of(pixels))
        notes.append("light lines on a dark ground: inverted")
    if paper < WHITE or usual(darkest_of(pixels)) < WHITE:
        pixels = on_white(pixels)
        notes.append("the paper was not white: made white")
    return _parted(pixels, notes)


def darkest_of(pixels: np.ndarray) -> np.ndarray:
    """H×W×3 uint8 → H×W, the least of each pixel's channels."""
    red, green, blue = cv2.split(pixels)  # a tenth of the time that numpy takes
    return np.asarray(cv2.min(cv2.min(red, green), blue), np.uint8)


def brightest_of(pixels: np.ndarray) -> np.ndarray:
    """H×W×3 uint8 → H×W, the largest of each pixel's channels."""
    red, green, blue = cv2.split(pixels)
    return np.asarray(cv2.max(cv2.max(red, green), blue), np.uint8)


def usual(values: np.ndarray) -> int:
    """The most frequent level, to 4 levels."""
    counts = np.bincount((values >> 2).ravel(), minlength=64)
    return int(counts.argmax() << 2) | 3


def on_white(pixels: np.ndarray) -> np.ndarray:
    """Divide by the paper, which is the brightest of its surroundings, smoothed."""
    height, width = pixels.shape[:2]
    cell = max(1, max(height, width) // PAPER_CELLS)
    rows, columns = -(-height // cell), -(-width // cell)
    fill = (0, rows * cell - height, 0, columns * cell - width)
    whole = cv2.copyMakeBorder(pixels, *fill, cv2.BORDER_REPLICATE)
    cells = whole.reshape(rows, cell, columns, cell, 3).transpose(0, 2, 1, 3, 4)
    paper = np.percentile(cells.reshape(rows, columns, -1, 3), 90, axis=2).astype(np.float32)
    paper = cv2.GaussianBlur(cv2.dilate(paper, np.ones((5, 5), np.uint8)), (0, 0), 2)
    paper = cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.minimum(pixels / (np.maximum(paper, 1) * (PALE / 255)), 255).astype(np.uint8)


def _parted(pixels: np.ndarray, notes: list[str]) -> Drawing:
    """Tell black, coloured and trace lines."""
    darkest, brightest = darkest_of(pixels), brightest_of(pixels)
    chroma = brightest - darkest
    if chroma.max() < CHROMA:  # grey
        line = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        return Drawing(line, line, line, tuple(notes))
    colored = chroma >= CHROMA
    inked = np.count_nonzero(darkest < 160)
    black = np.count_nonzero((brightest < BLACK) & ~colored)
    if np.count_nonzero(colored) > FULL * colored.size:
        notes.append("much of it is coloured: is this a drawing? `extract` draws a picture's lines")
    elif black > SOME * inked and np.count_nonzero(colored) > SOME * inked:
        notes.append("coloured lines beside black ones: taken as trace lines")
        return _without_traces(pixels, colored, darkest, notes)
    # Coloured pencil: its darkest channel is where the ink is.
    return Drawing(darkest, pixels, darkest, tuple(notes))


def _without_traces(
    pixels: np.ndarray, colored: np.ndarray, darkest: np.ndarray, notes: list[str]
) -> Drawing:
    """Trace lines go, their pale edges with them; where black ink crosses them it stays."""
    near = cv2.dilate(colored.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    trace = colored | (near & (brightest_of(pixels) > BLACK))
    line = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    line[trace] = 255
    bounds = np.where(trace, darkest, line)
    return Drawing(line, line, bounds, tuple(notes))
