"""Pictures that a person hands to the page: bounded, decoded, or refused in a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from colorizer.pictures.decode import Decoded, UnusablePicture, decode_file, size_in_header
from colorizer.system.errors import UserError

FORMATS = "PNG, JPEG, WebP, TIFF, BMP or GIF"
MOST_REFERENCES = 16


@dataclass(frozen=True)
class Limits:
    """What a picture may be."""

    megabytes: int
    megapixels: int

    def decoded(self, path: Path) -> Decoded:
        """A picture that was uploaded.

        Raises:
            UserError: it is too large, which its header says before it is decoded, or no picture.
        """
        size = size_in_header(path)
        if size and size[0] * size[1] > self.megapixels * 1_000_000:
            raise self._too_large(path, f"it has {size[1]}x{size[0]}")
        try:
            return decode_file(path)
        except UnusablePicture as rejection:
            if rejection.reason == "too large":
                raise self._too_large(path, "it has more") from rejection
            if rejection.reason == "too small":
                raise UserError(f"{path.name} is too small: {rejection.detail}.") from rejection
            raise UserError(
                f"{path.name} cannot be read as a picture; give a {FORMATS} file."
            ) from rejection

    def _too_large(self, path: Path, said: str) -> UserError:
        return UserError(
            f"{path.name} is too large: at most {self.megapixels} million pixels, and {said};"
            " give a smaller one."
        )

    def all_decoded(self, paths: Sequence[Path]) -> list[Decoded]:
        """References that were uploaded.

        Raises:
            UserError: see `decoded`; or there are none, or too many.
        """
        if not paths:
            raise UserError("No reference yet: drop a coloured picture of the character.")
        if len(paths) > MOST_REFERENCES:
            raise UserError(f"{len(paths)} references; give {MOST_REFERENCES} at most.")
        return [self.decoded(path) for path in paths]
