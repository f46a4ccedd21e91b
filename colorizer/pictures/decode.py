"""Picture files into arrays: one conversion for every format, and bounded memory."""

import hashlib
import io
import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from PIL import (
    ExifTags,
    Image,
    ImageOps,
    PngImagePlugin,
    UnidentifiedImageError,
)

from colorizer.pictures.color_profiles import SPACES, BrokenProfile, as_srgb, lab_as_srgb
from colorizer.pictures.jpeg_fill import is_filled_up, lacks_scans
from colorizer.pictures.kinds import AS_PICTURE, FORMATS, HEAD, is_readable, why_unread
from colorizer.pictures.oddities import as_meant, is_other_tiff
from colorizer.pictures.png_chunks import SIGNATURE, without_notes
from colorizer.pictures.reduction import reduced
from colorizer.pictures.wholeness import fault_of

# Remarks
PROFILE_IGNORED = "colour profile ignored"
EXIF_IGNORED = "broken EXIF ignored"
NOTES_IGNORED = "broken notes in a PNG ignored"

MAX_PIXELS = 100_000_000  # 300 MB as RGB
MAX_BYTES = 1_000_000_000  # of a file, as it is read whole
MIN_SIDE = 16
_max_pixels = ContextVar("max_pixels", default=MAX_PIXELS)

# Profiles and texts are often larger than the 1 MB that it allows one; together they may take
# 64 MB.
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY

# What Pillow's readers raise on damaged data.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    TypeError,
    OverflowError,
    struct.error,
)


class UnusablePicture(Exception):
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

    pixels: np.ndarray  # H×W×3 uint8 RGB, over white if it is transparent
    animated: bool  # the pixels are the first of several frames
    alpha: np.ndarray | None = None  # H×W uint8, its opacity; None: nothing is transparent
    remarks: tuple[str, ...] = ()  # on what was done without, the same words for every picture


def read_file(path: Path) -> bytes:
    """A picture file's bytes, of which there is a bound too.

    Raises:
        UnusablePicture: it cannot be read, or is too large.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise UnusablePicture("cannot be opened", getattr(error, "strerror", str(error))) from error
    if len(data) > MAX_BYTES:
        raise UnusablePicture("too large", f"over {MAX_BYTES // 1_000_000} MB")
    return data


def decode_picture(data: bytes) -> Decoded:
    """Decode a picture file's bytes to 8-bit RGB.

    The size is checked from the header, before any pixel is decoded. EXIF orientation is applied;
    transparency (alpha, or the transparent colour of a palette or PNG) goes over white; 16-bit
    values keep their high byte; grey, palette and CMYK become RGB, by the picture's colour profile
    if it has one that can be applied; of an animation the first frame is taken.

    Raises:
        UnusablePicture: the picture is damaged, too large or too small, or has 32-bit pixels.
    """
    with warnings.catch_warnings():
        # Ours is the limit that counts; and readers warn about oddities in files they can read.
        warnings.simplefilter("ignore")
        try:
            return _opened_and_decoded(data)
        except Image.DecompressionBombError as error:
            raise UnusablePicture("too large", _millions(error)) from error
        except UnidentifiedImageError as error:
            raise _unidentified(data) from error
        except _DAMAGE as error:
            raise UnusablePicture("broken", _without_address(error)) from error


def _opened_and_decoded(data: bytes) -> Decoded:
    try:
        return _opened(data)
    except Image.DecompressionBombError:
        raise
    except _DAMAGE:  # of a PNG Pillow minds its texts and profile as well, others do not
        if data.startswith(SIGNATURE):
            for alone in without_notes(data):
                with suppress(*_DAMAGE):
                    decoded = _opened(alone)
                    return replace(decoded, remarks=(*decoded.remarks, NOTES_IGNORED))
        raise


def _opened(data: bytes) -> Decoded:
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        return _whole(data, image)


def _whole(data: bytes, image: Image.Image) -> Decoded:
    """The pixels of an opened file, which must hold all its data."""
    pixels_in_header = image.width * image.height  # before it is reduced
    decoded = decode_image(image)
    if (fault := fault_of(data, image.format, pixels_in_header)) is not None:
        raise UnusablePicture("broken", fault)
    if image.format in ("JPEG", "MPO") and pixels_in_header <= MAX_PIXELS:
        as_stored = image.mode in ("L", "RGB") and "icc_profile" not in image.info
        pixels = decoded.pixels if as_stored else np.asarray(image)
        if is_filled_up(data, image, pixels):
            raise UnusablePicture("broken", "data is missing, grey blocks instead")
        if "progressive" in image.info and lacks_scans(data):
            raise UnusablePicture("broken", "its finer scans are missing: it was cut")
    return decoded


def decode_image(image: Image.Image) -> Decoded:
    """The pixels of an image that Pillow has opened or made; see `decode_picture`.

    Raises:
        UnusablePicture: it is too large or too small, or has 32-bit pixels.
    """
    _check_size(image)
    # A phone's second picture beside the first is no frame.
    animated = getattr(image, "is_animated", False) and image.format != "MPO"
    image = reduced(as_meant(image), MAX_PIXELS)
    remarks: tuple[str, ...] = ()
    try:
        if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:  # else it would be copied
            image = ImageOps.exif_transpose(image)
    except _DAMAGE:
        remarks = (EXIF_IGNORED,)
    decoded = _decoded(image, animated)
    return replace(decoded, remarks=(*decoded.remarks, *remarks))


@contextmanager
def allowing(max_pixels: int) -> Iterator[None]:
    """Within it, decode pictures of up to so many pixels; those over MAX_PIXELS are reduced.

    In the one thread of a worker process: Pillow's own bound is the process's.
    """
    token, pillows = _max_pixels.set(max_pixels), Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = max(pillows or 0, max_pixels)
    try:
        yield
    finally:
        _max_pixels.reset(token)
        Image.MAX_IMAGE_PIXELS = pillows


def decode_file(path: Path) -> Decoded:
    """Read and decode a picture file.

    Raises:
        UnusablePicture: see `read_file` and `decode_picture`.
    """
    return decode_picture(read_file(path))


def size_in_header(path: Path) -> tuple[int, int] | None:
    """Height and width that a picture file says it has once decoded; None if it says none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(path, formats=FORMATS) as image:
                # A PNG's own getexif decodes all of it.
                turned = Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1) >= 5
                width, height = image.size
        except (Image.DecompressionBombError, *_DAMAGE):
            return None
    return (width, height) if turned else (height, width)


