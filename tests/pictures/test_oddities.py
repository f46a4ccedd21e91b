"""Pictures that other programs write: they are shown as those mean them."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin, TiffImagePlugin

from colorizer.pictures.decode import (
    EXIF_IGNORED,
    NOTES_IGNORED,
    PROFILE_IGNORED,
    Decoded,
    UnusablePicture,
    decode_picture,
)
from tests.helpers.making import encoded, noise
from tests.helpers.profiles import DISPLAY_P3, rgb_profile

GREYS = np.arange(0, 256, 4, np.uint8).repeat(64).reshape(64, 64)


def chunk(name: bytes, content: bytes, checksum: int | None = None) -> bytes:
    found = zlib.crc32(name + content) if checksum is None else checksum
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", found)


def with_chunk(data: bytes, *chunks: bytes) -> bytes:
    """A PNG with more chunks behind its header."""
    return data[:33] + b"".join(chunks) + data[33:]


# ---- BMP


def bmp(alpha: np.ndarray) -> bytes:
    """32 bits a pixel with a mask for alpha, as in a header of the fourth version."""
    pixels = np.dstack((noise(0, 64, 64)[..., ::-1], alpha))[::-1].tobytes()
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII", 108, 64, 64, 1, 32, 3, len(pixels), 0, 0, 0, 0)
    header += masks + b"BGRs" + bytes(48)
    start = 14 + len(header)
    return struct.pack("<2sIHHI", b"BM", start + len(pixels), 0, 0, start) + header + pixels


def test_alpha_that_is_zero_everywhere_is_none() -> None:
    decoded = decode_picture(bmp(np.zeros((64, 64), np.uint8)))
    assert np.array_equal(decoded.pixels, noise(0, 64, 64)) and decoded.alpha is None


def test_other_alpha_is_alpha() -> None:
    alpha = np.zeros((64, 64), np.uint8)
    alpha[:32] = 255
    decoded = decode_picture(bmp(alpha))
    assert np.array_equal(decoded.pixels[:32], noise(0, 64, 64)[:32])
    assert (decoded.pixels[32:] == 255).all()


# ---- TIFF


def tiff(image: Image.Image, tags: dict[int, object]) -> bytes:
    written = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in tags.items():
        written[tag] = value
    image.save(file := io.BytesIO(), "TIFF", tiffinfo=written)
    return file.getvalue()


def retagged(data: bytes, tag: int, value: int) -> bytes:
    """A little-endian TIFF with another short value of a tag."""
    at = data.index(struct.pack("<HHI", tag, 3, 1))
    return data[: at + 8] + struct.pack("<H", value) + data[at + 10 :]


def test_sixteen_bits_whose_zero_is_white_are_no_negative() -> None:
    data = tiff(Image.fromarray(GREYS.astype(np.uint16) * 257), {})
    assert np.array_equal(decode_picture(data).pixels[..., 0], GREYS)
    negative = retagged(data, 262, 0)
    assert np.array_equal(decode_picture(negative).pixels[..., 0], 255 - GREYS)


def test_a_profile_of_such_grey_is_applied() -> None:
    image = Image.fromarray(GREYS.astype(np.uint16) * 257)
    image.save(file := io.BytesIO(), "TIFF", icc_profile=b"no profile")
    decoded = decode_picture(retagged(file.getvalue(), 262, 0))
    assert decoded.remarks == (PROFILE_IGNORED,)


def test_palettes_of_a_byte_are_no_black() -> None:
    image = Image.fromarray(noise(0, 64, 64)).quantize(16)
    data = tiff(image, {})
    expected = np.asarray(image.convert("RGB"))
    assert np.array_equal(decode_picture(data).pixels, expected)
    with Image.open(io.BytesIO(data)) as opened:
        colors = opened.tag_v2[320]
    wide = struct.pack(f"<{len(colors)}H", *colors)
    narrow = struct.pack(f"<{len(colors)}H", *(color >> 8 for color in colors))
    assert wide in data
    assert np.array_equal(decode_picture(data.replace(wide, narrow)).pixels, expected)


def test_a_sound_tiff_of_another_kind_is_said_to_be_that() -> None:
    data = retagged(tiff(Image.fromarray(GREYS.astype(np.uint16)), {}), 262, 9)
    with pytest.raises(UnusablePicture) as rejected:
        decode_picture(data)
    assert rejected.value.reason == "a kind of TIFF that is not read"
    with pytest.raises(UnusablePicture) as rejected:
        decode_picture(data[:12])
    assert rejected.value.reason == "broken"


# ---- GIF


def gif_with_small_first_frame() -> bytes:
    """A frame of 32x32 at (16, 16) of a canvas of 64x64."""
    data = bytearray(encoded(np.full((32, 32, 3), (200, 30, 30), np.uint8), "GIF"))
    data[6:10] = struct.pack("<HH", 64, 64)
    at = data.index(b"\x2c", 13 + 3 * 2 ** (1 + (data[10] & 7)))
    data[at + 1 : at + 5] = struct.pack("<HH", 16, 16)
    return bytes(data)


def test_nothing_is_seen_round_a_first_frame_that_is_smaller() -> None:
    pixels = decode_picture(gif_with_small_first_frame()).pixels
    assert (pixels[16:48, 16:48] == (200, 30, 30)).all()
    pixels[16:48, 16:48] = 255
    assert (pixels == 255).all()


def test_a_phones_second_picture_is_no_frame() -> None:
    first, second = (Image.fromarray(noise(number, 64, 64)) for number in range(2))
    first.save(file := io.BytesIO(), "MPO", save_all=True, append_images=[second])
    decoded = decode_picture(file.getvalue())
    assert not decoded.animated
    assert np.array_equal(decoded.pixels, decode_picture(encoded(noise(0, 64, 64), "JPEG")).pixels)


# ---- PNG


def png(depth: int, kind: int, rows: list[bytes], transparent: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", 64, 64, depth, kind, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    chunks = [(b"IHDR", header), (b"tRNS", transparent), (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_the_transparent_grey_is_clear_in_every_depth(depth: int) -> None:
    """The left half has it, the right half another."""
    most = 2**depth - 1
    left, right = most // 3, most
    half = 32 * depth // 8
    row = b"".join(
        value.to_bytes(2) * 32
        if depth == 16
        else bytes([sum(value << shift for shift in range(0, 8, depth))]) * half
        for value in (left, right)
    )
    decoded = decode_picture(png(depth, 0, [row] * 64, left.to_bytes(2)))
    assert decoded.alpha is not None
    assert (decoded.alpha[:, :32] == 0).all() and (decoded.alpha[:, 32:] == 255).all()
    assert (decoded.pixels == 255).all()  # the right is white itself


def test_the_transparent_colour_of_sixteen_bits_is_clear() -> None:
    colors = [(0x1234, 0x5678, 0x9ABC), (0x8000, 0, 0)]
    left, right = (b"".join(value.to_bytes(2) for value in color) for color in colors)
    decoded = decode_picture(png(16, 2, [left * 32 + right * 32] * 64, left))
    assert (decoded.pixels[:, :32] == 255).all() and (decoded.pixels[:, 32:] == (128, 0, 0)).all()


@pytest.mark.parametrize("size", [2_000_000, 60_000_000])
def test_long_texts_do_no_harm(size: int) -> None:
    """As drawing programs and generators of pictures write."""
    text = PngImagePlugin.PngInfo()
    text.add_text("prompt", "x" * size, zip=True)
    decoded = decode_picture(encoded(noise(0), "PNG", pnginfo=text))
    assert np.array_equal(decoded.pixels, noise(0)) and not decoded.remarks


BROKEN_NOTES = {
    "too long": chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(90_000_000))),
    "a wrong checksum": chunk(b"tEXt", b"Title\0a", checksum=1),
    "cut data": chunk(b"zTXt", b"a\0\0" + zlib.compress(noise(0).tobytes())[:50]),
    "no size": chunk(b"pHYs", b"\0"),
}


@pytest.mark.parametrize("name", BROKEN_NOTES)
def test_broken_notes_of_a_png_do_no_harm(name: str) -> None:
    decoded = decode_picture(with_chunk(encoded(noise(0), "PNG"), BROKEN_NOTES[name]))
    assert np.array_equal(decoded.pixels, noise(0))
    assert decoded.remarks in ((NOTES_IGNORED,), ())


def test_transparency_stays_where_notes_are_broken() -> None:
    clear = np.dstack((noise(0), noise(1)[..., 0]))
    image = Image.fromarray(clear).quantize(64)
    image.save(file := io.BytesIO(), "PNG")
    expected = decode_picture(file.getvalue())
    decoded = decode_picture(with_chunk(file.getvalue(), BROKEN_NOTES["a wrong checksum"]))
    assert np.array_equal(decoded.pixels, expected.pixels) and decoded.remarks == (NOTES_IGNORED,)


def test_a_sound_profile_and_exif_stay_beside_broken_notes() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(noise(0, 60, 40), "PNG", exif=exif, icc_profile=rgb_profile(*DISPLAY_P3))
    broken = with_chunk(data, BROKEN_NOTES["a wrong checksum"])
    assert np.array_equal(decode_picture(broken).pixels, decode_picture(data).pixels)
    assert decode_picture(data).pixels.shape == (60, 40, 3)


def test_a_cut_png_is_said_to_be_cut() -> None:
    data = encoded(noise(0, 64, 64), "PNG")
    with pytest.raises(UnusablePicture) as rejected:
        decode_picture(data[: len(data) // 2])
    assert "truncated" in rejected.value.detail


def test_broken_pixels_are_broken_with_any_notes() -> None:
    data = bytearray(with_chunk(encoded(noise(0), "PNG"), BROKEN_NOTES["a wrong checksum"]))
    data[-60] ^= 1
    with pytest.raises(UnusablePicture, match="broken"):
        decode_picture(bytes(data))


# ---- EXIF


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("exif", [b"Exif\0\0nothing of the kind", b"Exif\0\0II*\0\xff\xff\xff\xff"])
def test_broken_exif_does_no_harm(kind: str, exif: bytes) -> None:
    decoded: Decoded = decode_picture(encoded(noise(0, 64, 64), kind, exif=exif))
    whole = decode_picture(encoded(noise(0, 64, 64), kind))
    assert np.array_equal(decoded.pixels, whole.pixels)
    assert decoded.remarks in ((EXIF_IGNORED,), ())
