"""Points that a person sets: the region there has their colour."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from colorizer.drawings.filling import Filling
from colorizer.system.errors import UserError

ANY = 0  # frame of a sequence that a point is for, unless it says another


class Point(NamedTuple):
    """A place in a drawing and the colour that its region has."""

    x: int  # pixels from the left
    y: int  # pixels from the top
    color: tuple[int, int, int]  # RGB, 0 to 255


def pinned(filling: Filling, points: Sequence[Point]) -> Filling:
    """The filling with the regions at some points in their colours, exactly and without shades.

    Of two points in a region the later counts.

    Raises:
        UserError: a point lies outside the drawing.
    """
    labels = filling.regions.labels
    flats = filling.flats.copy()
    cells_of = filling.cells_of.copy()
    height, width = labels.shape
    for x, y, color in points:
        if not (0 <= x < width and 0 <= y < height):
            raise UserError(f"point {x} {y}: it lies outside the drawing, {width}x{height} pixels.")
        region = labels[y, x]
        flats[region] = color
        cells_of[cells_of == region] = -1
    return replace(filling, flats=flats, cells_of=cells_of)


def read_points(path: Path, references: Sequence[np.ndarray]) -> Mapping[int, list[Point]]:
    """The points of a text file, one a line, by the frame that they are for; see `parse_points`.

    Args:
        path: The file.
        references: H×W×3 uint8 RGB each.

    Raises:
        UserError: the file cannot be read, or a line is no point; names the line.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); give a text file.") from error
    return parse_points(text, references, str(path))


def parse_points(
    text: str, references: Sequence[np.ndarray], where: str
) -> Mapping[int, list[Point]]:
    """Points, one a line, by the frame that they are for.

    `X Y #rrggbb` takes a colour; `X Y @X Y` the colour of the first reference at a place, and
    `X Y @X Y N` that of the N-th. `frame N` before it names a frame of a sequence, counted from 0;
    the region keeps the colour in the frames that follow. What comes after ` //` is a remark.

    Args:
        text: The lines.
        references: H×W×3 uint8 RGB each.
        where: They stand, for messages.

    Raises:
        UserError: a line is no point; names the line.
    """
    points: dict[int, list[Point]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        said = line.partition("//")[0].strip()
        if said:
            frame, point = _read(said, references, f"{where}, line {number}")
            points.setdefault(frame, []).append(point)
    return points


POINT = re.compile(
    r"(?:frame\s+(?P<frame>\d+)\s+)?(?P<x>\d+)[\s,]+(?P<y>\d+)[\s,]+"
    r"(?:\#(?P<color>[0-9a-fA-F]{6})|@\s*(?P<u>\d+)[\s,]+(?P<v>\d+)(?:[\s,]+(?P<n>\d+))?)"
)


def _read(text: str, references: Sequence[np.ndarray], where: str) -> tuple[int, Point]:
    found = POINT.fullmatch(text)
    if found is None:
        raise UserError(f"{where}: {text!r} is no point; write X Y #rrggbb, or X Y @X Y.")
    if found["color"]:
        red, green, blue = bytes.fromhex(found["color"])
    else:
        red, green, blue = _picked(found, references, where)
    return int(found["frame"] or ANY), Point(int(found["x"]), int(found["y"]), (red, green, blue))


def _picked(
    found: re.Match[str], references: Sequence[np.ndarray], where: str
) -> tuple[int, int, int]:
    """The colour of a reference at a place."""
    number = int(found["n"] or 1)
    if not 1 <= number <= len(references):
        raise UserError(f"{where}: no reference {number}; {len(references)} are given.")
    reference = references[number - 1]
    height, width = reference.shape[:2]
    x, y = int(found["u"]), int(found["v"])
    if x >= width or y >= height:
        raise UserError(
            f"{where}: {x} {y} lies outside reference {number}, {width}x{height} pixels."
        )
    red, green, blue = map(int, reference[y, x])
    return red, green, blue
