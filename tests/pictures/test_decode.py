"""Every kind of picture file becomes the same 8-bit RGB; what cannot is rejected, within bounds."""

import resource
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorizer.pictures.decode import UnusablePicture, decode_picture, digest_of, read_file, to_grey
from colorizer.pictures.kinds import FORMATS, is_readable
from tests.helpers.making import encoded

SIDE = 16


def ramp() -> np.ndarray:
    """16×16 with every 8-bit value once."""
    return np.arange(SIDE * SIDE, dtype=np.uint8).reshape(SIDE, SIDE)


def colors() -> np.ndarray:
    """16×16×3 with no symmetry and three unlike channels."""
    return np.dstack((ramp(), ramp()[::-1], ramp().T))


def save(path: Path, image: Image.Image, **options: object) -> bytes:
    image.save(path, **options)
    return path.read_bytes()


def test_grey_is_repeated(tmp_path: Path) -> None:
    decoded = decode_picture(save(tmp_path / "a.png", Image.fromarray(ramp())))
    assert np.array_equal(decoded.pixels, np.dstack([ramp()] * 3))
    assert np.array_equal(to_grey(decoded.pixels), ramp())


def test_16_bit_grey_keeps_its_high_byte(tmp_path: Path) -> None:
    deep = ramp().astype(np.uint16) * 256 + 200
    for suffix in ("png", "tif"):
        decoded = decode_picture(save(tmp_path / f"a.{suffix}", Image.fromarray(deep)))
        assert np.array_equal(decoded.pixels, np.dstack([ramp()] * 3))


def test_16_bit_color_keeps_its_high_byte() -> None:
    assert np.array_equal(decode_picture(png_of_16_bit_color(colors())).pixels, colors())


def png_of_16_bit_color(high: np.ndarray) -> bytes:
    deep = (high.astype(">u2") * 256 + 99).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in deep)
    return png(high.shape[1], high.shape[0], depth=16, color_type=2, rows=rows)


def png(width: int, height: int, depth: int, color_type: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def test_palette_becomes_its_colors(tmp_path: Path) -> None:
    indices = Image.fromarray(ramp() % 3, "L").convert("P")
    indices.putpalette([10, 20, 30, 200, 100, 0, 7, 8, 9])
    decoded = decode_picture(save(tmp_path / "a.png", indices))
    table = np.array([[10, 20, 30], [200, 100, 0], [7, 8, 9]], np.uint8)
    assert np.array_equal(decoded.pixels, table[ramp() % 3])


def test_transparent_palette_color_is_white(tmp_path: Path) -> None:
    indices = Image.fromarray(ramp() % 2, "L").convert("P")
    indices.putpalette([10, 20, 30, 200, 100, 0])
    decoded = decode_picture(save(tmp_path / "a.png", indices, transparency=1))
    table = np.array([[10, 20, 30], [255, 255, 255]], np.uint8)
    assert np.array_equal(decoded.pixels, table[ramp() % 2])


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_goes_over_white(tmp_path: Path, mode: str) -> None:
    color = colors() if mode == "RGBA" else ramp()
    alpha = ramp().T
    decoded = decode_picture(save(tmp_path / "a.png", Image.fromarray(np.dstack((color, alpha)))))
    share = alpha[..., None] / 255
    over_white = np.rint(np.atleast_3d(color) * share + 255 * (1 - share))
    assert np.array_equal(decoded.pixels, np.broadcast_to(over_white, (SIDE, SIDE, 3)))


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    inks = np.zeros((SIDE, SIDE, 4), np.uint8)
    inks[:, :8, 0] = 255  # cyan
    inks[:, 8:, 3] = 155  # grey
    decoded = decode_picture(save(tmp_path / "a.tif", Image.fromarray(inks, "CMYK")))
    assert (decoded.pixels[:, :8] == (0, 255, 255)).all()
    assert (decoded.pixels[:, 8:] == 100).all()


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (1, lambda upright: upright),
        (2, lambda upright: upright[:, ::-1]),
        (3, lambda upright: upright[::-1, ::-1]),
        (6, lambda upright: np.rot90(upright)),
        (8, lambda upright: np.rot90(upright, -1)),
    ],
)
@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_exif_orientation_is_applied(tmp_path: Path, suffix: str, orientation: int, turned) -> None:
    upright = np.repeat(colors(), 2, axis=1)  # 32×16
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(turned(upright)))
    options = {"exif": exif} | ({"lossless": True} if suffix == "webp" else {})
    decoded = decode_picture(save(tmp_path / f"a.{suffix}", stored, **options))
    assert np.array_equal(decoded.pixels, upright)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_animation_gives_its_first_frame(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (SIDE, SIDE), color) for color in ("#ff0000", "#0000ff")]
    options = {"save_all": True, "append_images": frames[1:], "lossless": True}
    decoded = decode_picture(save(tmp_path / f"a.{suffix}", frames[0], **options))
    assert decoded.animated
    assert (decoded.pixels == (255, 0, 0)).all()


