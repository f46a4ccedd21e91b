"""A JPEG that lacks data is broken, also where its decoder fills it up without a word."""

import io

import numpy as np
import pytest
from PIL import Image

from colorizer.pictures.decode import UnusablePicture, decode_picture
from tests.helpers.making import encoded, noise

END = b"\xff\xd9"
KINDS = {
    "baseline": {},
    "full chroma": {"subsampling": 0},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_blocks": 4},
    "optimized": {"optimize": True},
}


def jpeg(pixels: np.ndarray, **options: object) -> bytes:
    return encoded(pixels, "JPEG", quality=85, **options)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_cut_jpeg_with_a_new_end_is_broken(kind: str, share: float) -> None:
    data = jpeg(noise(0, 160, 128), **KINDS[kind])
    start = data.index(b"\xff\xda")
    until = 0.4 * share if kind == "progressive" else share  # its first scans hold all blocks
    cut = data[: start + int(until * (len(data) - start))].rstrip(b"\xff") + END
    with pytest.raises(UnusablePicture) as rejected:
        decode_picture(cut)
    assert rejected.value.reason == "broken" and "missing" in rejected.value.detail


def test_grey_ink_and_print_are_cut_as_well() -> None:
    for mode in ("L", "CMYK"):
        Image.fromarray(noise(0, 160, 128)).convert(mode).save(data := io.BytesIO(), "JPEG")
        whole = data.getvalue()
        decode_picture(whole)
        with pytest.raises(UnusablePicture, match="broken"):
            decode_picture(whole[: len(whole) // 2].rstrip(b"\xff") + END)


def test_a_gap_between_restarts_is_broken() -> None:
    """The blocks after it are all there."""
    data = jpeg(noise(0, 160, 128), restart_marker_blocks=10)
    third, fourth = data.index(b"\xff\xd2"), data.index(b"\xff\xd3")
    with pytest.raises(UnusablePicture, match="broken"):
        decode_picture(data[: third + 20].rstrip(b"\xff") + data[fourth:])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [127, 128])
def test_a_jpeg_that_is_grey_itself_is_kept(kind: str, value: int) -> None:
    """Wholly, and from its middle on, as by a mid-grey background."""
    pixels = np.full((128, 160, 3), value, np.uint8)
    decode_picture(jpeg(pixels, **KINDS[kind]))
    pixels[:50] = noise(0, 160, 50)
    decoded = decode_picture(jpeg(pixels, **KINDS[kind]))
    assert (np.abs(decoded.pixels[80:].astype(int) - value) <= 1).all()


def test_a_turned_jpeg_is_judged_as_well() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = jpeg(noise(0, 160, 120), exif=exif)
    assert decode_picture(data).pixels.shape == (160, 120, 3)
    with pytest.raises(UnusablePicture, match="broken"):
        decode_picture(data[: len(data) // 2].rstrip(b"\xff") + END)


def test_bytes_behind_the_end_do_no_harm() -> None:
    pixels = np.full((64, 64, 3), 128, np.uint8)
    decode_picture(jpeg(pixels) + b"\xff\xd8 a second picture, or a film" + bytes(1000))


@pytest.mark.parametrize("share", [0.2, 0.4, 0.6, 0.9])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_progressive_jpeg_without_its_last_scans_is_broken(share: float, mode: str) -> None:
    """It is coarse everywhere, and nowhere grey."""
    Image.fromarray(noise(0, 160, 128)).convert(mode).save(
        file := io.BytesIO(), "JPEG", progressive=True
    )
    data = file.getvalue()
    decode_picture(data)
    scans = [at for at in range(len(data)) if data[at : at + 2] == b"\xff\xda"]
    cut = data[: scans[max(1, int(share * len(scans)))]] + END
    with pytest.raises(UnusablePicture, match="broken"):
        decode_picture(cut)
