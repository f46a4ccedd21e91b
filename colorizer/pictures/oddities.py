"""Kinds of pictures that Pillow reads otherwise than they are meant and elsewhere shown."""

import io
import struct

import numpy as np
from PIL import Image, TiffImagePlugin

ZERO_IS_WHITE = 0  # photometric interpretation
PHOTOMETRIC, COLOR_MAP = 262, 320  # tags of TIFF


def as_meant(image: Image.Image) -> Image.Image:
    """An image that was opened and not yet loaded, as other programs show it.

    Raises:
        OSError, ValueError, ...: what Pillow raises on damaged data.
    """
    match image.format:
        case "BMP":
            return _without_empty_alpha(image)
        case "GIF":
            return _clear_round_first_frame(image)
        case "PNG":
            return _with_transparent_value(image)
        case "TIFF" if isinstance(image, TiffImagePlugin.TiffImageFile):
            return _with_tags_values(image)
    return image


def is_other_tiff(data: bytes) -> bool:
    """Whether a file that Pillow does not know is a sound TIFF with pixels of another kind."""
    try:
        TiffImagePlugin.TiffImageFile(io.BytesIO(data))
    except SyntaxError as error:
        return str(error).startswith("unknown")
    except (OSError, ValueError, TypeError, KeyError, IndexError, struct.error):
        return False  # damaged
    return False


def _without_empty_alpha(image: Image.Image) -> Image.Image:
    """Alpha that is 0 everywhere means none: many programs leave these bytes unset."""
    if image.mode != "RGBA" or image.getchannel("A").getextrema() != (0, 0):
        return image
    return image.convert("RGB")


def _clear_round_first_frame(image: Image.Image) -> Image.Image:
    """Where the first frame does not fill the canvas nothing is seen; Pillow takes a colour."""
    image.load()
    box = getattr(image, "dispose_extent", None)
    if box in (None, (0, 0, *image.size)) or "transparency" in image.info:
        return image
    clear = image.convert("RGBA")
    alpha = Image.new("L", image.size, 0)
    alpha.paste(255, box)
    clear.putalpha(alpha)
    return clear


def _with_transparent_value(image: Image.Image) -> Image.Image:
    """The value that is transparent in the bits of the pixels, which Pillow scales to 8."""
    value = image.info.get("transparency")
    tiles = getattr(image, "tile", None)
    if not tiles or not isinstance(value, (int, tuple)):
        return image
    match tiles[0].args, value:
        case "L;2" | "L;4" as raw, int():
            image.info["transparency"] = value * (85 if raw == "L;2" else 17)
        case "RGB;16B", (red, green, blue):
            image.info["transparency"] = red >> 8, green >> 8, blue >> 8
        case "I;16B", int():
            pixels = np.asarray(image)
            grey = Image.fromarray((pixels >> 8).astype(np.uint8))
            alpha = Image.fromarray(np.where(pixels == value, 0, 255).astype(np.uint8))
            clear = Image.merge("LA", (grey, alpha))
            clear.info = {name: each for name, each in image.info.items() if name != "transparency"}
            return clear
    return image


def _with_tags_values(image: TiffImagePlugin.TiffImageFile) -> Image.Image:
    """16-bit grey whose zero is white, and palettes of 0 to 255 in place of 0 to 65535."""
    photometric, colors = (image.tag_v2.get(tag) for tag in (PHOTOMETRIC, COLOR_MAP))
    if image.mode.startswith("I;16") and photometric == ZERO_IS_WHITE:
        positive = Image.fromarray(65535 - np.asarray(image).astype(np.uint16))
        positive.info = dict(image.info)
        return positive
    if image.mode == "P" and colors and max(colors) < 256:
        image.load()
        image.putpalette(bytes(np.reshape(colors, (3, -1)).T.astype(np.uint8).ravel()))
    return image