def test_bomb_is_rejected_from_its_header(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(png(12000, 12000, depth=8, color_type=0, rows=bytes(12001 * 12000)))
    assert bomb.stat().st_size < 1_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UnusablePicture) as rejected:
        decode_picture(read_file(bomb))
    assert rejected.value.reason == "too large"
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 50_000  # KiB; its pixels would be 144,000


def test_a_size_beyond_pillows_own_bound_is_said_as_ours() -> None:
    with pytest.raises(UnusablePicture) as rejected:
        decode_picture(png(60_000, 60_000, depth=8, color_type=0, rows=b""))
    assert rejected.value.reason == "too large"
    assert rejected.value.detail == "3,600 million pixels; at most 100 million"


@pytest.mark.parametrize(("data", "why"), [(b"", "empty"), (b"hello", "not BMP, GIF, JPEG, PNG")])
def test_what_is_no_picture_says_why(data: bytes, why: str) -> None:
    with pytest.raises(UnusablePicture) as rejected:
        decode_picture(data)
    assert rejected.value.reason == "broken" and rejected.value.detail.startswith(why)


def test_picture_over_the_limit_says_its_size() -> None:
    with pytest.raises(UnusablePicture) as rejected:
        decode_picture(png(10_001, 10_000, depth=8, color_type=0, rows=b""))
    assert "10001x10000" in rejected.value.detail


