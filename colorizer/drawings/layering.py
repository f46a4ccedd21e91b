"""A picture taken apart into layers that paint programs put together again, to the bit.

Computed in bands of rows, in whole numbers: a large drawing needs no second copy of itself.
"""

from collections.abc import Iterator

import cv2
import numpy as np

BAND = 1_000_000  # pixels that are computed at once


def taken(table: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """`table[indices]`, without the 8 bytes a pixel that NumPy makes of indices.

    Args:
        table: N of anything.
        indices: H×W, 0..N-1.

    Returns:
        H×W of it.
    """
    picture = np.empty((*indices.shape, *table.shape[1:]), table.dtype)
    for band in _bands(indices):
        picture[band] = table[indices[band]]
    return picture


def lines_of(over: np.ndarray) -> np.ndarray:
    """What is laid over the colours, as ink that is opaque where it is dark.

    What the paper adds to a coloured line is taken out of it. Multiplied, or over white, the layer
    is `over` again.

    Args:
        over: H×W or H×W×3 uint8, white 255.

    Returns:
        H×W×4 uint8 RGBA.
    """
    lines = np.zeros((*over.shape[:2], 4), np.uint8)
    if over.ndim == 2:
        np.subtract(255, over, out=lines[..., 3])
        return lines
    for band in _bands(over):
        absorbed = 255 - over[band]
        ink = absorbed.max(2)
        lines[band][..., :3] = 255 - _share(absorbed, cv2.merge([ink] * 3))
        lines[band][..., 3] = ink
    return lines


def shade_of(colors: np.ndarray, flats: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """What flat colours are multiplied by to become darker ones; 255 where they are lighter.

    Args:
        colors: H×W×3 uint8.
        flats: H×W, the palette's colour of each pixel.
        palette: K×3 uint8.

    Returns:
        H×W×3 uint8.
    """
    shade = np.empty_like(colors)
    for band in _bands(colors):
        flat = palette[flats[band]]
        shade[band] = _share(np.minimum(colors[band], flat), flat)
    return shade


def light_of(colors: np.ndarray, flats: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """What makes flat colours lighter ones in the blend mode screen; 0 where they are darker.

    Screen is multiplying seen from white, so this is `shade_of` of the negatives.

    Args:
        colors: H×W×3 uint8.
        flats: H×W, the palette's colour of each pixel.
        palette: K×3 uint8.

    Returns:
        H×W×3 uint8.
    """
    light = np.empty_like(colors)
    for band in _bands(colors):
        flat = 255 - palette[flats[band]]
        light[band] = 255 - _share(np.minimum(255 - colors[band], flat), flat)
    return light


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """What share of a whole a part is, in 255ths, rounded; all of it where both are 0.

    `whole * share / 255` rounds to the part again: the share is off by half a 255th at most.
    """
    share = cv2.divide(part, whole, scale=255)
    share[whole == 0] = 255
    return share


def _bands(picture: np.ndarray) -> Iterator[slice]:
    """Rows of at most so many pixels as are computed at once."""
    height, width = picture.shape[:2]
    rows = max(1, BAND // width)
    return (slice(top, top + rows) for top in range(0, height, rows))
