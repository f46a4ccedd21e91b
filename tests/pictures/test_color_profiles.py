"""Colours are sRGB, whatever space a picture says that its own are in."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from colorizer.pictures.decode import PROFILE_IGNORED, decode_picture
from colorizer.pictures.kinds import FORMATS
from tests.helpers.making import encoded, noise
from tests.helpers.profiles import (
    ADOBE_RGB,
    DISPLAY_P3,
    cmyk_profile,
    grey_profile,
    rgb_profile,
)

SIDE = 16


def flat(*color: int) -> np.ndarray:
    return np.full((SIDE, SIDE, len(color)), color, np.uint8)


def worked_out(space, color: tuple[int, ...]) -> np.ndarray:
    """A colour of a space as sRGB, by the formulas; sRGB's primaries are relative to D50."""
    primaries, exponent = space
    srgb = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
    xyz = (np.array(color) / 255) ** exponent @ np.array(primaries)
    linear = np.clip(xyz @ np.linalg.inv(srgb), 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("space", [DISPLAY_P3, ADOBE_RGB])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "AVIF"])
def test_wide_colours_become_srgb(kind: str, space) -> None:
    stored = (180, 120, 90)
    if kind not in FORMATS:
        pytest.skip("this Pillow reads no AVIF")
    options = {"icc_profile": rgb_profile(*space)}
    options |= {"quality": 100} if kind in ("JPEG", "AVIF") else {}
    options |= {"lossless": True} if kind == "WEBP" else {}
    decoded = decode_picture(encoded(flat(*stored), kind, **options))
    assert np.abs(decoded.pixels - worked_out(space, stored)).max() <= 3
    assert np.abs(worked_out(space, stored) - stored).max() > 8
    assert not decoded.remarks


def test_opacity_and_palettes_have_profiles_too() -> None:
    profile = rgb_profile(*DISPLAY_P3)
    plain = decode_picture(encoded(flat(200, 120, 90), icc_profile=profile)).pixels
    clear = decode_picture(encoded(flat(200, 120, 90, 255), icc_profile=profile))
    assert np.array_equal(clear.pixels, plain)
    data = io.BytesIO()
    indexed = Image.fromarray(flat(200, 120, 90)).quantize(4)
    indexed.save(data, "PNG", icc_profile=profile)
    assert np.abs(decode_picture(data.getvalue()).pixels.astype(int) - plain).max() <= 1


def test_a_press_gives_its_own_inks() -> None:
    """Cyan is no (0, 255, 255) on paper."""
    profile = cmyk_profile({(0, 0, 0, 0): (100, 0, 0), (1, 0, 0, 0): (60, -35, -50)})
    data = io.BytesIO()
    inks = Image.fromarray(flat(255, 0, 0, 0), "CMYK")
    inks.save(data, "TIFF", icc_profile=profile)
    red, green, blue = decode_picture(data.getvalue()).pixels[0, 0].tolist()
    assert red < 60 and 140 < green < 175 and 215 < blue < 245
    inks.paste((0, 0, 0, 0), (0, 0, SIDE, SIDE))
    inks.save(blank := io.BytesIO(), "TIFF", icc_profile=profile)
    assert (decode_picture(blank.getvalue()).pixels >= 254).all()


def test_srgb_by_whatever_name_changes_nothing() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(decode_picture(encoded(noise(0), icc_profile=srgb)).pixels, noise(0))


def test_a_grey_profile_keeps_grey_neutral() -> None:
    stored = np.full((SIDE, SIDE), 128, np.uint8)
    pixels = decode_picture(encoded(stored, icc_profile=grey_profile(1.0))).pixels
    assert (pixels == pixels[0, 0, 0]).all() and abs(int(pixels[0, 0, 0]) - 188) <= 1


@pytest.mark.parametrize(
    "profile",
    [
        b"nothing",
        bytes(400),
        rgb_profile(*DISPLAY_P3)[:200],
        grey_profile(2.2),
        cmyk_profile({}),
    ],
    ids=["words", "zeros", "cut", "of grey", "of a press"],
)
def test_a_profile_that_cannot_be_applied_is_ignored_and_remarked(profile: bytes) -> None:
    decoded = decode_picture(encoded(noise(0), icc_profile=profile))
    assert np.array_equal(decoded.pixels, noise(0))
    assert decoded.remarks == (PROFILE_IGNORED,)


def test_cielab_is_read() -> None:
    lab = Image.fromarray(flat(153, 0, 0), "LAB")
    lab.save(data := io.BytesIO(), "TIFF")
    assert np.ptp(decode_picture(data.getvalue()).pixels[0, 0]) <= 2
