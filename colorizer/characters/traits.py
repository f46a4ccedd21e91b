"""Who a drawn character is and how one picture shows it: palette, traits and pose, by lot."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from colorizer.characters.figures import Figure, Stance, sample_figure, sample_stance
from colorizer.characters.hands import PORTRAIT_HAND, Hand, sample_hand
from colorizer.characters.lots import between, pick
from colorizer.characters.palettes import Palette, sample_palette
from colorizer.characters.varied_palettes import furred, sample_varied_palette

Art = Literal["portraits", "varied"]

HAIR_CUTS = ("short", "spiky", "bob", "long", "wavy", "twin_tails", "ponytail", "buns", "braids")
FRINGES = ("blunt", "swept", "parted", "jagged", "strand")
CLOTHES = ("sailor", "hoodie", "suit", "dress", "kimono", "sweater")
ACCESSORIES = (
    "none",
    "hairband",
    "clip",
    "bow",
    "glasses",
    "cat_ears",
    "earrings",
    "flower",
    "headphones",
)
FACES = ("round", "oval", "pointed")
EYES = ("round", "upturned", "drooping", "narrow")
BACKDROPS = ("flat", "disc", "stripes", "dots", "horizon")
GAPES = ("open", "half", "smile", "wink")
MOUTHS = ("smile", "open", "round", "flat", "cat", "grin")

EAR_SHOWING_CUTS = ("short", "spiky", "twin_tails", "ponytail", "buns")

# Earrings need bare ears, and cat ears grow where buns sit and spikes stand.
_CUTS_FOR = {
    "earrings": EAR_SHOWING_CUTS,
    "cat_ears": tuple(cut for cut in HAIR_CUTS if cut not in ("buns", "spiky")),
}


@dataclass(frozen=True)
class Character:
    """What stays the same in every picture of one character."""

    seed: int  # also seeds the small irregularities of the hair
    hair: str  # of HAIR_CUTS
    fringe: str  # of FRINGES
    volume: float  # of the hair, 0.94..1.08
    clothes: str  # of CLOTHES
    accessory: str  # of ACCESSORIES
    face: str  # of FACES
    eyes: str  # of EYES
    eye_size: float  # 0.7..1.22
    shoulders: float  # width, 0.9..1.08
    blushing: bool
    backdrop: str  # of BACKDROPS
    palette: Palette
    hand: Hand = PORTRAIT_HAND
    figure: Figure | None = None  # None: a portrait


@dataclass(frozen=True)
class Pose:
    """What differs between pictures of one character."""

    tilt: float  # of the head, radians, clockwise positive
    turn: float  # of the head, radians, towards +x positive
    nod: float  # of the head, radians, downwards positive
    lean: float  # of the body, radians
    scale: float  # 0.88..1.12
    offset: tuple[float, float]  # (x, y), shares of the side
    mirrored: bool
    gape: str  # of GAPES: how far the eyes are open
    gaze: tuple[float, float]  # shift of the irises, -1..1
    brow: float  # -1 stern .. 1 surprised
    mouth: str  # of MOUTHS
    sway: float  # of the hair, -1..1
    stance: Stance | None = None  # of a character with a figure


def sample_character(seed: int, art: Art = "portraits") -> Character:
    """The character of `seed` (>= 0), a pure function of it and of `art`."""
    rng = np.random.default_rng([seed, 0])
    accessory = pick(rng, ACCESSORIES)
    portrayed = Character(
        seed=seed,
        hair=pick(rng, _CUTS_FOR.get(accessory, HAIR_CUTS)),
        fringe=pick(rng, FRINGES),
        volume=between(rng, 0.94, 1.08),
        clothes=pick(rng, CLOTHES),
        accessory=accessory,
        face=pick(rng, FACES),
        eyes=pick(rng, EYES),
        eye_size=between(rng, 1.05, 1.22),
        shoulders=between(rng, 0.9, 1.08),
        blushing=bool(rng.random() < 0.6),
        backdrop=pick(rng, BACKDROPS),
        palette=sample_palette(rng),
    )
    return portrayed if art == "portraits" else _varied(portrayed)


def _varied(portrayed: Character) -> Character:
    """A character with a figure, the features of a portrait, and colours of its own."""
    rng = np.random.default_rng([portrayed.seed, 4])
    figure = sample_figure(rng)
    palette = sample_varied_palette(rng, figure.white_paper)
    if figure.kind != "person":
        palette = furred(palette, rng)
    if portrayed.hair not in ("short", "spiky", "long"):
        figure = replace(figure, beard="none")
    under_hat = figure.hat != "none" and portrayed.hair in ("spiky", "buns")
    bare = figure.hat != "none" or rng.random() < 0.35
    return replace(
        portrayed,
        hair="short" if under_hat else portrayed.hair,
        accessory="none" if bare else portrayed.accessory,
        eye_size=between(rng, 0.7, 1.2),
        blushing=bool(rng.random() < 0.3),
        palette=palette,
        hand=sample_hand(rng),
        figure=figure,
    )


def sample_pose(seed: int, number: int, art: Art = "portraits") -> Pose:
    """Pose `number` (>= 0) of the character of `seed`, a pure function of these and of `art`."""
    rng = np.random.default_rng([seed, 1, number])
    pose = Pose(
        tilt=between(rng, -0.21, 0.21),
        turn=between(rng, -0.26, 0.26),
        nod=between(rng, -0.1, 0.1),
        lean=between(rng, -0.06, 0.06),
        scale=between(rng, 0.88, 1.12),
        offset=(between(rng, -0.065, 0.065), between(rng, -0.03, 0.05)),
        mirrored=bool(rng.random() < 0.25),
        gape=pick(rng, GAPES, (0.66, 0.12, 0.13, 0.09)),
        gaze=(between(rng, -1, 1), between(rng, -1, 1)),
        brow=between(rng, -1, 1),
        mouth=pick(rng, MOUTHS, (0.3, 0.24, 0.1, 0.14, 0.1, 0.12)),
        sway=between(rng, -1, 1),
    )
    if art == "portraits":
        return pose
    rng = np.random.default_rng([seed, 5, number])
    return replace(pose, turn=1.5 * pose.turn, lean=2 * pose.lean, stance=sample_stance(rng))
