"""A file whose end was never written is broken, whatever its decoder makes of the zeros."""

import struct
import zlib

import numpy as np
import pytest

from colorizer.pictures.decode import UnusablePicture, decode_picture
from colorizer.pictures.wholeness import NOT_WRITTEN
from tests.helpers.making import encoded, grey, noise

KINDS = {
    "JPEG": ("JPEG", {"quality": 90}),
    "progressive JPEG": ("JPEG", {"progressive": True}),
    "PNG": ("PNG", {}),
    "fast PNG": ("PNG", {"compress_level": 1}),
    "WebP": ("WEBP", {}),
    "lossless WebP": ("WEBP", {"lossless": True}),
    "AVIF": ("AVIF", {}),
    "GIF": ("GIF", {}),
    "TIFF": ("TIFF", {"compression": "tiff_lzw"}),
}
CLEAR = np.dstack((noise(0, 64, 64), noise(1, 64, 64)[..., 0]))


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("share", [0.3, 0.5, 0.8, 0.97])
def test_zeros_in_place_of_the_end_are_broken(name: str, share: float) -> None:
    kind, options = KINDS[name]
    data = encoded(noise(0, 160, 128), kind, **options)
    decode_picture(data)
    written = int(share * len(data))
    with pytest.raises(UnusablePicture, match="broken"):
        decode_picture(data[:written] + bytes(len(data) - written))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF"])
def test_it_is_said_that_the_end_was_not_written(kind: str) -> None:
    data = encoded(noise(0, 160, 128), kind)
    with pytest.raises(UnusablePicture) as rejected:
        decode_picture(data[: len(data) - 300] + bytes(300))
    assert rejected.value.detail in (NOT_WRITTEN, "broken data stream when reading image file")


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_so_is_a_clear_picture(kind: str) -> None:
    data = encoded(CLEAR, kind)
    with pytest.raises(UnusablePicture, match="broken"):
        decode_picture(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("value", [0, 127, 255])
@pytest.mark.parametrize("side", [16, 500, 1500])
def test_flat_pictures_are_whole(name: str, value: int, side: int) -> None:
    """Whose data are mostly zeros."""
    kind, options = KINDS[name]
    decoded = decode_picture(encoded(grey(value, side, side), kind, **options))
    assert np.abs(decoded.pixels.astype(int) - value).max() <= 2


@pytest.mark.parametrize("name", KINDS)
def test_zeros_behind_the_end_do_no_harm(name: str) -> None:
    """As of cameras that fill up a sector."""
    kind, options = KINDS[name]
    data = encoded(noise(0, 64, 64), kind, **options)
    assert np.array_equal(decode_picture(data + bytes(512)).pixels, decode_picture(data).pixels)


def test_a_flipped_bit_of_a_png_is_found_by_its_checksum() -> None:
    """Also where the picture can be decoded."""
    data = bytearray(encoded(noise(0, 64, 64), "PNG", compress_level=0))
    data[len(data) // 2] ^= 1
    first, last = data.index(b"IDAT") + 4, data.index(b"IEND") - 8
    pixels = zlib.decompress(data[first + 2 : last - 4], wbits=-15)
    data[last - 4 : last] = zlib.adler32(pixels).to_bytes(4)  # their own, which Pillow looks at
    with pytest.raises(UnusablePicture) as rejected:
        decode_picture(bytes(data))
    assert rejected.value.detail == "the checksum of its data at byte 33 is wrong"


def test_a_png_with_a_wrong_checksum_of_its_notes_is_whole() -> None:
    """As browsers, which show it."""
    data = encoded(noise(0), "PNG")
    note = struct.pack(">I", 4) + b"zzZz" + b"note" + struct.pack(">I", zlib.crc32(b"other"))
    at = data.index(b"IEND") - 4
    assert np.array_equal(decode_picture(data[:at] + note + data[at:]).pixels, noise(0))
