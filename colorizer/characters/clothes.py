"""Neck and clothes of drawn characters."""

import numpy as np

from colorizer.characters.canvas import Canvas, Frame, Points, bend, ellipse, mirror, smooth
from colorizer.characters.hands import SHADOW
from colorizer.characters.traits import Character

_CHEST = 0.6  # depth of collars and ribbons
_EDGE = 0.012  # of the side: how wide collars and ribbons are shaded

# From the middle outwards, right half.
NECKLINES = {
    "sailor": [(0, 2.3), (0.3, 1.85), (0.5, 1.45)],
    "hoodie": [(0, 2.0), (0.3, 1.8), (0.5, 1.45)],
    "suit": [(0, 3.3), (0.3, 2.4), (0.5, 1.45)],
    "kimono": [(0, 2.2), (0.3, 1.8), (0.5, 1.45)],
    "sweater": [(0, 1.6), (0.3, 1.55), (0.46, 1.42)],
}


def draw_behind_neck(canvas: Canvas, body: Frame, clothes: str) -> None:
    """What of the clothes stands up behind the neck."""
    if clothes == "hoodie":
        hood = body(
            smooth(mirror([(0, 0.75), (0.7, 0.85), (1.15, 1.3), (1.1, 1.9), (0, 2.2)]), True)
        )
        canvas.fill("trim", hood, tone=SHADOW)
        canvas.contour(hood, 1.2)


def draw_body(canvas: Canvas, body: Frame, character: Character) -> None:
    """Neck, chest and clothes."""
    _neck(canvas, body)
    draw_clothes = {
        "sailor": _sailor,
        "hoodie": _hoodie,
        "suit": _suit,
        "dress": _dress,
        "kimono": _kimono,
        "sweater": _sweater,
    }[character.clothes]
    draw_clothes(canvas, body, character.shoulders)


def draw_collar(canvas: Canvas, body: Frame, clothes: str, shoulders: float) -> None:
    """What lies round the neck and on the chest of `NECKLINES`' clothes, without the clothes."""
    draw = {
        "sailor": _sailor_collar,
        "hoodie": _hood,
        "suit": _lapels,
        "kimono": _kimono_collar,
        "sweater": _roll_neck,
    }[clothes]
    draw(canvas, body, shoulders)


def _neck(canvas: Canvas, body: Frame) -> None:
    side = smooth([(0.35, 0.5), (0.35, 1.15), (0.42, 1.42), (0.8, 1.6)])
    chest = [(1.2, 1.75), (1.2, 3.0), (0, 3.0)]
    canvas.fill("skin", body(mirror(np.concatenate([[(0, 0.5)], side, chest]))))
    for s in (-1, 1):
        canvas.stroke(body(side * (s, 1)), 1.0, ends=(1.0, 0.6))
        bone = bend((s * 0.14, 1.72), (s * 0.62, 1.66), s * 0.12)
        canvas.stroke(body(bone, _CHEST), 0.6, ends=(0.6, 0.0))


def _torso(canvas: Canvas, body: Frame, shoulders: float, neckline: Points) -> None:
    """Clothes from `neckline` (right half, from the middle outwards) down past the picture."""
    w = shoulders
    sides = smooth(
        [neckline[-1], (1.05 * w, 1.68), (1.5 * w, 1.95), (1.72 * w, 2.5), (1.9 * w, 4.6)]
    )
    half = np.concatenate([smooth(neckline), sides, [(0, 4.6)]])
    outline = body(mirror(half))
    canvas.fill("clothes", outline)
    canvas.shade_edge(outline, only=("clothes",), width=0.035)
    for s in (-1, 1):
        mirrored = np.array([s, 1.0])
        canvas.stroke(body(smooth(neckline) * mirrored), 1.0, ends=(1.0, 1.0))
        canvas.stroke(body(sides * mirrored), 1.3, ends=(0.6, 1.0))
        arm = smooth(np.array([(1.12 * w, 2.6), (1.22 * w, 3.2), (1.25 * w, 4.6)]) * mirrored)
        crease = np.concatenate(
            [arm, smooth(np.array([(1.5 * w, 4.6), (1.34 * w, 3.2)]) * mirrored)]
        )
        canvas.shade(SHADOW, [body(crease)], only=("clothes",))
        canvas.stroke(body(arm), 0.9, ends=(0.0, 1.0))
        fold = bend((s * 1.3 * w, 2.2), (s * 1.14 * w, 2.5), -s * 0.12)
        canvas.stroke(body(fold), 0.6, ends=(0.0, 0.3))


