"""The pictures of a shard: simple lossless WebP, read back exactly, and no other format."""

import io

import cv2
import numpy as np
from PIL import Image

MAX_SIDE = 10_000  # pixels; a square of that is 300 MB as RGB


def encode_color(color: np.ndarray) -> bytes:
    """H×W×3 uint8 RGB as lossless WebP."""
    data = io.BytesIO()
    # Effort 1 of 6: a fifth smaller than 0; 4 is another tenth smaller but six times slower.
    Image.fromarray(color).save(data, "WEBP", lossless=True, quality=0, method=1)
    return data.getvalue()


def encode_line(line: np.ndarray) -> bytes:
    """H×W uint8 as lossless WebP, which has no grey: the three channels are equal."""
    return encode_color(np.dstack((line, line, line)))


def decode_color(data: bytes) -> np.ndarray:
    """A member's bytes as H×W×3 uint8 RGB, exactly what was encoded.

    Raises:
        ValueError: the bytes are no picture that `encode_color` could have made.
    """
    return _decode(data, cv2.IMREAD_COLOR_RGB)


def decode_line(data: bytes) -> np.ndarray:
    """A member's bytes as H×W uint8, exactly what was encoded.

    Raises:
        ValueError: the bytes are no picture that `encode_line` could have made.
    """
    return _decode(data, cv2.IMREAD_GRAYSCALE)


def picture_size(data: bytes) -> tuple[int, int]:
    """Width and height from the header (RFC 9649), before anything is decoded.

    Raises:
        ValueError: not a simple lossless WebP: another format, animated, with metadata, cut.
    """
    chunk = int.from_bytes(data[16:20], "little")
    whole = int.from_bytes(data[4:8], "little") + 8 == len(data) == 20 + chunk + chunk % 2
    if data[:4] != b"RIFF" or data[8:16] != b"WEBPVP8L" or data[20:21] != b"\x2f" or not whole:
        raise ValueError("a picture is not a whole, simple, lossless WebP")
    header = int.from_bytes(data[21:25], "little")
    if header >> 29:
        raise ValueError("a picture is of an unknown version of WebP")
    return (header & 0x3FFF) + 1, (header >> 14 & 0x3FFF) + 1


def _decode(data: bytes, mode: int) -> np.ndarray:
    width, height = picture_size(data)
    if max(width, height) > MAX_SIDE:
        raise ValueError(f"a picture is {width}x{height}; at most {MAX_SIDE} a side")
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), mode)
    if pixels is None:
        raise ValueError("a picture is damaged")
    return pixels
