"""The colours of drawn characters: a base colour for every region, by lot."""

from dataclasses import dataclass, fields

import numpy as np

from colorizer.characters.lots import RGB, between, distance, hsv, mix, pick


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
    bottoms: RGB
    legwear: RGB
    shoes: RGB


REGIONS = tuple(field.name for field in fields(Palette))


def sample_palette(rng: np.random.Generator) -> Palette:
    """A palette whose neighbouring regions can be told apart."""
    while True:
        palette = _any_palette(rng)
        if all(distance(getattr(palette, a), getattr(palette, b)) > 70 for a, b in _NEIGHBOURS):
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
        blush=mix(skin, (235, 80, 90), 0.32),
        hair=_hair(rng),
        eyes=hsv(rng.random(), between(rng, 0.35, 0.95), between(rng, 0.45, 0.95)),
        eye_white=mix((255, 255, 255), skin, 0.06),
        glint=(255, 255, 255),
        mouth=hsv(between(rng, 0.95, 1.02), between(rng, 0.45, 0.7), between(rng, 0.6, 0.9)),
        clothes=(clothes := _cloth(rng)),
        trim=(trim := _cloth(rng)),
        ribbon=(ribbon := _cloth(rng)),
        accessory=_cloth(rng),
        ink=hsv(rng.random(), between(rng, 0.0, 0.5), between(rng, 0.05, 0.14)),
        bottoms=clothes,  # portraits end above; who is drawn in these colours may need them
        legwear=trim,
        shoes=ribbon,
    )


def _skin(rng: np.random.Generator) -> RGB:
    if rng.random() < 0.06:  # fantasy: blue, green, violet or grey folk
        return hsv(rng.random(), between(rng, 0.12, 0.35), between(rng, 0.7, 0.95))
    depth = rng.random() ** 2.4
    tone = mix((255, 232, 216), (112, 70, 48), float(depth))
    return mix(tone, (255, 190, 150), between(rng, 0.0, 0.25))


def _hair(rng: np.random.Generator) -> RGB:
    kind = pick(rng, ("natural", "vivid", "pastel", "dark", "white"), (0.3, 0.3, 0.2, 0.1, 0.1))
    if kind == "natural":  # from blond through red to brown
        return hsv(between(rng, 0.03, 0.13), between(rng, 0.4, 0.8), between(rng, 0.3, 0.95))
    if kind == "vivid":
        return hsv(rng.random(), between(rng, 0.55, 0.9), between(rng, 0.5, 0.95))
    if kind == "pastel":
        return hsv(rng.random(), between(rng, 0.18, 0.42), between(rng, 0.82, 1.0))
    if kind == "dark":
        return hsv(rng.random(), between(rng, 0.1, 0.5), between(rng, 0.3, 0.42))
    return hsv(rng.random(), between(rng, 0.0, 0.1), between(rng, 0.8, 0.97))


def _cloth(rng: np.random.Generator) -> RGB:
    kind = pick(rng, ("vivid", "muted", "light", "dark"), (0.35, 0.25, 0.22, 0.18))
    if kind == "vivid":
        return hsv(rng.random(), between(rng, 0.55, 0.9), between(rng, 0.6, 0.95))
    if kind == "muted":
        return hsv(rng.random(), between(rng, 0.15, 0.5), between(rng, 0.45, 0.8))
    if kind == "light":
        return hsv(rng.random(), between(rng, 0.0, 0.15), between(rng, 0.88, 1.0))
    return hsv(rng.random(), between(rng, 0.2, 0.7), between(rng, 0.3, 0.45))


def _background(rng: np.random.Generator) -> RGB:
    kind = pick(rng, ("white", "pale", "mid", "dark"), (0.12, 0.45, 0.3, 0.13))
    if kind == "white":
        return hsv(rng.random(), 0.02, 0.98)
    if kind == "pale":
        return hsv(rng.random(), between(rng, 0.08, 0.3), between(rng, 0.85, 1.0))
    if kind == "mid":
        return hsv(rng.random(), between(rng, 0.25, 0.65), between(rng, 0.6, 0.9))
    return hsv(rng.random(), between(rng, 0.2, 0.7), between(rng, 0.18, 0.4))


def _backdrop(rng: np.random.Generator, background: RGB) -> RGB:
    towards = hsv(rng.random(), between(rng, 0.1, 0.7), between(rng, 0.5, 1.0))
    return mix(background, towards, between(rng, 0.35, 0.7))