def _bow(canvas: Canvas, body: Frame, x: float, y: float, r: float, tails: bool) -> None:
    """A ribbon bow with its knot at (x, y) and loops about `r` long."""
    for s in (-1, 1):
        place = np.array([s * r, r])
        if tails:
            tail = [(0.05, 0.1), (0.35, 0.75), (0.55, 1.25), (0.28, 1.2), (0.12, 1.4), (0.0, 0.6)]
            canvas.piece("ribbon", body(place * tail + (x, y), _CHEST), _EDGE)
        loop = smooth(
            [(0.08, 0), (0.55, -0.42), (1.0, -0.45), (1.05, 0.1), (0.95, 0.45), (0.5, 0.3)], True
        )
        canvas.piece("ribbon", body(place * loop + (x, y), _CHEST), _EDGE)
        fold = bend((s * 0.2 * r + x, y), (s * 0.65 * r + x, y - 0.06 * r), 0.15 * s)
        canvas.stroke(body(fold, _CHEST), 0.6, ends=(0.6, 0.0))
    canvas.piece("ribbon", body(ellipse((x, y), 0.2 * r, 0.24 * r), _CHEST), _EDGE)


def _sailor(canvas: Canvas, body: Frame, w: float) -> None:
    _torso(canvas, body, w, NECKLINES["sailor"])
    _sailor_collar(canvas, body, w)


def _sailor_collar(canvas: Canvas, body: Frame, w: float) -> None:
    for s in (-1, 1):
        side = np.array([s, 1.0])
        edge = smooth([(0.42, 1.38), (0.34, 1.8), (0.02, 2.42)])
        outer = smooth([(0.02, 2.42), (0.5, 2.3), (1.05 * w, 2.2)])
        shoulder = smooth(
            [(1.05 * w, 2.2), (1.12 * w, 1.9), (1.0 * w, 1.66), (0.62, 1.5), (0.42, 1.38)]
        )
        flap = body(np.concatenate([edge, outer, shoulder]) * side, _CHEST)
        canvas.piece("trim", flap, _EDGE)
        stripe = smooth([(0.5, 1.62), (0.46, 1.9), (0.3, 2.2)]) * side
        stripe2 = smooth([(0.3, 2.2), (0.6, 2.15), (0.95 * w, 2.06)]) * side
        for line in (stripe, stripe2):
            canvas.stroke(body(line, _CHEST), 0.6, ends=(0.8, 0.8))
    _bow(canvas, body, 0, 2.42, 0.5, tails=True)


def _hoodie(canvas: Canvas, body: Frame, w: float) -> None:
    _torso(canvas, body, w, NECKLINES["hoodie"])
    _hood(canvas, body, w)
    canvas.stroke(body([(0, 2.3), (0, 4.6)], _CHEST), 0.9, ends=(0.8, 1.0))


def _hood(canvas: Canvas, body: Frame, w: float) -> None:
    for s in (-1, 1):
        side = np.array([s, 1.0])
        roll = [
            (0.0, 2.28),
            (0.3, 2.12),
            (0.75, 1.85),
            (0.98, 1.4),
            (0.72, 1.12),
            (0.5, 1.5),
            (0.25, 1.85),
            (0, 1.98),
        ]
        canvas.piece("clothes", body(smooth(roll, True) * side, _CHEST), _EDGE, 1.1)
        lining = smooth(
            [(0.7, 1.16), (0.52, 1.52), (0.28, 1.86), (0.02, 2.0), (0.2, 1.75), (0.42, 1.42)], True
        )
        canvas.piece("trim", body(lining * side, _CHEST), _EDGE)
        cord = smooth([(0.3, 2.1), (0.36, 2.45), (0.32, 2.85)])
        width = np.array([0.035, 0])
        string = np.concatenate([cord - width, (cord + width)[::-1]]) * side
        canvas.piece("ribbon", body(string, _CHEST), _EDGE, 0.8)


def _suit(canvas: Canvas, body: Frame, w: float) -> None:
    _torso(canvas, body, w, NECKLINES["suit"])
    _lapels(canvas, body, w)


def _lapels(canvas: Canvas, body: Frame, w: float) -> None:
    shirt = mirror(np.array([(0, 1.75), (0.3, 1.45), (0.48, 1.4), (0.42, 2.3), (0, 3.35)]))
    canvas.piece("trim", body(shirt, _CHEST), _EDGE)
    tie = [(0, 1.92), (0.13, 1.9), (0.1, 2.1), (0.2, 2.75), (0.0, 3.1)]
    canvas.piece("ribbon", body(mirror(tie), _CHEST), _EDGE)
    canvas.stroke(body(bend((-0.09, 2.1), (0.09, 2.1), -0.15), _CHEST), 0.8)
    for s in (-1, 1):
        side = np.array([s, 1.0])
        lapel = [
            (0.5, 1.44),
            (0.85, 1.85),
            (0.72, 2.05),
            (0.88, 2.15),
            (0.5, 2.75),
            (0.06, 3.35),
            (0.38, 2.3),
        ]
        canvas.piece("clothes", body(lapel * side, _CHEST), _EDGE)
        collar = [(0.36, 1.24), (0.5, 1.5), (0.42, 1.95), (0.02, 1.8), (0.2, 1.68)]
        canvas.piece("trim", body(collar * side, _CHEST), _EDGE)


