"""Hair of drawn characters: what hangs behind the head, beside it, and over the forehead."""

import numpy as np

from colorizer.characters.canvas import Canvas, Frame, Points, bend, ellipse, mirror, smooth
from colorizer.characters.hands import LIGHT, SHADOW
from colorizer.characters.tails import draw_braid, draw_bun, draw_ponytail, draw_twin_tail
from colorizer.characters.traits import EAR_SHOWING_CUTS, Character

_SIDE_LENGTH = {
    "short": 0.62,
    "spiky": 0.55,
    "bob": 1.0,
    "long": 1.75,
    "wavy": 1.5,
    "twin_tails": 0.95,
    "ponytail": 0.8,
    "buns": 0.9,
    "braids": 0.75,
}

# Right half of the hair behind the head, from the crown down to the middle of its lower edge.
_BACK = {
    "short": [(0, -1.3), (0.8, -1.1), (1.1, -0.4), (1.1, 0.3), (0.9, 0.72), (0.45, 0.95), (0, 1.0)],
    "spiky": [(0, -1.2), (0.8, -1.0), (1.06, -0.4), (1.1, 0.3), (0.95, 0.7), (0.5, 0.9), (0, 1.0)],
    "bob": [
        (0, -1.3),
        (0.85, -1.1),
        (1.24, -0.3),
        (1.36, 0.5),
        (1.2, 1.1),
        (0.75, 1.22),
        (0, 1.15),
    ],
    "long": [(0, -1.3), (0.85, -1.1), (1.24, -0.3), (1.36, 0.6), (1.5, 1.8), (1.55, 2.7), (0, 2.7)],
    "wavy": [
        *[(0, -1.3), (0.85, -1.1), (1.28, -0.3), (1.34, 0.3), (1.58, 0.8), (1.48, 1.25)],
        *[(1.75, 1.75), (1.6, 2.2), (1.62, 2.5), (1.1, 2.65), (0, 2.55)],
    ],
    "braids": [
        (0, -1.3),
        (0.85, -1.1),
        (1.16, -0.3),
        (1.16, 0.4),
        (1.0, 0.85),
        (0.5, 1.0),
        (0, 1.0),
    ],
}
_BACK |= dict.fromkeys(("twin_tails", "ponytail", "buns"), _BACK["short"])

# Lower edge of the hair over the forehead, left to right: where locks part, and their tips.
_FRINGE = {
    "blunt": (
        [(-0.74, -0.12), (-0.42, -0.14), (-0.12, -0.16), (0.2, -0.15), (0.5, -0.14), (0.76, -0.12)],
        [(-0.56, 0.0), (-0.26, -0.03), (0.03, -0.03), (0.35, -0.03), (0.62, -0.01)],
    ),
    "swept": (
        [(-0.8, -0.12), (-0.42, -0.3), (-0.02, -0.42), (0.48, -0.85), (0.84, -0.3)],
        [(-0.74, 0.14), (-0.4, 0.06), (0.1, -0.02), (0.82, 0.06)],
    ),
    "parted": (
        [(-0.82, -0.2), (-0.42, -0.5), (0.0, -0.98), (0.42, -0.5), (0.82, -0.2)],
        [(-0.82, 0.12), (-0.52, -0.04), (0.52, -0.04), (0.82, 0.12)],
    ),
    "jagged": (
        [(-0.78, -0.2), (-0.38, -0.35), (-0.02, -0.42), (0.38, -0.36), (0.78, -0.2)],
        [(-0.6, 0.08), (-0.28, 0.06), (0.1, 0.16), (0.52, 0.04)],
    ),
    "strand": (
        [(-0.76, -0.3), (-0.15, -0.6), (0.17, -0.62), (0.76, -0.3)],
        [(-0.55, -0.04), (0.03, 0.2), (0.56, -0.03)],
    ),
}

_PARTING = -0.55  # locks that part above this show the forehead

# Contour of spiky hair over the crown, right to left.
_SPIKE_ROOTS = [
    *[(1.16, -0.5), (1.05, -0.98), (0.55, -1.36)],
    *[(-0.08, -1.46), (-0.62, -1.3), (-1.06, -0.9), (-1.17, -0.42)],
]
_SPIKE_TIPS = [
    *[(1.45, -0.1), (1.5, -0.68), (1.2, -1.36), (0.36, -1.82)],
    *[(-0.5, -1.76), (-1.2, -1.38), (-1.5, -0.66), (-1.42, -0.06)],
]


