"""Colours as real drawings have them: white paper, black hair, dark cloth, schemes of few hues."""

from dataclasses import replace

import numpy as np

from colorizer.characters.lots import RGB, between, distance, hsv, mix, pick
from colorizer.characters.palettes import Palette

WHITE: RGB = (255, 255, 255)

# What must differ, and by how much: neighbours in a drawing without shading.
_APART = (
    ("hair", "skin", 45),
    ("skin", "clothes", 40),
    ("skin", "trim", 30),
    ("clothes", "trim", 35),
    ("clothes", "ribbon", 35),
    ("eyes", "eye_white", 60),
    ("hair", "background", 30),
    ("skin", "background", 20),
)


def sample_varied_palette(rng: np.random.Generator, white_paper: bool) -> Palette:
    """A palette of `--art varied`, its background white or of a colour."""
    while True:
        palette = _any_palette(rng, white_paper)
        if all(distance(getattr(palette, a), getattr(palette, b)) > d for a, b, d in _APART):
            return palette


def _any_palette(rng: np.random.Generator, white_paper: bool) -> Palette:
    strength = between(rng, 0.45, 1.0) if rng.random() < 0.5 else 1.0  # of all cloth's colour
    hues = [_hue(rng)]
    hues.append(hues[0] + float(rng.choice([0.0, 0.08, 0.33, 0.5, 0.67])))

    def cloth(shares: tuple[float, ...] = (0.36, 0.2, 0.12, 0.1, 0.16, 0.06)) -> RGB:
        hue = hues[int(rng.integers(2))] if rng.random() < 0.65 else _hue(rng)
        return _cloth(rng, hue, strength, shares)

    skin, hair, clothes = _skin(rng), _hair(rng), cloth()
    background, backdrop = _paper(rng, white_paper)
    accents = (0.35, 0.1, 0.25, 0.05, 0.13, 0.12)
    trim, ribbon, accessory = cloth(accents), cloth(accents), cloth(accents)
    bottoms = clothes if rng.random() < 0.3 else cloth((0.25, 0.22, 0.1, 0.1, 0.3, 0.03))
    legwear = pick_color(rng, (trim, WHITE, _grey(rng, 0.05, 0.25), cloth()))
    shoes = pick_color(rng, (_leather(rng), _grey(rng, 0.05, 0.3), ribbon, cloth()))
    return Palette(
        background=background,
        backdrop=backdrop,
        skin=skin,
        blush=mix(skin, (230, 80, 90), between(rng, 0.15, 0.4)),
        hair=hair,
        eyes=_eyes(rng),
        eye_white=mix(WHITE, skin, between(rng, 0.0, 0.12)),
        glint=WHITE,
        mouth=hsv(between(rng, 0.94, 1.03), between(rng, 0.4, 0.75), between(rng, 0.5, 0.9)),
        clothes=clothes,
        trim=trim,
        ribbon=ribbon,
        accessory=accessory,
        ink=_ink(rng, hair),
        bottoms=bottoms,
        legwear=legwear,
        shoes=shoes,
    )


def furred(palette: Palette, rng: np.random.Generator) -> Palette:
    """The palette of a mascot: its hair is the fur, its skin the belly and the snout."""
    fur = palette.hair
    if rng.random() < 0.5:
        fur = hsv(rng.random(), between(rng, 0.35, 0.9), between(rng, 0.5, 1.0))
    light = mix(fur, WHITE, between(rng, 0.45, 0.9))
    cream = hsv(between(rng, 0.06, 0.15), between(rng, 0.1, 0.5), between(rng, 0.85, 1.0))
    belly = light if rng.random() < 0.5 else cream
    if distance(fur, belly) < 40:
        belly = mix(fur, (40, 30, 30), 0.55)
    return replace(palette, hair=fur, skin=belly, blush=mix(belly, (230, 80, 90), 0.3))


def _hue(rng: np.random.Generator) -> float:
    """Of cloth: often from red to yellow, or blue."""
    centre, spread = {"any": (0.5, 0.5), "warm": (0.05, 0.08), "blue": (0.61, 0.07)}[
        pick(rng, ("any", "warm", "blue"), (0.5, 0.28, 0.22))
    ]
    return between(rng, centre - spread, centre + spread)


def pick_color(rng: np.random.Generator, colors: tuple[RGB, ...]) -> RGB:
    """One of several colours."""
    return colors[int(rng.integers(len(colors)))]


def _skin(rng: np.random.Generator) -> RGB:
    if rng.random() < 0.08:  # blue, green, violet or grey folk
        return hsv(rng.random(), between(rng, 0.12, 0.5), between(rng, 0.5, 0.95))
    depth = float(rng.random() ** 2.4)
    tone = mix((255, 234, 220), (92, 56, 40), depth)
    return mix(tone, (250, 175, 130), between(rng, 0.0, 0.35))


