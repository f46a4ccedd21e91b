"""The exact truth of drawn samples: the same drawing again, also in another character's colours."""

from typing import Any

import numpy as np

from colorizer.characters.drawing import Drawing, draw, recolor
from colorizer.characters.traits import Art, Character, sample_character, sample_pose
from colorizer.shards.reader import Sample

_AS_DRAWN = {"method": "drawn"}


def is_drawn(metadata: dict[str, Any]) -> bool:
    """Whether a sample is a drawn character, by its JSON."""
    return "character" in metadata


def redraw(sample: Sample) -> Drawing:
    """The drawing that a drawn sample was made from."""
    made_from = sample.metadata["character"]
    pose = sample_pose(made_from["seed"], made_from["pose"], _art(sample))
    return draw(_character(sample), pose, sample.line.shape[0], made_from.get("drawn_at"))


def is_redrawn_exactly(sample: Sample) -> bool:
    """Whether this version draws a drawn sample as the one that made the shards did.

    Of lines that were computed from the colours only the colours tell.
    """
    drawing = redraw(sample)
    if not np.array_equal(drawing.color, sample.color):
        return False
    computed = sample.metadata.get("lines", _AS_DRAWN) != _AS_DRAWN
    return computed or np.array_equal(drawing.line, sample.line)


def in_colors_of(drawing: Drawing, other: Sample) -> np.ndarray:
    """The truth for a reference of another character: H×W×3 uint8, in that one's colours."""
    return recolor(drawing, _character(other).palette)


def _character(sample: Sample) -> Character:
    return sample_character(sample.metadata["character"]["seed"], _art(sample))


def _art(sample: Sample) -> Art:
    return sample.metadata["character"].get("art", "portraits")
