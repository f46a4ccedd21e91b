"""Grids of pictures, for people to look at, and how far one picture is from another."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from colorizer.system.errors import UserError
from colorizer.system.storage import replace_file, writing

GAP = 4  # pixels of white between pictures
LABEL = 22  # pixels for the columns' names
IDENTICAL = 100.0  # dB given to identical pictures, whose PSNR is infinite
MIN_CELL = 128  # smaller pictures are enlarged without smoothing


def grid(
    columns: Sequence[str], rows: Sequence[Sequence[np.ndarray]], names: Sequence[str] = ()
) -> np.ndarray:
    """Pictures in rows under the names of their columns.

    Args:
        columns: Names.
        rows: For each row one picture a column: H×W×3 uint8 RGB, or H×W(×1) grey. Smaller ones are
            centred on white.
        names: Of the rows, written above each.

    Returns:
        H'×W'×3 uint8 RGB.
    """
    shapes = [picture.shape[:2] for pictures in rows for picture in pictures]
    height, width = (max(sides) for sides in zip(*shapes, strict=True))
    scale = max(1, -(-MIN_CELL // width))
    height, width = height * scale, width * scale
    above = LABEL if names else 0
    pitch = above + height + GAP
    sheet = np.full(
        (LABEL + len(rows) * pitch, len(columns) * (width + GAP) - GAP, 3), 255, np.uint8
    )
    for column, name in enumerate(columns):
        _write(sheet, name, column * (width + GAP), 0)
    for row, name in enumerate(names):
        _write(sheet, name, 0, LABEL + row * pitch)
    for row, pictures in enumerate(rows):
        for column, picture in enumerate(pictures):
            high, wide = (scale * side for side in picture.shape[:2])
            top = LABEL + row * pitch + above + (height - high) // 2
            left = column * (width + GAP) + (width - wide) // 2
            cell = cv2.resize(picture, (wide, high), interpolation=cv2.INTER_NEAREST)
            cell = cell if cell.ndim == 3 else cell[..., None]  # grey goes to all three channels
            sheet[top : top + high, left : left + wide] = cell
    return sheet


def _write(sheet: np.ndarray, text: str, left: int, top: int) -> None:
    place = (left + 2, top + LABEL - 7)
    cv2.putText(sheet, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (40, 40, 40), 1, cv2.LINE_AA)


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Write H×W×3 uint8 RGB, H×W×4 RGBA, or H×W grey, in the format that the name ends in.

    Raises:
        UserError: the file cannot be written, or the format cannot hold the picture.
    """
    data = encoded(picture, path.suffix)
    if data is None:
        size = f"{picture.shape[1]}x{picture.shape[0]}"
        raise UserError(f"{path}: {path.suffix} cannot hold {size} pixels; use .png.")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, data)


def encoded(picture: np.ndarray, suffix: str) -> bytes | None:
    """H×W×3 uint8 RGB, H×W×4 RGBA, or H×W grey as a file's bytes; None: the format cannot hold it.

    Args:
        picture: RGBA only for a format with opacity.
        suffix: Of the format, with its dot.
    """
    swapped = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    pixels = picture if picture.ndim == 2 else cv2.cvtColor(picture, swapped[picture.shape[2]])
    held, data = cv2.imencode(suffix, pixels)
    return data.tobytes() if held else None


def psnr_of(mean_squared_error: np.ndarray) -> np.ndarray:
    """Mean squared errors of 8-bit values → dB, 100 at most."""
    with np.errstate(divide="ignore"):
        return np.minimum(10 * np.log10(255**2 / mean_squared_error), IDENTICAL)
