"""Huge pictures are made smaller while they are decoded, or as soon as they are."""

import numpy as np
from PIL import ExifTags, Image


def reduced(image: Image.Image, max_pixels: int) -> Image.Image:
    """An opened image with at most so many pixels: itself, or averaged 2, 4, 8 ... to one a side.

    A JPEG is never held at full size. Others are once, at up to 4 bytes a pixel.
    """
    width, height = image.size
    factor = 1
    while -(-width // factor) * -(-height // factor) > max_pixels:
        factor *= 2
    if factor == 1:
        return image
    info = dict(image.info)
    image.draft(None, (width // factor, height // factor))  # of a JPEG: by 8 at most
    left = -(-factor * image.width // width)
    image.load()
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)  # loading has turned a TIFF
    smaller = _averageable(image).reduce(left) if left > 1 else image
    smaller.info |= {name: info[name] for name in ("icc_profile",) if name in info}
    smaller.getexif()[ExifTags.Base.Orientation] = orientation
    return smaller


def _averageable(image: Image.Image) -> Image.Image:
    """The same in a mode whose pixels have averages."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode == "P":
        return image.convert("RGB")
    return image.convert("L") if image.mode == "1" else image
