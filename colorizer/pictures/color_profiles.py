"""Colour profiles: a picture's colours as sRGB, which everything here is."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

SAME = 3  # levels: a profile that changes no colour by more is sRGB by another name
SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK"}  # Pillow's modes → the profiles' own names


class BrokenProfile(Exception):
    """A profile that cannot be read, or is of another kind of picture."""


def as_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """An RGB, grey or CMYK image with a profile's colours as sRGB: RGB, or grey if it was grey.

    Raises:
        BrokenProfile: it cannot be applied.
    """
    transform = _transform(profile, image.mode)
    return image if transform is None else _applied(image, transform)


def _applied(image: Image.Image, transform: ImageCms.ImageCmsTransform) -> Image.Image:
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None  # not in place
    return converted.getchannel("G") if image.mode == "L" else converted


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """None: it changes nothing that can be seen."""
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = opened.profile.xcolor_space  # pyright: ignore[reportAttributeAccessIssue]
        if space != SPACES[mode]:
            raise BrokenProfile
        transform = ImageCms.buildTransform(
            opened,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            # As screens do: white stays white, and black black.
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        if mode != "CMYK" and _changes_little(transform, mode):
            return None
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        raise BrokenProfile from error
    return transform


def _changes_little(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    levels = np.arange(0, 256, 15).astype(np.uint8)
    if mode == "L":
        colors = levels[None]
    else:
        colors = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    converted = np.asarray(_applied(Image.fromarray(colors), transform))
    return np.abs(converted.astype(int) - colors).max() <= SAME


def lab_as_srgb(image: Image.Image) -> Image.Image:
    """A CIELAB image, as some TIFFs are, as RGB."""
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return _applied(image, ImageCms.buildTransform(lab, srgb, "LAB", "RGB"))
