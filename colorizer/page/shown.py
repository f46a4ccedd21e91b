"""What the page shows of pictures, small enough for a browser, and where a click on it lands."""

from collections.abc import Sequence

import cv2
import numpy as np

from colorizer.drawings.corrections import Point
from colorizer.pictures.geometry import fitted_size, resize, shown_whole

SIDE = 1280  # pixels of the longer side of what is shown
CELL = 360  # of a reference
COLUMNS = 3  # of references
MARK = 9  # radius of a point's mark


def shown(pixels: np.ndarray) -> np.ndarray:
    """H×W×3 uint8, the longer side SIDE at most."""
    height, width = pixels.shape[:2]
    return (
        pixels if max(height, width) <= SIDE else resize(pixels, *fitted_size(width, height, SIDE))
    )


def place_in(click: tuple[int, int], size: tuple[int, int], pixels: np.ndarray) -> tuple[int, int]:
    """Column and row of a picture at a click on what is shown of it.

    Args:
        click: Column and row there.
        size: Its width and height.
        pixels: H×W×3, the picture.
    """
    height, width = pixels.shape[:2]
    x, y = (
        min(side - 1, max(0, int((at + 0.5) * side / of)))
        for at, side, of in zip(click, (width, height), size, strict=True)
    )
    return x, y


def with_marks(picture: np.ndarray, points: Sequence[Point], size: tuple[int, int]) -> np.ndarray:
    """What is shown of a picture, a disc of its colour at each point.

    Args:
        picture: h×w×3 uint8, as shown.
        points: In the picture itself.
        size: Width and height of that.
    """
    marked = picture.copy()
    height, width = picture.shape[:2]
    for point in points:
        place = (point.x * width // size[0], point.y * height // size[1])
        for radius, color in ((MARK + 2, (40, 40, 40)), (MARK + 1, (255, 255, 255))):
            cv2.circle(marked, place, radius, color, -1, cv2.LINE_AA)
        cv2.circle(marked, place, MARK - 1, point.color, -1, cv2.LINE_AA)
    return marked


def sheet(references: Sequence[np.ndarray]) -> np.ndarray:
    """References beside each other, CELL pixels each, COLUMNS in a row."""
    columns = min(COLUMNS, len(references))
    rows = -(-len(references) // columns)
    whole = np.full((rows * CELL, columns * CELL, 3), 255, np.uint8)
    for number, picture in enumerate(references):
        top, left = (CELL * place for place in divmod(number, columns))
        whole[top : top + CELL, left : left + CELL] = shown_whole(picture, (CELL, CELL))
    return whole


def picked(click: tuple[int, int], references: Sequence[np.ndarray]) -> tuple[int, int, int] | None:
    """The colour of a reference, exactly, at a click on their sheet; None: beside all of them."""
    columns = min(COLUMNS, len(references))
    number = click[1] // CELL * columns + min(click[0] // CELL, columns - 1)
    if number >= len(references):
        return None
    pixels = references[number]
    width, height = (
        max(1, round(side * CELL / max(pixels.shape[:2]))) for side in pixels.shape[1::-1]
    )
    left = click[0] % CELL - (CELL - width) // 2
    top = click[1] % CELL - (CELL - height) // 2
    if not (0 <= left < width and 0 <= top < height):
        return None
    x, y = place_in((left, top), (width, height), pixels)
    red, green, blue = map(int, pixels[y, x])
    return red, green, blue
