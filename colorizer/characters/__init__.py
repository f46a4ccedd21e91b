"""Procedurally drawn characters: pictures with their exact line drawing, regions and recolourings.

Every picture is a pure function of (seed, pose number): the demo data needs no files. Colours
enter only through a look-up table over (region, tone), so the same drawing in another palette is
exact: the truth for "this drawing in the colours of that reference".
"""

from colorizer.characters.drawing import Drawing, draw, recolor, tone_colors
from colorizer.characters.hands import TONES
from colorizer.characters.palettes import REGIONS, Palette
from colorizer.characters.traits import (
    Art,
    Character,
    Pose,
    sample_character,
    sample_pose,
)

__all__ = [
    "REGIONS",
    "TONES",
    "Art",
    "Character",
    "Drawing",
    "Palette",
    "Pose",
    "draw",
    "recolor",
    "sample_character",
    "sample_pose",
    "tone_colors",
]
