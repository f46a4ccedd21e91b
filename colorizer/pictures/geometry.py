"""How a picture of any shape becomes square."""

import cv2
import numpy as np


def fitted_size(width: int, height: int, size: int) -> tuple[int, int]:
    """Width and height of the whole picture once its longer side is `size`; no side is under 1."""
    scale = size / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def resize(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """H×W or H×W×3 uint8 to height×width: area-averaged when it shrinks, cubic when it grows."""
    shrinks = width * height < pixels.shape[0] * pixels.shape[1]
    filtering = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cv2.resize(pixels, (width, height), interpolation=filtering)


def middle_square(pixels: np.ndarray) -> np.ndarray:
    """The largest square in the middle of H×W or H×W×3."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return pixels[top : top + side, left : left + side]


def pad_to_square(pixels: np.ndarray, size: int) -> np.ndarray:
    """H×W or H×W×3 uint8, no side over `size`, centred on size×size of white."""
    height, width = pixels.shape[:2]
    top, left = (size - height) // 2, (size - width) // 2
    square = np.full((size, size, *pixels.shape[2:]), 255, np.uint8)
    square[top : top + height, left : left + width] = pixels
    return square
