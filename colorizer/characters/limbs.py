"""Arms and legs: joints by pose, tubes along them, hands and feet."""

from dataclasses import dataclass

import numpy as np

from colorizer.characters.canvas import Canvas, Frame, Points, ellipse, smooth

# Degrees from straight down, outwards positive: of the upper and the lower half.
_ARM_ANGLES = {
    "hanging": (13, 6),
    "on_hip": (42, -48),
    "raised": (128, 158),
    "wave": (62, 164),
    "bent": (14, 66),
    "crossed": (22, -98),
    "out": (68, 78),
    "behind": (24, -34),
    "chest": (26, -128),
}
_LEG_ANGLES = {
    "stand": ((3, 2), (3, 2)),
    "apart": ((13, 9), (13, 9)),
    "step": ((4, 2), (24, 4)),
    "crossed": ((-3, -5), (5, 2)),
    "kick": ((4, 3), (46, -28)),
}
_SWING = 9  # degrees, at most, that an angle differs from its pose

_ROUND = np.array([[1.0, 0.866, 0.5], [0.0, 0.5, 0.866]])[..., None]  # a quarter circle

_MEETING = len(_ROUND[0])  # points of an edge before its limb's sides begin

ARM_LENGTHS = (1.62, 1.5)
_HAND = [
    *[(-0.17, -0.05), (-0.25, 0.25), (-0.21, 0.52), (-0.02, 0.64)],
    *[(0.17, 0.54), (0.23, 0.25), (0.17, -0.05)],
]
_FOOT = [
    *[(-0.27, -0.45), (-0.3, 0.1), (-0.28, 0.42), (0.1, 0.5), (0.55, 0.48), (0.66, 0.3)],
    *[(0.5, 0.1), (0.31, -0.05), (0.27, -0.45)],
]


