"""What holds of a drawing in other colours, whatever its art."""

from dataclasses import replace

import numpy as np

from colorizer.characters import Character, Pose, draw, recolor


def assert_recolors_exactly(character: Character, other: Character, pose: Pose, size: int) -> None:
    """In another's palette it is what `draw` gives of it; its line and labels stay."""
    drawing = draw(character, pose, size)
    expected = draw(replace(character, palette=other.palette), pose, size)
    assert np.array_equal(recolor(drawing, other.palette), expected.color)
    assert not np.array_equal(drawing.color, expected.color)
    for name in ("line", "regions", "tones"):
        assert np.array_equal(getattr(drawing, name), getattr(expected, name))
