"""A cut: its frames in order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from colorizer.coloring.colorizer import Colorizer, Picture
from colorizer.coloring.painting import Painting


def sequence(
    colorizer: Colorizer,
    frames: Iterable[Picture],
    references: Picture | Sequence[Picture],
    working_size: int | None = None,
    keys: Mapping[int, Picture] | None = None,
) -> Iterator[Painting]:
    """Colour the frames of a cut.

    Raises:
        UserError: a picture cannot be read.
    """
    for frame in frames:
        yield colorizer(frame, references, working_size)
