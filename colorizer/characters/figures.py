"""Whole figures: build and outfit of a character, and how a picture stands and frames them."""

from dataclasses import dataclass

import numpy as np

from colorizer.characters.lots import between, pick

KINDS = ("person", "mascot", "egg")  # an egg is a mascot whose head and body are one
TOPS = ("sailor", "hoodie", "suit", "dress", "kimono", "sweater", "shirt", "armor")
SLEEVES = ("none", "short", "elbow", "long", "wide")
BOTTOMS = ("trousers", "shorts", "skirt", "pleated", "long_skirt", "gown", "coat", "robe")
LEGWEAR = ("none", "socks", "knee_socks", "stockings")
SHOES = ("shoes", "boots", "high_boots")
BACKS = ("none", "cape", "wings")
PATTERNS = ("none", "stripes", "checks", "dots", "emblem")
HELD = ("none", "staff", "sword")
HATS = ("none", "brim", "witch", "cap", "hood")
EYE_STYLES = ("drawn", "dots", "ovals")
EARS = ("round", "pointed", "long", "none")
SNOUTS = ("snout", "beak", "buck_teeth")
TAILS = ("none", "thin", "bushy")
BEARDS = ("none", "stubble", "full")

ARMS = ("hanging", "on_hip", "raised", "wave", "bent", "crossed", "out", "behind", "chest")
LEGS = ("stand", "apart", "step", "crossed", "kick")
FRAMINGS = ("whole", "half", "bust", "face", "head")
SCENERIES = ("plain", "gradient", "halo", "horizon", "window", "foliage", "floor")


_LONG, _ANY = (0.0, 0.0, 0.1, 0.7, 0.2), (0.14, 0.3, 0.16, 0.32, 0.08)
_SLEEVES_OF = {  # shares of SLEEVES
    **{"sailor": (0.0, 0.4, 0.1, 0.5, 0.0), "hoodie": _LONG, "suit": (0.05, 0.05, 0.05, 0.85, 0.0)},
    **{"dress": (0.35, 0.3, 0.1, 0.1, 0.15), "kimono": (0.0, 0.05, 0.05, 0.15, 0.75)},
    **{"sweater": _LONG, "shirt": _ANY, "armor": _ANY},
}


@dataclass(frozen=True)
class Figure:
    """What stays the same in every picture of a character, below the head."""

    kind: str  # of KINDS
    heads: float  # height of the figure, in heads
    width: float  # of shoulders and limbs, 0.82..1.2
    hips: float  # half width against the shoulders', 0.68..0.95
    top: str  # of TOPS
    sleeves: str  # of SLEEVES
    bottoms: str  # of BOTTOMS
    legwear: str  # of LEGWEAR
    shoes: str  # of SHOES
    belt: bool
    gloves: bool
    back: str  # of BACKS
    pattern: str  # of PATTERNS
    held: str  # of HELD
    hat: str  # of HATS
    eye_style: str  # of EYE_STYLES
    beard: str  # of BEARDS
    ears: str  # of EARS, a mascot's
    snout: str  # of SNOUTS, a mascot's
    belly: bool  # of another colour, a mascot's
    tail: str  # of TAILS
    white_paper: bool  # most of its pictures have no scenery, and nothing behind it has colour


@dataclass(frozen=True)
class Stance:
    """What differs between pictures of one character, below the head and around it."""

    framing: str  # of FRAMINGS
    arms: tuple[str, str]  # of ARMS, left and right
    legs: str  # of LEGS
    swing: tuple[float, float, float, float]  # of the limbs' angles, -1..1
    hip: float  # shift to one side, -1..1
    zoom: float  # of the part that `framing` shows, 1: it fills the picture
    offset: tuple[float, float]  # (x, y) of what is shown, shares of the side
    scenery: str  # of SCENERIES
    scene: int  # seeds the scenery's shapes


def sample_figure(rng: np.random.Generator) -> Figure:
    """Any figure."""
    heads = {
        "chibi": between(rng, 2.1, 3.2),
        "cartoon": between(rng, 3.2, 5.0),
        "tall": between(rng, 5.0, 7.8),
    }[pick(rng, ("chibi", "cartoon", "tall"), (0.27, 0.25, 0.48))]
    kind = pick(rng, KINDS, (0.82, 0.1, 0.08))
    if kind != "person":  # mascots are short
        heads = 1.2 + 0.4 * heads if kind == "mascot" else 1.4 + 0.15 * heads
    top = pick(rng, TOPS, (0.09, 0.1, 0.14, 0.12, 0.1, 0.12, 0.2, 0.13))
    return Figure(
        kind=kind,
        heads=heads,
        width=between(rng, 0.82, 1.2),
        hips=between(rng, 0.68, 0.95),
        top=top,
        sleeves=pick(rng, SLEEVES, _SLEEVES_OF[top]),
        bottoms=pick(rng, BOTTOMS, (0.3, 0.1, 0.12, 0.12, 0.1, 0.1, 0.09, 0.07)),
        legwear=pick(rng, LEGWEAR, (0.3, 0.2, 0.25, 0.25)),
        shoes=pick(rng, SHOES, (0.5, 0.3, 0.2)),
        belt=bool(rng.random() < 0.4),
        gloves=bool(rng.random() < 0.15),
        back=pick(rng, BACKS, (0.82, 0.12, 0.06)),
        pattern=pick(rng, PATTERNS, (0.7, 0.09, 0.06, 0.07, 0.08)),
        held=pick(rng, HELD, (0.84, 0.08, 0.08)),
        hat=pick(rng, HATS, (0.78, 0.06, 0.05, 0.05, 0.06)),
        eye_style=pick(rng, EYE_STYLES, (0.72, 0.13, 0.15)),
        beard=pick(rng, BEARDS, (0.9, 0.04, 0.06)),
        ears=pick(rng, EARS),
        snout=pick(rng, SNOUTS),
        belly=bool(rng.random() < 0.75),
        tail=pick(rng, TAILS, (0.7, 0.15, 0.15)),
        white_paper=bool(rng.random() < 0.66),
    )


def sample_stance(rng: np.random.Generator) -> Stance:
    """Any stance."""
    framing = pick(rng, FRAMINGS, (0.42, 0.26, 0.13, 0.08, 0.11))
    left = pick(rng, ARMS, (0.34, 0.13, 0.09, 0.08, 0.1, 0.08, 0.06, 0.06, 0.06))
    right = left if left == "crossed" or rng.random() < 0.4 else pick(rng, ARMS)
    if (left == "crossed") != (right == "crossed"):
        right = "hanging"
    return Stance(
        framing=framing,
        arms=(left, right),
        legs=pick(rng, LEGS, (0.45, 0.25, 0.14, 0.08, 0.08)),
        swing=(
            between(rng, -1, 1),
            between(rng, -1, 1),
            between(rng, -1, 1),
            between(rng, -1, 1),
        ),
        hip=between(rng, -1, 1),
        zoom=between(rng, 0.8, 1.0) if rng.random() < 0.75 else between(rng, 1.0, 1.45),
        offset=(between(rng, -0.1, 0.1), between(rng, -0.03, 0.03)),
        scenery=pick(rng, SCENERIES, (0.5, 0.14, 0.06, 0.09, 0.07, 0.08, 0.06)),
        scene=int(rng.integers(1 << 30)),
    )