def test_tiny_picture_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(UnusablePicture) as rejected:
        decode_picture(save(tmp_path / "a.png", Image.new("RGB", (15, 400))))
    assert rejected.value.reason == "too small"
    assert "15x400" in rejected.value.detail


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif", "tif", "bmp"])
def test_cut_picture_is_rejected(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = save(tmp_path / f"a.{suffix}", Image.fromarray(noise))
    with pytest.raises(UnusablePicture) as rejected:
        decode_picture(data[: len(data) // 2])
    assert rejected.value.reason == "broken"


HEIC = b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf" + bytes(100)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (HEIC, "HEIC is not read"),
        (b"\0\0\0\x14ftypheix\0\0\0\0", "HEIC is not read"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(50), "JXL is not read"),
        (b"\xff\x0a" + bytes(50), "JXL is not read"),
        (b"8BPS\0\x01" + bytes(50), "PSD is not read"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000 is not read"),
        (b"CSFCHUNK" + bytes(50), "CLIP is not read"),
        (b"\n<!DOCTYPE html><html>Not found", "a web page, no picture"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer, no picture"),
        (bytes(5000), "only zeros"),
        (b"<?xml version='1.0'?><svg></svg>", "SVG is not read"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "PostScript is not read"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp41", "video is not read"),
    ],
)
def test_what_is_known_and_not_read_is_named(data: bytes, reason: str) -> None:
    with pytest.raises(UnusablePicture) as rejected:
        decode_picture(data)
    assert rejected.value.reason == reason and rejected.value.detail


@pytest.mark.skipif("AVIF" not in FORMATS, reason="this Pillow reads no AVIF")
def test_avif_is_read_whatever_its_name(tmp_path: Path) -> None:
    data = save(tmp_path / "a.avif", Image.fromarray(np.full((40, 60, 3), 90, np.uint8)))
    assert is_readable(data[:64])
    decoded = decode_picture(data)
    assert decoded.pixels.shape == (40, 60, 3) and abs(decoded.pixels.astype(int) - 90).max() < 5
    for end in (40, 200, len(data) // 2, len(data) - 3):
        with pytest.raises(UnusablePicture) as rejected:
            decode_picture(data[:end])
        assert rejected.value.reason == "broken"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_every_format_that_is_read_is_known_by_its_first_bytes(kind: str) -> None:
    assert is_readable(encoded(colors(), kind)[:64])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        *((b"", "broken"), (b"\1" * 1000, "broken")),
        (b"P6 16 16 255\n" + bytes(768), "PPM is not read"),
    ],
)
def test_other_content_is_rejected(content: bytes, reason: str) -> None:
    """The last is a whole picture in a format (PPM) that is not among ours."""
    with pytest.raises(UnusablePicture) as rejected:
        decode_picture(content)
    assert rejected.value.reason == reason


def test_why_it_is_broken_is_the_same_words_every_time() -> None:
    """No memory address: rejected.jsonl has to come out the same."""
    details = set()
    for _ in range(3):
        with pytest.raises(UnusablePicture) as rejected:
            decode_picture(b"\1" * 1000)
        details.add(rejected.value.detail)
    assert len(details) == 1 and "0x" not in details.pop()


def test_missing_file_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(UnusablePicture) as rejected:
        read_file(tmp_path / "gone.png")
    assert rejected.value.reason == "cannot be opened"


def test_file_that_is_too_long_to_be_a_picture_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("colorizer.pictures.decode.MAX_BYTES", 1_000_000)
    with open(tmp_path / "a.png", "wb") as file:
        file.truncate(1_000_000)
    assert len(read_file(tmp_path / "a.png")) == 1_000_000
    with open(tmp_path / "a.png", "wb") as file:
        file.truncate(1_000_001)
    with pytest.raises(UnusablePicture) as rejected:
        read_file(tmp_path / "a.png")
    assert rejected.value.reason == "too large"


def test_digest_tells_contents_and_their_borders_apart() -> None:
    contents = [(b"ab",), (b"ba",), (b"a", b"b"), (b"ab", b""), (b"", b"ab")]
    assert len({digest_of(*content) for content in contents}) == len(contents)
    assert digest_of(b"a", b"b") == digest_of(b"a", b"b")


def test_32_bit_pixels_are_rejected(tmp_path: Path) -> None:
    depth = np.zeros((SIDE, SIDE), np.float32)
    with pytest.raises(UnusablePicture) as rejected:
        decode_picture(save(tmp_path / "a.tif", Image.fromarray(depth)))
    assert rejected.value.reason == "32-bit pixels"


def test_offset_beyond_any_file_is_broken(tmp_path: Path) -> None:
    """A TIFF whose pixels lie at byte 2^64 - 1, which is more than a file can be asked for."""
    data = bytearray(save(tmp_path / "a.tif", Image.fromarray(colors())))
    (directory,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, directory)
    entries = (directory + 2 + 12 * number for number in range(count))
    (entry,) = (at for at in entries if struct.unpack_from("<H", data, at) == (273,))
    struct.pack_into("<HHII", data, entry, 273, 16, 1, len(data))
    with pytest.raises(UnusablePicture) as rejected:
        decode_picture(bytes(data + b"\xff" * 8))
    assert rejected.value.reason == "broken"
