"""One picture to one sample: square, with lines, encoded. This is what the worker processes do."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from colorizer.data.decode import Rejected
from colorizer.data.files import Rejection
from colorizer.data.geometry import fitted_size, middle_square, pad_to_square, resize
from colorizer.data.lines import XDoG, draw_lines
from colorizer.data.shards import encode_color, encode_line
from colorizer.data.sources import Item, Picture


@dataclass(frozen=True)
class Prepared:
    """A sample ready to be written."""

    color: bytes
    line: bytes
    metadata: dict[str, Any]
    animated: bool  # the first of several frames was taken


def prepare(item: Item, size: int, fit: Literal["pad", "crop"]) -> Prepared | Rejection:
    """Load an item and make its sample, or say why it cannot be used."""
    try:
        picture = item.load()
    except Rejected as rejected:
        return Rejection(item.source, rejected.reason, rejected.detail)
    color, line = make_square(picture, size, fit)
    height, width = picture.color.shape[:2]
    metadata = {"source": item.source, "size": [width, height], **picture.metadata}
    if picture.line is None:
        metadata["lines"] = {"method": "xdog", **asdict(XDoG())}
    if item.group is not None:
        metadata["group"] = item.group
    return Prepared(encode_color(color), encode_line(line), metadata, picture.animated)


def make_square(
    picture: Picture, size: int, fit: Literal["pad", "crop"]
) -> tuple[np.ndarray, np.ndarray]:
    """Fit a picture and its line into a square.

    Args:
        picture: Colour, and line or None; without one, XDoG draws it.
        size: Side of the result.
        fit: Pad the whole picture with white, or crop its middle.

    Returns:
        Colour size×size×3 and line size×size, uint8.
    """
    color, line = picture.color, picture.line
    if fit == "crop":
        color = middle_square(color)
        line = None if line is None else middle_square(line)
    width, height = fitted_size(color.shape[1], color.shape[0], size)
    fitted = resize(color, width, height)
    drawn = (
        draw_lines(color, width, height, XDoG()) if line is None else resize(line, width, height)
    )
    return pad_to_square(fitted, size), pad_to_square(drawn, size)