@dataclass(frozen=True)
class Limb:
    """A bent tube in body coordinates."""

    middle: np.ndarray  # (N, 2), from the shoulder or hip to the wrist or ankle
    normal: np.ndarray  # (N, 2), unit vectors to the left of the way
    half: np.ndarray  # (N,) half widths

    @property
    def end(self) -> np.ndarray:
        """The wrist or ankle, (2,)."""
        return self.middle[-1]

    def direction(self) -> np.ndarray:
        """Where hand or foot points, a unit vector (2,)."""
        along = self.middle[-1] - self.middle[-3]
        return along / np.hypot(*along)

    def edges(
        self, start: float, end: float, wider: float | np.ndarray = 1.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Both edges, (M, 2), of the part between two shares of the way.

        Where the limb begins they meet in a round end.
        """
        part = self._part(start, end)
        half = self.half[part] * wider
        aside = self.normal[part] * half[:, None]
        left, right = self.middle[part] + aside, self.middle[part] - aside
        if start > 0:
            return left, right
        back = self.middle[0] - self.middle[1]
        back *= half[0] / np.hypot(*back)
        top, side = self.middle[0] + back * _ROUND[0], aside[0] * _ROUND[1]
        return np.concatenate([top + side, left]), np.concatenate([top - side, right])

    def count(self, start: float, end: float) -> int:
        """How many widths `edges` takes of that part."""
        return len(self.middle[self._part(start, end)])

    def _part(self, start: float, end: float) -> slice:
        last = len(self.middle) - 1
        first = round(start * last)
        return slice(first, max(round(end * last), first + 1) + 1)


def arm(shoulder: np.ndarray, s: int, pose: str, swing: float, width: float) -> Limb:
    """The arm on side `s` (-1 left, 1 right)."""
    upper, lower = _ARM_ANGLES[pose]
    angles = (upper + _SWING * swing, lower + 1.3 * _SWING * swing)
    return _limb(shoulder, s, angles, ARM_LENGTHS, width * np.array([0.36, 0.31, 0.27, 0.2]))


def leg(hip: np.ndarray, s: int, pose: str, swing: float, width: float, length: float) -> Limb:
    """The leg on side `s`; `length` 1 is that of a tall figure."""
    upper, lower = _LEG_ANGLES[pose][s > 0]
    angles = (upper + 0.4 * _SWING * swing, lower + 0.3 * _SWING * swing)
    halves = width * np.array([0.56, 0.46, 0.36, 0.24])
    return _limb(hip, s, angles, (3.0 * length, 3.1 * length), halves)


def _limb(
    start: np.ndarray,
    s: int,
    angles: tuple[float, float],
    lengths: tuple[float, float],
    halves: np.ndarray,
) -> Limb:
    turn = np.radians(np.asarray(angles, float))
    ways = np.stack([s * np.sin(turn), np.cos(turn)], axis=1) * np.array(lengths)[:, None]
    joint, end = start + ways[0], start + ways[0] + ways[1]
    knots = [start, start + 0.6 * ways[0], joint, joint + 0.4 * ways[1], end]
    middle = smooth(np.stack(knots))
    along = np.gradient(middle, axis=0)
    along /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)[:, None]
    normal = np.stack([along[:, 1], -along[:, 0]], axis=1)
    t = np.linspace(0, 1, len(middle))
    return Limb(middle, normal, np.interp(t, (0, 0.35, 0.65, 1), halves))


def draw_tube(
    canvas: Canvas,
    body: Frame,
    region: str,
    edges: tuple[np.ndarray, np.ndarray],
    cuff: bool = False,
    weight: float = 1.1,
) -> None:
    """A part of a limb, open where it begins, and where it ends unless it has a `cuff`."""
    # A limb grows out of the body: inside, where its edges meet, it has no line.
    inner, outer = sorted(edges, key=lambda edge: abs(float(edge[min(_MEETING, len(edge) - 1), 0])))
    met = np.array_equal(inner[0], outer[0])
    outline = np.concatenate([body(inner), body(outer[::-1])])
    canvas.fill(region, outline)
    canvas.shade_edge(outline, only=(region,), width=0.022)
    canvas.stroke(body(outer), weight, ends=(0.6, 1.0))
    begin = _MEETING + 1 if met else 0
    canvas.stroke(body(inner[begin:]), weight, ends=(0.2, 1.0))
    if cuff:
        canvas.stroke(body(np.stack([inner[-1], outer[-1]])), 0.9, ends=(1.0, 1.0))


def draw_hand(canvas: Canvas, body: Frame, limb: Limb, s: int, region: str, width: float) -> None:
    """A hand at the end of an arm, its thumb towards the body."""
    thumb = smooth(
        [(-0.14 * s, 0.05), (-0.36 * s, 0.2), (-0.34 * s, 0.42), (-0.16 * s, 0.34)], True
    )
    place = _placing(limb, width)
    for part in (thumb, smooth(_HAND)):
        outline = body(place(part))
        canvas.fill(region, outline)
        canvas.shade_edge(outline, only=(region,), width=0.012)
        canvas.stroke(outline, 0.95, ends=(0.8, 0.8))
    for x in (-0.08, 0.06):
        canvas.stroke(body(place([(x, 0.36), (x * 1.2, 0.58)])), 0.6, ends=(0.2, 0.8))


def draw_foot(canvas: Canvas, body: Frame, limb: Limb, s: int, region: str, width: float) -> None:
    """A shoe or bare foot at the end of a leg, its toes outwards."""
    place = _placing(limb, width, upright=0.6)
    outline = body(place(smooth(np.multiply(_FOOT, (s, 1.0)))))
    canvas.piece(region, outline, 0.014, 1.1)


def _placing(limb: Limb, width: float, upright: float = 0.0):
    """Points around the end of a limb, y along it, to body coordinates."""
    down = (1 - upright) * limb.direction() + upright * np.array([0.0, 1.0])
    down /= np.hypot(*down)
    across = np.array([down[1], -down[0]])

    def place(points: Points) -> np.ndarray:
        x, y = width * np.asarray(points, float).T
        return limb.end + x[:, None] * across + y[:, None] * down

    return place


def draw_ball(canvas: Canvas, body: Frame, region: str, centre: np.ndarray, radius: float) -> None:
    """A round paw or foot."""
    outline = body(ellipse((float(centre[0]), float(centre[1])), radius, 0.85 * radius))
    canvas.piece(region, outline, 0.014, 1.1)