def _hair(rng: np.random.Generator) -> RGB:
    kinds = ("brown", "blond", "black", "grey", "white", "red", "vivid", "pastel")
    match pick(rng, kinds, (0.22, 0.14, 0.2, 0.05, 0.09, 0.08, 0.14, 0.08)):
        case "brown":
            return hsv(between(rng, 0.03, 0.09), between(rng, 0.35, 0.75), between(rng, 0.2, 0.6))
        case "blond":
            return hsv(between(rng, 0.09, 0.14), between(rng, 0.3, 0.75), between(rng, 0.75, 1.0))
        case "black":
            return hsv(rng.random(), between(rng, 0.0, 0.5), between(rng, 0.06, 0.26))
        case "grey":
            return _grey(rng, 0.35, 0.75)
        case "white":
            return hsv(rng.random(), between(rng, 0.0, 0.1), between(rng, 0.85, 1.0))
        case "red":
            return hsv(between(rng, -0.02, 0.07), between(rng, 0.65, 0.95), between(rng, 0.5, 0.95))
        case "vivid":
            return hsv(rng.random(), between(rng, 0.5, 0.9), between(rng, 0.45, 0.95))
        case _:
            return hsv(rng.random(), between(rng, 0.15, 0.42), between(rng, 0.82, 1.0))


def _cloth(rng: np.random.Generator, hue: float, strength: float, shares: tuple[float, ...]) -> RGB:
    match pick(rng, ("vivid", "muted", "white", "grey", "dark", "gold"), shares):
        case "vivid":
            return hsv(hue, strength * between(rng, 0.55, 0.95), between(rng, 0.5, 0.95))
        case "muted":
            return hsv(hue, strength * between(rng, 0.15, 0.5), between(rng, 0.35, 0.8))
        case "white":
            return hsv(hue, between(rng, 0.0, 0.12), between(rng, 0.9, 1.0))
        case "grey":
            return _grey(rng, 0.3, 0.8)
        case "dark":
            return hsv(hue, between(rng, 0.1, 0.75), between(rng, 0.07, 0.35))
        case _:
            return hsv(between(rng, 0.09, 0.15), between(rng, 0.5, 0.85), between(rng, 0.65, 0.95))


def _grey(rng: np.random.Generator, low: float, high: float) -> RGB:
    return hsv(rng.random(), between(rng, 0.0, 0.12), between(rng, low, high))


def _leather(rng: np.random.Generator) -> RGB:
    return hsv(between(rng, 0.03, 0.1), between(rng, 0.35, 0.7), between(rng, 0.2, 0.55))


def _eyes(rng: np.random.Generator) -> RGB:
    if rng.random() < 0.35:  # brown to black
        return hsv(between(rng, 0.02, 0.1), between(rng, 0.3, 0.8), between(rng, 0.1, 0.45))
    return hsv(rng.random(), between(rng, 0.35, 0.9), between(rng, 0.4, 0.95))


def _ink(rng: np.random.Generator, hair: RGB) -> RGB:
    match pick(rng, ("black", "dark", "brown", "colored"), (0.4, 0.3, 0.18, 0.12)):
        case "black":
            return hsv(rng.random(), between(rng, 0.0, 0.3), between(rng, 0.0, 0.1))
        case "dark":
            return hsv(rng.random(), between(rng, 0.1, 0.7), between(rng, 0.12, 0.3))
        case "brown":
            return hsv(between(rng, 0.0, 0.08), between(rng, 0.4, 0.8), between(rng, 0.2, 0.5))
        case _:
            return mix(hair, (20, 10, 40), between(rng, 0.5, 0.8))


def _paper(rng: np.random.Generator, white: bool) -> tuple[RGB, RGB]:
    """Background and backdrop."""
    hue = rng.random()
    if white:
        return WHITE, hsv(hue, between(rng, 0.03, 0.2), between(rng, 0.88, 1.0))
    match pick(rng, ("pale", "mid", "dark"), (0.4, 0.4, 0.2)):
        case "pale":
            background = hsv(hue, between(rng, 0.05, 0.3), between(rng, 0.85, 1.0))
        case "mid":
            background = hsv(hue, between(rng, 0.2, 0.65), between(rng, 0.5, 0.9))
        case _:
            background = hsv(hue, between(rng, 0.1, 0.7), between(rng, 0.12, 0.4))
    towards = hsv(rng.random(), between(rng, 0.1, 0.7), between(rng, 0.3, 1.0))
    return background, mix(background, towards, between(rng, 0.35, 0.8))