def draw_back_hair(canvas: Canvas, hair: Frame, character: Character) -> None:
    """Everything behind the neck: ponytail, buns, and the mass of hair itself."""
    if character.hair == "ponytail":
        draw_ponytail(canvas, hair)
    if character.hair == "buns":
        for s in (-1, 1):
            draw_bun(canvas, hair, s)
    half = np.multiply(_BACK[character.hair], (character.volume, 1.0))
    outline = hair(smooth(mirror(half), closed=True), depth=-0.4)
    canvas.fill("hair", outline)
    canvas.shade(SHADOW, [hair(ellipse((0, 0.9), 1.08, 1.9), depth=-0.4)], only=("hair",))
    canvas.contour(outline, 1.3)
    if character.hair in ("long", "wavy"):
        for s in (-1, 1):
            for x in (1.16, 1.33):
                fall = [(s * x, 0.7), (s * (x + 0.04), 1.4), (s * (x + 0.06), 2.3)]
                canvas.stroke(hair(smooth(fall), depth=-0.4), 0.6, ends=(0.0, 0.1))


def draw_hanging_hair(canvas: Canvas, hair: Frame, character: Character) -> None:
    """Tails and braids that fall in front of the shoulders."""
    for s in (-1, 1):
        if character.hair == "twin_tails":
            draw_twin_tail(canvas, hair, s)
        if character.hair == "braids":
            draw_braid(canvas, hair, s)


