"""Picture files into arrays: one conversion for every format, and bounded memory."""

import struct
import warnings
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

# Named so that a file's content can start no other reader (Pillow's for EPS runs Ghostscript).
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
SUFFIXES = frozenset((".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"))
MAX_PIXELS = 100_000_000  # 300 MB as RGB
MIN_SIDE = 16

# What Pillow's readers raise on damaged data.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, struct.error)


class Rejected(Exception):
    """A picture that cannot be used.

    Args:
        reason: The kind of fault, the same words for every such picture ("broken").
        detail: What is particular to this one.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Decoded:
    """A decoded picture."""

    pixels: np.ndarray  # H×W×3 uint8 RGB
    animated: bool  # the pixels are the first of several frames


def decode_picture(path: Path) -> Decoded:
    """Decode a picture file to 8-bit RGB.

    The size is checked from the header, before any pixel is decoded. EXIF orientation is applied;
    transparency (alpha, or the transparent colour of a palette or PNG) goes over white; 16-bit
    values keep their high byte; grey, palette and CMYK become RGB without colour profiles; of an
    animation the first frame is taken.

    Raises:
        Rejected: the file cannot be read, is damaged, too large or too small, or has 32-bit pixels.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise Rejected("cannot be opened", error.strerror or str(error)) from error
    with file, warnings.catch_warnings():
        # Ours is the limit that counts; and readers warn about oddities in files they can read.
        warnings.simplefilter("ignore")
        try:
            with Image.open(file, formats=FORMATS) as image:
                _check_size(image)
                animated = getattr(image, "is_animated", False)
                return Decoded(_to_rgb(ImageOps.exif_transpose(image)), animated)
        except Image.DecompressionBombError as error:
            raise Rejected("too large", str(error)) from error
        except _DAMAGE as error:
            raise Rejected("broken", str(error)) from error


def to_grey(pixels: np.ndarray) -> np.ndarray:
    """H×W×3 uint8 RGB to H×W uint8 (ITU-R 601 luma; grey stays exactly what it is)."""
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        limit = MAX_PIXELS // 1_000_000
        raise Rejected("too large", f"{width}x{height} pixels; at most {limit} million")
    if min(width, height) < MIN_SIDE:
        raise Rejected("too small", f"{width}x{height} pixels; at least {MIN_SIDE} a side")


def _to_rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I;16"):
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        return np.dstack((grey, grey, grey))
    if image.mode in ("I", "F"):  # no range is agreed for these
        raise Rejected("32-bit pixels", f"mode {image.mode}")
    if image.has_transparency_data:
        return _over_white(np.asarray(image.convert("RGBA")))
    return np.asarray(image.convert("RGB"))


def _over_white(pixels: np.ndarray) -> np.ndarray:
    """H×W×4 uint8 to H×W×3: color · alpha + white · (1 - alpha), rounded."""
    color = pixels[..., :3].astype(np.uint16)
    alpha = pixels[..., 3:].astype(np.uint16)
    return ((color * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
