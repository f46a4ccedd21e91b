"""Who a drawn character is and how one picture shows it: palette, traits and pose, by lot."""

import colorsys
from dataclasses import dataclass, fields

import numpy as np

RGB = tuple[int, int, int]

TONES = ("base", "shadow", "light")

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
class Palette:
    """Base colour, RGB in 0..255, of every region; `REGIONS` has the names in this order."""

    background: RGB
    backdrop: RGB
    skin: RGB
    blush: RGB
    hair: RGB
    eyes: RGB
    eye_white: RGB
    glint: RGB
    mouth: RGB
    clothes: RGB
    trim: RGB
    ribbon: RGB
    accessory: RGB
    ink: RGB


REGIONS = tuple(field.name for field in fields(Palette))


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
    eye_size: float  # 1.05..1.22
    shoulders: float  # width, 0.9..1.08
    blushing: bool
    backdrop: str  # of BACKDROPS
    palette: Palette


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


def sample_character(seed: int) -> Character:
    """The character of `seed`, a pure function of it (seed >= 0)."""
    rng = np.random.default_rng([seed, 0])
    accessory = _pick(rng, ACCESSORIES)
    return Character(
        seed=seed,
        hair=_pick(rng, _CUTS_FOR.get(accessory, HAIR_CUTS)),
        fringe=_pick(rng, FRINGES),
        volume=_between(rng, 0.94, 1.08),
        clothes=_pick(rng, CLOTHES),
        accessory=accessory,
        face=_pick(rng, FACES),
        eyes=_pick(rng, EYES),
        eye_size=_between(rng, 1.05, 1.22),
        shoulders=_between(rng, 0.9, 1.08),
        blushing=bool(rng.random() < 0.6),
        backdrop=_pick(rng, BACKDROPS),
        palette=sample_palette(rng),
    )


def sample_pose(seed: int, number: int) -> Pose:
    """Pose `number` (>= 0) of the character of `seed`, a pure function of both."""
    rng = np.random.default_rng([seed, 1, number])
    return Pose(
        tilt=_between(rng, -0.21, 0.21),
        turn=_between(rng, -0.26, 0.26),
        nod=_between(rng, -0.1, 0.1),
        lean=_between(rng, -0.06, 0.06),
        scale=_between(rng, 0.88, 1.12),
        offset=(_between(rng, -0.065, 0.065), _between(rng, -0.03, 0.05)),
        mirrored=bool(rng.random() < 0.25),
        gape=_pick(rng, GAPES, (0.66, 0.12, 0.13, 0.09)),
        gaze=(_between(rng, -1, 1), _between(rng, -1, 1)),
        brow=_between(rng, -1, 1),
        mouth=_pick(rng, MOUTHS, (0.3, 0.24, 0.1, 0.14, 0.1, 0.12)),
        sway=_between(rng, -1, 1),
    )


def sample_palette(rng: np.random.Generator) -> Palette:
    """A palette whose neighbouring regions can be told apart."""
    while True:
        palette = _any_palette(rng)
        if all(_distance(getattr(palette, a), getattr(palette, b)) > 70 for a, b in _NEIGHBOURS):
            return palette


_NEIGHBOURS = (
    ("hair", "skin"),
    ("hair", "background"),
    ("hair", "backdrop"),
    ("hair", "clothes"),
    ("hair", "accessory"),
    ("skin", "background"),
    ("skin", "clothes"),
    ("skin", "trim"),
    ("clothes", "background"),
    ("clothes", "trim"),
    ("clothes", "ribbon"),
    ("trim", "ribbon"),
    ("eyes", "eye_white"),
    *((name, "ink") for name in ("hair", "skin", "clothes", "trim", "ribbon", "accessory")),
)


