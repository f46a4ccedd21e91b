"""From the bytes of a picture file, or of a pair of them, to what a source loads."""

from dataclasses import replace
from typing import Any

from colorizer.making.sources.base import Picture
from colorizer.making.sources.drawings import Mending, mended
from colorizer.pictures.decode import (
    MIN_SIDE,
    Decoded,
    UnusablePicture,
    decode_picture,
    digest_of,
)


def decode_pair(color: bytes, line: bytes, line_source: str, mending: Mending) -> Picture:
    """A colour picture and its line drawing, which may have another size but not another shape.

    Raises:
        UnusablePicture: one of them cannot be used, or their shapes differ.
    """
    drawn = decode_picture(color)
    try:
        sketch = decode_picture(line)
    except UnusablePicture as rejected:
        raise UnusablePicture(rejected.reason, f"{line_source}: {rejected.detail}") from rejected
    (height, width), (line_height, line_width) = drawn.pixels.shape[:2], sketch.pixels.shape[:2]
    if not have_one_shape((width, height), (line_width, line_height)):
        detail = f"{width}x{height}, {line_source} {line_width}x{line_height}"
        raise UnusablePicture("shapes of a pair differ", detail)
    lines: dict[str, Any] = {"method": "given", "source": line_source}
    if (width, height) != (line_width, line_height):
        lines["size"] = [line_width, line_height]
    return _pair(drawn, sketch, mending, lines, digest_of(color, line))


def decode_halves(data: bytes, line_side: str, mending: Mending) -> Picture:
    """A colour picture and its line drawing beside each other in one file.

    Args:
        data: Of the file.
        line_side: `left` or `right`, where the drawing is.
        mending: What is mended on the drawing.

    Raises:
        UnusablePicture: it cannot be used, or has no two halves of whole pixels.
    """
    decoded = decode_picture(data)
    height, width = decoded.pixels.shape[:2]
    if width % 2:
        raise UnusablePicture("no two halves", f"{width}x{height} pixels: an odd width")
    if width // 2 < MIN_SIDE:
        raise UnusablePicture("too small", f"{width}x{height} pixels; at least {MIN_SIDE} a half")
    halves = [_part(decoded, slice(0, width // 2)), _part(decoded, slice(width // 2, width))]
    sketch, drawn = halves if line_side == "left" else halves[::-1]
    return _pair(drawn, sketch, mending, {"method": "given"}, digest_of(data))


def decode_single(color: bytes) -> Picture:
    """A colour picture without a line drawing.

    Raises:
        UnusablePicture: it cannot be used.
    """
    decoded = decode_picture(color)
    return Picture(
        decoded.pixels, None, {}, digest_of(color), decoded.animated, remarks=decoded.remarks
    )


def have_one_shape(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether one scale makes one size of the other, each side to a pixel."""
    small, large = sorted((size, other))
    least = max((side - 1) / full for side, full in zip(small, large, strict=True))
    most = min((side + 1) / full for side, full in zip(small, large, strict=True))
    return least < most


def _part(decoded: Decoded, columns: slice) -> Decoded:
    alpha = None if decoded.alpha is None else decoded.alpha[:, columns]
    return replace(decoded, pixels=decoded.pixels[:, columns], alpha=alpha)


def _pair(drawn: Decoded, sketch: Decoded, mending: Mending, lines: dict, digest: str) -> Picture:
    line, look = mending(drawn.pixels, sketch)
    return Picture(
        color=drawn.pixels,
        line=line,
        metadata={"lines": {**lines, **mended(look)}},
        digest=digest,
        animated=drawn.animated or sketch.animated,
        remarks=drawn.remarks,
        look=look,
    )