def front_hair_edges(
    hair: Frame, character: Character
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Canvas curves around the hair over skull and forehead: the crown's, and the fringe's.

    One after the other they make the closed outline.
    """
    valleys, tips = _fringe(character)
    fringe = [hair(edge, depth=_forehead_depth(edge)) for edge in _lock_edges(valleys, tips)]
    return [hair(edge) for edge in _crown_edges(character, valleys)], fringe


def draw_front_hair(canvas: Canvas, hair: Frame, character: Character) -> None:
    """Side locks, then the hair over skull and forehead with its shine and strands."""
    for s in (-1, 1):
        _side_lock(canvas, hair, character, s)
    crown, fringe = front_hair_edges(hair, character)
    outline = np.concatenate(crown + fringe)
    canvas.fill("hair", outline)
    canvas.shade_edge(outline, only=("hair",), width=0.018)
    _shine(canvas, hair, character)
    for edge in crown:
        canvas.stroke(edge, 1.3, ends=(0.6, 0.6))
    for edge in fringe:
        canvas.stroke(edge, 0.95, ends=(0.5, 0.5))
    _strands(canvas, hair, character)


def _fringe(character: Character) -> tuple[np.ndarray, np.ndarray]:
    valleys, tips = (np.array(points) for points in _FRINGE[character.fringe])
    rng = np.random.default_rng([character.seed, 2])
    tips = tips + rng.uniform(-0.04, 0.04, tips.shape)
    if rng.random() < 0.5:
        valleys, tips = valleys[::-1] * (-1, 1), tips[::-1] * (-1, 1)
    # The outermost lock on each side ends before the ear, or covers it.
    end, tip = (1.04, 0.9) if character.hair in EAR_SHOWING_CUTS else (1.12, 1.0)
    valleys = np.concatenate([[(-end, -0.12)], valleys, [(end, -0.12)]])
    tips = np.concatenate([[(-tip, 0.36)], tips, [(tip, 0.36)]])
    return valleys, tips


def _lock_edges(valleys: np.ndarray, tips: np.ndarray) -> list[np.ndarray]:
    edges = []
    for left, tip, right in zip(valleys[:-1], tips, valleys[1:], strict=True):
        # A lock that leans to one side is round on the other; hair arches away from a parting.
        lean = np.clip((2 * tip[0] - left[0] - right[0]) / (right[0] - left[0]), -1, 1)
        from_parting = left[1] < _PARTING < right[1]
        to_parting = right[1] < _PARTING < left[1]
        edges.append(bend(left, tip, 0.1 if from_parting else -0.07 - 0.13 * lean))
        edges.append(bend(tip, right, 0.1 if to_parting else -0.07 + 0.13 * lean))
    return edges


def _forehead_depth(points: Points) -> np.ndarray:
    return 0.95 * np.clip((1.12 - np.abs(np.asarray(points)[:, 0])) / 0.5, 0, 1)


def _crown_edges(character: Character, valleys: np.ndarray) -> list[np.ndarray]:
    """Contour over the crown, right to left."""
    v = character.volume
    right, left = valleys[-1], valleys[0]
    if character.hair != "spiky":
        arc = np.multiply([(1.17, -0.45), (1.02, -0.95), (0.58, -1.32), (0, -1.44)], v)
        return [smooth([right, *arc, *(arc[-2::-1] * (-1, 1)), left])]
    roots = [right, *np.multiply(_SPIKE_ROOTS, v), left]
    edges = []
    for root, tip, end in zip(roots[:-1], np.multiply(_SPIKE_TIPS, v), roots[1:], strict=True):
        # Spikes are round below and hollow above, so they point up.
        first, second = (-0.14, 0.1) if tip[0] > 0 else (0.1, -0.14)
        edges += [bend(root, tip, first), bend(tip, end, second)]
    return edges


def _shine(canvas: Canvas, hair: Frame, character: Character) -> None:
    rng = np.random.default_rng([character.seed, 3])
    x = np.linspace(-0.86, 0.86, 13)
    upper = -1.02 + 0.28 * x**2
    lower = upper + 0.2 * np.sqrt(1 - (x / 0.87) ** 2)
    lower[1::2] += rng.uniform(0.03, 0.1, 6)
    lower[2:-1:2] -= rng.uniform(0.05, 0.1, 5)
    band = np.stack([np.r_[x, x[::-1]], np.r_[upper, lower[::-1]]], axis=1)
    canvas.shade(LIGHT, [hair(band, depth=0.8)], only=("hair",))


def _strands(canvas: Canvas, hair: Frame, character: Character) -> None:
    valleys, tips = _fringe(character)
    crown = np.array([valleys[np.argmin(valleys[:, 1]), 0] * 0.8, -1.35])
    for valley in valleys[1:-1]:
        share = 0.9 if valley[1] < -0.8 else 0.55
        strand = bend(
            valley, valley + share * (crown - valley), 0.12 * np.sign(valley[0] - crown[0])
        )
        canvas.stroke(hair(strand, depth=_forehead_depth(strand)), 0.75, ends=(1.0, 0.0))
    for tip in tips[1:-1:2]:
        start, end = tip + 0.1 * (crown - tip), tip + 0.42 * (crown - tip)
        inside = bend(start, end, 0.1 * np.sign(tip[0] - crown[0]))
        canvas.stroke(hair(inside, depth=_forehead_depth(inside)), 0.6, ends=(0.0, 0.0))


def _side_lock(canvas: Canvas, hair: Frame, character: Character, s: int) -> None:
    length = _SIDE_LENGTH[character.hair]
    if character.hair in EAR_SHOWING_CUTS:
        out, inner = 0.97, 0.8
    else:
        out, inner = 1.15 * character.volume, 0.85
    wave = 0.1 if character.hair == "wavy" else 0.0
    tip = (s * (out - 0.1 + wave), length)
    outer = [(s * (out - 0.05), -0.5), (s * out, 0.1), (s * (out + wave), 0.62 * length), tip]
    inside = [tip, (s * (inner + wave), 0.6 * length), (s * (inner - wave), 0.1), (s * inner, -0.5)]
    edges = [hair(smooth(edge), depth=0.3) for edge in (outer, inside)]
    outline = np.concatenate(edges)
    canvas.fill("hair", outline)
    canvas.shade_edge(outline, only=("hair",), width=0.014)
    for edge in edges:
        canvas.stroke(edge, 1.0, ends=(0.4, 0.4))
    middle = (out + inner) / 2
    strand = smooth(
        [(s * middle, 0.1), (s * middle, 0.4 * length), (s * (middle + wave), 0.75 * length)]
    )
    canvas.stroke(hair(strand, depth=0.3), 0.6, ends=(0.0, 0.0))
