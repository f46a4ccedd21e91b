"""How a picture of any shape gets the shape of a sample."""

import math

import cv2
import numpy as np

Shape = tuple[int, int]  # height and width, in pixels


def fitted_size(width: int, height: int, size: int) -> tuple[int, int]:
    """Width and height of the whole picture once its longer side is `size`; no side is under 1."""
    scale = size / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def fitted_area(width: int, height: int, size: int) -> tuple[int, int]:
    """Width and height of the whole picture once it has as many pixels as a square of `size`.

    So do the buckets. No side is under 1.
    """
    scale = size / math.sqrt(width * height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def resize(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """H×W or H×W×3 uint8 to height×width: area-averaged when it shrinks, cubic when it grows."""
    shrinks = width * height < pixels.shape[0] * pixels.shape[1]
    filtering = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cv2.resize(pixels, (width, height), interpolation=filtering)


def middle(pixels: np.ndarray, shape: Shape) -> np.ndarray:
    """The largest part in the middle of H×W or H×W×3 that has a shape's aspect ratio.

    It has whole pixels, so its ratio is off by at most half of one.
    """
    height, width = pixels.shape[:2]
    rows = min(height, max(1, round(width * shape[0] / shape[1])))
    columns = min(width, max(1, round(height * shape[1] / shape[0])))
    top, left = (height - rows) // 2, (width - columns) // 2
    return pixels[top : top + rows, left : left + columns]


def cropped_to(pixels: np.ndarray, shape: Shape) -> np.ndarray:
    """What a shape shows of H×W or H×W×3 uint8, as large as the shape: the middle, cropped."""
    if pixels.shape[:2] == shape:
        return pixels
    return resize(middle(pixels, shape), shape[1], shape[0])


def shown_whole(pixels: np.ndarray, shape: Shape) -> np.ndarray:
    """All of H×W or H×W×3 uint8, as large as the shape allows, centred on white of that shape."""
    height, width = pixels.shape[:2]
    if (height, width) == shape:
        return pixels
    scale = min(shape[0] / height, shape[1] / width)
    rows, columns = (max(1, round(scale * side)) for side in (height, width))
    return pad(resize(pixels, columns, rows), shape)


def pad(pixels: np.ndarray, shape: Shape) -> np.ndarray:
    """H×W or H×W×3 uint8, no side over the shape's, centred on white of that shape."""
    height, width = pixels.shape[:2]
    top, left = (shape[0] - height) // 2, (shape[1] - width) // 2
    padded = np.full((*shape, *pixels.shape[2:]), 255, np.uint8)
    padded[top : top + height, left : left + width] = pixels
    return padded