def _any_palette(rng: np.random.Generator) -> Palette:
    skin = _skin(rng)
    background = _background(rng)
    return Palette(
        background=background,
        backdrop=_backdrop(rng, background),
        skin=skin,
        blush=_mix(skin, (235, 80, 90), 0.32),
        hair=_hair(rng),
        eyes=_hsv(rng.random(), _between(rng, 0.35, 0.95), _between(rng, 0.45, 0.95)),
        eye_white=_mix((255, 255, 255), skin, 0.06),
        glint=(255, 255, 255),
        mouth=_hsv(_between(rng, 0.95, 1.02), _between(rng, 0.45, 0.7), _between(rng, 0.6, 0.9)),
        clothes=_cloth(rng),
        trim=_cloth(rng),
        ribbon=_cloth(rng),
        accessory=_cloth(rng),
        ink=_hsv(rng.random(), _between(rng, 0.0, 0.5), _between(rng, 0.05, 0.14)),
    )


def _skin(rng: np.random.Generator) -> RGB:
    if rng.random() < 0.06:  # fantasy: blue, green, violet or grey folk
        return _hsv(rng.random(), _between(rng, 0.12, 0.35), _between(rng, 0.7, 0.95))
    depth = rng.random() ** 2.4
    tone = _mix((255, 232, 216), (112, 70, 48), float(depth))
    return _mix(tone, (255, 190, 150), _between(rng, 0.0, 0.25))


def _hair(rng: np.random.Generator) -> RGB:
    kind = _pick(rng, ("natural", "vivid", "pastel", "dark", "white"), (0.3, 0.3, 0.2, 0.1, 0.1))
    if kind == "natural":  # from blond through red to brown
        return _hsv(_between(rng, 0.03, 0.13), _between(rng, 0.4, 0.8), _between(rng, 0.3, 0.95))
    if kind == "vivid":
        return _hsv(rng.random(), _between(rng, 0.55, 0.9), _between(rng, 0.5, 0.95))
    if kind == "pastel":
        return _hsv(rng.random(), _between(rng, 0.18, 0.42), _between(rng, 0.82, 1.0))
    if kind == "dark":
        return _hsv(rng.random(), _between(rng, 0.1, 0.5), _between(rng, 0.3, 0.42))
    return _hsv(rng.random(), _between(rng, 0.0, 0.1), _between(rng, 0.8, 0.97))


def _cloth(rng: np.random.Generator) -> RGB:
    kind = _pick(rng, ("vivid", "muted", "light", "dark"), (0.35, 0.25, 0.22, 0.18))
    if kind == "vivid":
        return _hsv(rng.random(), _between(rng, 0.55, 0.9), _between(rng, 0.6, 0.95))
    if kind == "muted":
        return _hsv(rng.random(), _between(rng, 0.15, 0.5), _between(rng, 0.45, 0.8))
    if kind == "light":
        return _hsv(rng.random(), _between(rng, 0.0, 0.15), _between(rng, 0.88, 1.0))
    return _hsv(rng.random(), _between(rng, 0.2, 0.7), _between(rng, 0.3, 0.45))


def _background(rng: np.random.Generator) -> RGB:
    kind = _pick(rng, ("white", "pale", "mid", "dark"), (0.12, 0.45, 0.3, 0.13))
    if kind == "white":
        return _hsv(rng.random(), 0.02, 0.98)
    if kind == "pale":
        return _hsv(rng.random(), _between(rng, 0.08, 0.3), _between(rng, 0.85, 1.0))
    if kind == "mid":
        return _hsv(rng.random(), _between(rng, 0.25, 0.65), _between(rng, 0.6, 0.9))
    return _hsv(rng.random(), _between(rng, 0.2, 0.7), _between(rng, 0.18, 0.4))


def _backdrop(rng: np.random.Generator, background: RGB) -> RGB:
    towards = _hsv(rng.random(), _between(rng, 0.1, 0.7), _between(rng, 0.5, 1.0))
    return _mix(background, towards, _between(rng, 0.35, 0.7))


def _pick(
    rng: np.random.Generator, names: tuple[str, ...], shares: tuple[float, ...] | None = None
) -> str:
    return names[int(rng.choice(len(names), p=shares))]


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    # Five decimals: what a JSON file shows is what was drawn.
    return round(float(rng.uniform(low, high)), 5)


def _hsv(hue: float, saturation: float, value: float) -> RGB:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def _mix(a: RGB, b: RGB, share: float) -> RGB:
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue


def _distance(a: RGB, b: RGB) -> float:
    return float(np.hypot.reduce(np.subtract(a, b, dtype=float)))
