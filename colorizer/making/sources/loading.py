"""From the bytes of a picture file, or of a pair of them, to what a source loads."""

from colorizer.making.sources.base import Picture
from colorizer.pictures.decode import UnusablePicture, decode_picture, digest_of, to_grey


def decode_pair(color: bytes, line: bytes, line_source: str) -> Picture:
    """A colour picture and its line drawing.

    Raises:
        UnusablePicture: one of them cannot be used, or their sizes differ.
    """
    drawn = decode_picture(color)
    try:
        sketch = decode_picture(line)
    except UnusablePicture as rejected:
        raise UnusablePicture(rejected.reason, f"{line_source}: {rejected.detail}") from rejected
    if drawn.pixels.shape != sketch.pixels.shape:
        (height, width), (line_height, line_width) = drawn.pixels.shape[:2], sketch.pixels.shape[:2]
        detail = f"{width}x{height}, {line_source} {line_width}x{line_height}"
        raise UnusablePicture("sizes of a pair differ", detail)
    return Picture(
        color=drawn.pixels,
        line=to_grey(sketch.pixels),
        metadata={"lines": {"method": "given", "source": line_source}},
        digest=digest_of(color, line),
        animated=drawn.animated or sketch.animated,
        remarks=drawn.remarks,
    )


def decode_single(color: bytes) -> Picture:
    """A colour picture without a line drawing.

    Raises:
        UnusablePicture: it cannot be used.
    """
    decoded = decode_picture(color)
    return Picture(
        decoded.pixels, None, {}, digest_of(color), decoded.animated, remarks=decoded.remarks
    )
