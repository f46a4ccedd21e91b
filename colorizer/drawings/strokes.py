"""How thick a drawing's lines are, and a drawing with other ones."""

import cv2
import numpy as np

INK = 160  # levels: darker is a line
FINEST, USUAL, COARSEST = 0.45, 0.7, 2.6  # pixels of line where a network works


def stroke_width(line: np.ndarray) -> float:
    """Median thickness of the lines, in pixels; 0 if none is there, or nothing else.

    Measured along the lines' middles, so that black areas hardly count.

    Args:
        line: H×W uint8, white 255.
    """
    ink = line < INK
    if ink.all():  # no line: nothing is beside it
        return 0.0
    depth = cv2.distanceTransform(ink.astype(np.uint8), cv2.DIST_L2, 5)
    middles = depth[(depth > 0) & (depth >= cv2.dilate(depth, np.ones((3, 3), np.uint8)))]
    return float(max(1.0, 2 * np.median(middles) - 1)) if middles.size else 0.0


def brought_to_measure(line: np.ndarray, scale: float) -> tuple[np.ndarray, str]:
    """The drawing with lines that a network sees well once it is shrunk.

    Args:
        line: H×W uint8, white 255.
        scale: What it will be shrunk by, below 1.

    Returns:
        H×W uint8, and what was done, empty for nothing.
    """
    width = stroke_width(line)
    shown = width * scale
    if not width or FINEST <= shown <= COARSEST:
        return line, ""
    if shown < FINEST:
        change = round(USUAL / scale - width)
        verb, change_line = "thickened", cv2.erode
    else:
        change = round(width - COARSEST / scale)
        verb, change_line = "thinned", cv2.dilate
    if change < 1:
        return line, ""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (change + 1, change + 1))
    note = f"lines of {shown:.2g} pixels where the network works: {verb} for it"
    return change_line(line, kernel), note