def _unidentified(data: bytes) -> UnusablePicture:
    if is_readable(data[:HEAD]):
        if is_other_tiff(data):
            return UnusablePicture("a kind of TIFF that is not read", AS_PICTURE)
        return UnusablePicture("broken", "its header is cut or damaged")
    if (unread := why_unread(data[:HEAD])) is not None:
        return UnusablePicture(*unread)
    kinds = f"not {', '.join(FORMATS[:-1])} or {FORMATS[-1]}, whatever its name says"
    return UnusablePicture("broken", kinds if data else "empty")


def _millions(error: Image.DecompressionBombError) -> str:
    """Pillow has its own bound, well above ours, and no size but in its message."""
    pixels = re.search(r"\((\d+) pixels\)", str(error))
    said = f"{int(pixels[1]) / 1e6:,.0f} million pixels; " if pixels else ""
    return f"{said}at most {_max_pixels.get() // 1_000_000} million"


def _without_address(error: Exception) -> str:
    """Pillow's message, without the memory address that would make it differ from run to run."""
    return re.sub(r" <_io\.BytesIO object at 0x[0-9a-f]+>", "", str(error))


def digest_of(*contents: bytes) -> str:
    """Hex digits that are the same for the same bytes."""
    digest = hashlib.blake2b(digest_size=16)
    for content in contents:
        digest.update(len(content).to_bytes(8, "little"))  # so that no two lists look the same
        digest.update(content)
    return digest.hexdigest()


def to_grey(pixels: np.ndarray) -> np.ndarray:
    """H×W×3 uint8 RGB to H×W uint8 (ITU-R 601 luma; grey stays exactly what it is)."""
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if width * height > _max_pixels.get():
        limit = _max_pixels.get() // 1_000_000
        raise UnusablePicture("too large", f"{width}x{height} pixels; at most {limit} million")
    if min(width, height) < MIN_SIDE:
        raise UnusablePicture("too small", f"{width}x{height} pixels; at least {MIN_SIDE} a side")


def _decoded(image: Image.Image, animated: bool) -> Decoded:
    if image.mode in ("I", "F"):  # no range is agreed for these
        raise UnusablePicture("32-bit pixels", f"mode {image.mode}")
    base, alpha = _base_of(image)
    remarks: tuple[str, ...] = ()
    if "icc_profile" in image.info:
        try:
            base = as_srgb(base, image.info["icc_profile"] or b"")
        except BrokenProfile:
            remarks = (PROFILE_IGNORED,)
    pixels = np.asarray(base if base.mode == "RGB" else base.convert("RGB"))
    if alpha is not None:
        pixels = _over_white(pixels, alpha)
    return Decoded(pixels, animated, alpha, remarks)


def _base_of(image: Image.Image) -> tuple[Image.Image, np.ndarray | None]:
    """Its colours, RGB, L or CMYK, as its profile describes them, and its opacity."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)), None
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        grey = image.mode in ("1", "L", "LA", "La")
        base = rgba.getchannel("R") if grey else rgba.convert("RGB")
        return base, np.asarray(rgba.getchannel("A"))
    if image.mode == "LAB":
        return lab_as_srgb(image), None
    if image.mode == "1":
        return image.convert("L"), None
    return (image if image.mode in SPACES else image.convert("RGB")), None


def _over_white(color: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """H×W×3 and H×W uint8 to H×W×3: color · alpha + white · (1 - alpha), rounded."""
    deep, opacity = color.astype(np.uint16), alpha[..., None].astype(np.uint16)
    return ((deep * opacity + 255 * (255 - opacity) + 127) // 255).astype(np.uint8)