def _dress(canvas: Canvas, body: Frame, w: float) -> None:
    for s in (-1, 1):
        arm = smooth(
            [(0.7, 1.56), (1.1 * w, 1.68), (1.45 * w, 1.92), (1.62 * w, 2.5), (1.72 * w, 4.6)]
        )
        whole = np.concatenate([arm, [(0.6, 4.6), (0.6, 1.6)]]) * (s, 1)
        canvas.fill("skin", body(whole))
        canvas.stroke(body(arm * (s, 1)), 1.2, ends=(0.6, 1.0))
        strap = np.array([(0.62, 1.56), (0.8, 1.6), (0.86, 2.4), (0.68, 2.4)])
        canvas.piece("clothes", body(strap * (s, 1), _CHEST), _EDGE)
    top = smooth([(0, 2.42), (0.35, 2.32), (0.7, 2.2), (1.08, 2.38)])
    bodice = np.concatenate([top, smooth([(1.1, 2.4), (1.12, 3.0), (1.1, 4.6)]), [(0, 4.6)]])
    canvas.piece("clothes", body(mirror(bodice), 0.3), _EDGE, 1.1)
    x = np.linspace(-1.1, 1.1, 23)
    edge = np.interp(np.abs(x), top[:, 0], top[:, 1])
    frill = np.stack([np.r_[x, x[::-1]], np.r_[edge - 0.06, edge[::-1] + 0.14]], axis=1)
    frill[1::2, 1] += np.where(np.arange(23) < 11, -0.05, 0.06)
    canvas.piece("trim", body(smooth(frill, True), 0.3), _EDGE, 0.8)
    _bow(canvas, body, 0, 2.56, 0.3, tails=False)


def _kimono(canvas: Canvas, body: Frame, w: float) -> None:
    _torso(canvas, body, w, NECKLINES["kimono"])
    _kimono_collar(canvas, body, w)
    sash = np.array([(0, 2.56), (0.6, 2.58), (1.16 * w, 2.62), (1.24 * w, 4.6), (0, 4.6)])
    canvas.piece("ribbon", body(mirror(sash)), _EDGE)
    canvas.stroke(body(bend((-1.18 * w, 2.76), (1.18 * w, 2.76), -0.015)), 0.7, ends=(1, 1))


def _kimono_collar(canvas: Canvas, body: Frame, w: float) -> None:
    for s in (1, -1):  # the wearer's left side lies on top
        inner = smooth([(0.42, 1.36), (0.34, 1.8), (-0.05, 2.35), (-0.5, 2.95)])
        outer = smooth([(-0.3, 3.0), (0.2, 2.45), (0.6, 1.9), (0.68, 1.5)])
        canvas.piece("trim", body(np.concatenate([inner, outer]) * (s, 1), _CHEST), _EDGE)


def _sweater(canvas: Canvas, body: Frame, w: float) -> None:
    _torso(canvas, body, w, NECKLINES["sweater"])
    x = np.linspace(-1.8, 1.8, 15) * w
    for y in (2.2, 2.62):
        sag = y + 0.08 * np.cos(x)
        band = np.stack([np.r_[x, x[::-1]], np.r_[sag, sag[::-1] + 0.2]], axis=1)
        _stripe(canvas, body(band))
    _roll_neck(canvas, body, w)


def _roll_neck(canvas: Canvas, body: Frame, w: float) -> None:
    collar = smooth(mirror([(0, 1.22), (0.38, 1.16), (0.47, 1.35), (0.5, 1.56), (0, 1.68)]), True)
    canvas.piece("trim", body(collar, 0.3), _EDGE, 1.1)
    for x in np.linspace(-0.34, 0.34, 6):
        canvas.stroke(body([(x, 1.32), (1.05 * x, 1.6)], 0.3), 0.55, ends=(0.3, 0.3))
    canvas.piece("ribbon", body(ellipse((0, 1.95), 0.1, 0.13), _CHEST), _EDGE, 0.9)


def _stripe(canvas: Canvas, band: np.ndarray) -> None:
    """A band woven into the clothes keeps their folds."""
    half = len(band) // 2
    canvas.dye("trim", band, only=("clothes",))
    for edge in (band[:half], band[half:]):
        canvas.stroke(edge, 0.8, (1, 1), only=("clothes", "trim"))
