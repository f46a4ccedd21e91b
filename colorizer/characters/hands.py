"""Hands: how an artist inks and shades. Every tone is an entry of a table: colours stay exact."""

from dataclasses import dataclass

import numpy as np

from colorizer.characters.lots import between, pick

SOFT_STEPS = 7  # tones between base and shadow, for soft shading
TONES = ("base", "shadow", "light", "deep", *(f"soft_{n}" for n in range(1, SOFT_STEPS + 1)))
BASE, SHADOW, LIGHT, DEEP = range(4)
SOFT = range(4, len(TONES))  # from nearly the base to nearly the shadow

SHADINGS = ("flat", "cel", "two_tone", "rim", "soft")


@dataclass(frozen=True)
class Hand:
    """Ink and shading of a drawing."""

    shading: str  # of SHADINGS
    shadow: tuple[float, float, float]  # what it leaves of red, green and blue
    light: float  # share of white in lights
    light_from: tuple[float, float]  # which way a lit shape is shifted off its shadow, ~1 long
    shadow_width: float  # 1: as in portraits
    ink_width: float  # 1: as in portraits
    least_ink: float  # pixels of the finished picture: no line of weight 1 is thinner
    taper: float  # of lines towards their ends, 0 (even) .. 1
    folds: int  # how many of the cloth it draws besides those of the cut
    gaps: float  # share of the lines with a gap
    ink_shown: float  # how much of the line shows in the colours, 0..1; the line drawing has all


PORTRAIT_HAND = Hand(
    shading="cel",
    shadow=(0.77, 0.69, 0.76),
    light=0.5,
    light_from=(1.0, -0.7),
    shadow_width=1.0,
    ink_width=1.0,
    least_ink=0.75,
    taper=1.0,
    folds=0,
    gaps=0.0,
    ink_shown=1.0,
)


def sample_hand(rng: np.random.Generator) -> Hand:
    """Any hand."""
    shading = pick(rng, SHADINGS, (0.14, 0.28, 0.14, 0.14, 0.3))
    strength = between(rng, 0.12, 0.45)
    cast = rng.uniform(-0.06, 0.06, 3)  # shadows are cooler or warmer
    red, green, blue = np.clip(1 - strength + cast, 0.3, 0.97).round(4).tolist()
    angle = rng.uniform(0, 2 * np.pi)  # the light comes from above, if not always
    toward = (float(np.cos(angle)), float(-abs(np.sin(angle)) - 0.2))
    painted = rng.random() < 0.3
    return Hand(
        shading=shading,
        shadow=(red, green, blue),
        light=between(rng, 0.12, 0.55),
        light_from=(round(toward[0], 4), round(toward[1], 4)),
        shadow_width=between(rng, 0.7, 2.2),
        ink_width=float(round(np.exp(rng.uniform(np.log(0.45), np.log(1.5))), 4)),
        least_ink=between(rng, 0.4, 0.75),
        taper=between(rng, 0.0, 1.0),
        folds=int(rng.integers(0, 14)) if rng.random() < 0.6 else 0,
        gaps=between(rng, 0.0, 0.35) if rng.random() < 0.4 else 0.0,
        ink_shown=between(rng, 0.1, 0.7) if painted else 1.0,
    )
