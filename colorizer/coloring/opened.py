"""Pictures of any kind as 8-bit arrays."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from colorizer.pictures.decode import Decoded, UnusablePicture, decode_file, decode_image
from colorizer.system.errors import UserError

Picture = np.ndarray | Image.Image | Decoded | Path | str  # H×W(×3) uint8, or what holds it


def opened(picture: Picture) -> Decoded:
    """A picture of any kind as 8-bit RGB, and its opacity.

    Raises:
        UserError: it is a file that cannot be read, or an array of another form.
    """
    if isinstance(picture, Decoded):
        return picture
    if isinstance(picture, np.ndarray):
        if picture.dtype != np.uint8 or picture.ndim not in (2, 3):
            form = f"{picture.dtype} {'×'.join(map(str, picture.shape))}"
            raise UserError(f"a picture is {form}; give uint8, H×W or H×W×3.")
        picture = Image.fromarray(picture)
    try:
        if isinstance(picture, Image.Image):
            return decode_image(picture)
        return decode_file(Path(picture))
    except UnusablePicture as rejection:
        detail = f" ({rejection.detail})" if rejection.detail else ""
        name = "" if isinstance(picture, Image.Image) else f"{picture}: "
        raise UserError(f"{name}{rejection.reason}{detail}.") from rejection


def opened_all(references: Picture | Sequence[Picture]) -> list[np.ndarray]:
    """Pictures of a character, one at least: H×W×3 uint8 each.

    Raises:
        UserError: none is given, or one cannot be read.
    """
    one = isinstance(references, np.ndarray | Image.Image | Decoded | Path | str)
    pictures = [opened(picture).pixels for picture in ([references] if one else references)]
    if not pictures:
        raise UserError("no reference: give one picture of the character at least.")
    return pictures
