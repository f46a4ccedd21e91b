"""One picture to one sample: shaped, with lines, encoded. This is what the worker processes do."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from colorizer.making.line_methods import Fitted, LineMethod, Undrawn
from colorizer.making.near_duplicates import thumbnail_of
from colorizer.making.sources.base import Item, Picture, Source
from colorizer.making.sources.drawings import PairLook
from colorizer.making.wanted import GREY, Wanted, is_grey
from colorizer.pictures.buckets import bucket_shapes, nearest_bucket
from colorizer.pictures.decode import UnusablePicture, allowing, digest_of
from colorizer.pictures.files import Rejection
from colorizer.pictures.geometry import Shape, fitted_size, middle, pad, resize
from colorizer.shards.encoding import encode_color


@dataclass(frozen=True)
class Preparation:
    """How every picture of a set becomes a sample."""

    source: Source
    size: int
    fit: Literal["pad", "crop", "buckets"]
    lines: LineMethod
    detail: int  # lines are drawn from a picture at most this many times the sample's size
    wanted: Wanted = field(default_factory=Wanted)

    def shape_for(self, color: np.ndarray) -> Shape:
        """The shape of the sample that an H×W×3 picture becomes."""
        if self.fit == "buckets":
            height, width = color.shape[:2]
            return nearest_bucket(width, height, bucket_shapes(self.size))
        return self.size, self.size


@dataclass(frozen=True)
class Prepared:
    """A sample ready to be written, but for a line that the extractor has still to draw."""

    item: Item
    color: bytes
    line: bytes | Undrawn
    metadata: dict[str, Any]
    digest: str  # of the bytes of its file
    pixels: str  # digest of its colours, and of its line if that was given, as encoded
    animated: bool  # the first of several frames was taken
    remarks: tuple[str, ...] = ()  # to be counted, the same words for every picture
    thumbnail: bytes = b""  # see `thumbnail_of`
    look: PairLook | None = None  # of picture and drawing, where it came with one


def prepare(preparation: Preparation, item: Item) -> Prepared | Rejection:
    """Load an item and make its sample, or say why it cannot be used."""
    try:
        with allowing(preparation.wanted.max_pixels):
            picture = preparation.source.load(item)
        preparation.wanted.refuse_shape(picture.color)
        fitted = _fit(picture, preparation)
        line = preparation.lines.line_of(fitted)
    except UnusablePicture as unusable:
        return Rejection(item.source, unusable.reason, unusable.detail)
    small = resize(fitted.color, fitted.width, fitted.height)
    grey = is_grey(small)
    if grey and preparation.wanted.reject_grey:
        return Rejection(item.source, GREY, "")
    color = encode_color(pad(small, fitted.shape))
    # A computed line says nothing that its colours do not, and a network's differs in last digits.
    own_line = b"" if preparation.lines.computed or isinstance(line, Undrawn) else line
    return Prepared(
        item=item,
        color=color,
        line=line,
        metadata=_metadata(item, picture, preparation.lines),
        digest=picture.digest,
        pixels=digest_of(color, own_line),
        animated=picture.animated,
        remarks=(*picture.remarks, *((GREY,) if grey else ())),
        thumbnail=thumbnail_of(small),
        look=picture.look,
    )


def _fit(picture: Picture, preparation: Preparation) -> Fitted:
    """Crop a picture if it is to be cropped, and average it down if it is far too large."""
    color, line = picture.color, picture.line
    shape = preparation.shape_for(color)
    if preparation.fit == "pad":
        width, height = fitted_size(color.shape[1], color.shape[0], preparation.size)
    else:
        height, width = shape
        color = middle(color, shape)
        line = None if line is None else middle(line, shape)
    detail = preparation.detail
    if color.shape[1] > detail * width:
        # Averaged in two steps: the second is cheap, and lines are drawn from the first as well.
        color = resize(color, detail * width, detail * height)
    detailed = picture.detailed  # square, as are the colours and the sample
    return Fitted(color, line, width, height, shape, detailed)


def _metadata(item: Item, picture: Picture, lines: LineMethod) -> dict[str, Any]:
    metadata = {
        "source": item.source,
        "size": [picture.color.shape[1], picture.color.shape[0]],
        **picture.metadata,
    }
    if item.group is not None:
        metadata["group"] = item.group
    if lines.computed:
        metadata["lines"] = lines.settings
    return metadata
