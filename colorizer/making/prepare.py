"""One picture to one sample: square, with lines, encoded. This is what the worker processes do."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import cv2
import numpy as np

from colorizer.lines.xdog import XDoG, draw_lines
from colorizer.making.sources.base import Item, Source
from colorizer.pictures.decode import UnusablePicture
from colorizer.pictures.files import Rejection
from colorizer.pictures.geometry import fitted_size, middle_square, pad_to_square, resize
from colorizer.shards.encoding import encode_color, encode_line


@dataclass(frozen=True)
class Preparation:
    """How every picture of a set becomes a sample."""

    source: Source
    size: int
    fit: Literal["pad", "crop"]
    lines: Literal["given", "xdog", "extractor"]
    xdog: XDoG
    extractor_scale: int  # how many times larger the extraction network draws


@dataclass(frozen=True)
class Prepared:
    """A sample ready to be written, but for the line where the extraction network draws it."""

    item: Item
    color: bytes
    line: bytes
    line_is_given: bool  # else it is computed from the colours
    metadata: dict[str, Any]
    digest: str  # of the bytes of its file
    animated: bool  # the first of several frames was taken


@dataclass(frozen=True)
class Undrawn:
    """A sample that the extraction network has still to draw."""

    prepared: Prepared  # with an empty line
    picture: np.ndarray  # S×S×3 uint8 RGB, S = scale·size: its border is repeated outwards
    width: int  # of what lies in the middle of the sample's square
    height: int


def prepare(preparation: Preparation, item: Item) -> Prepared | Undrawn | Rejection:
    """Load an item and make its sample, or say why it cannot be used."""
    try:
        picture = preparation.source.load(item)
    except UnusablePicture as rejected:
        return Rejection(item.source, rejected.reason, rejected.detail)
    color, line = picture.color, picture.line
    if preparation.lines == "given" and line is None:
        return Rejection(item.source, "no line drawing", "")
    if preparation.fit == "crop":
        color = middle_square(color)
        line = None if line is None else middle_square(line)
    size = preparation.size
    width, height = fitted_size(color.shape[1], color.shape[0], size)
    scale = max(2, preparation.extractor_scale)
    if color.shape[1] > scale * width:
        # Averaged in two steps: the second is cheap, and lines are drawn from the first as well.
        color = resize(color, scale * width, scale * height)
    fitted = resize(color, width, height)
    metadata = {
        "source": item.source,
        "size": [picture.color.shape[1], picture.color.shape[0]],
        **picture.metadata,
    }
    if item.group is not None:
        metadata["group"] = item.group
    drawn = b""
    if preparation.lines == "given":
        drawn = encode_line(pad_to_square(resize(line, width, height), size))
    elif preparation.lines == "xdog":
        metadata["lines"] = {"method": "xdog", **asdict(preparation.xdog)}
        ink = draw_lines(color, width, height, preparation.xdog)
        drawn = encode_line(pad_to_square(ink, size))
    encoded = encode_color(pad_to_square(fitted, size))
    prepared = Prepared(
        item=item,
        color=encoded,
        line=drawn,
        line_is_given=preparation.lines == "given",
        metadata=metadata,
        digest=picture.digest,
        animated=picture.animated,
    )
    if preparation.lines == "extractor":
        scale = preparation.extractor_scale
        large = resize(color, scale * width, scale * height)
        return Undrawn(prepared, _repeat_border(large, scale * size), width, height)
    return prepared


def _repeat_border(picture: np.ndarray, size: int) -> np.ndarray:
    """Fill the square around a picture without an edge that would be drawn as a line."""
    height, width = picture.shape[:2]
    top, left = (size - height) // 2, (size - width) // 2
    return cv2.copyMakeBorder(
        picture, top, size - height - top, left, size - width - left, cv2.BORDER_REPLICATE
    )
