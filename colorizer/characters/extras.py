"""Backdrops and accessories of drawn characters."""

import numpy as np

from colorizer.characters.canvas import Canvas, Frame, bend, ellipse, smooth
from colorizer.characters.hands import SHADOW
from colorizer.characters.traits import Character

_ON_HAIR = 0.75  # depth
_EDGE = 0.01  # of the side: how wide accessories are shaded


def draw_backdrop(canvas: Canvas, kind: str) -> None:
    """A simple two-colour pattern behind the character; "flat" leaves the background alone."""
    side = canvas.side
    if kind == "disc":
        _patch(canvas, ellipse((0.5 * side, 0.47 * side), 0.41 * side, 0.41 * side, corners=120))
    elif kind == "stripes":
        for x in np.arange(-0.94, 1.0, 0.32):
            corners = np.array([(x, 1.05), (x + 0.16, 1.05), (x + 1.06, -0.05), (x + 0.9, -0.05)])
            _patch(canvas, corners * side)
    elif kind == "dots":
        for row, y in enumerate(np.arange(0.08, 1.0, 0.2)):
            for x in np.arange(0.05 + 0.11 * (row % 2), 1.05, 0.22):
                _patch(canvas, ellipse((x * side, y * side), 0.045 * side, 0.045 * side))
    elif kind == "horizon":
        x = np.linspace(-0.05, 1.05, 30)
        hills = np.stack([x, 0.6 + 0.04 * np.sin(9 * x) + 0.02 * np.sin(21 * x)], axis=1)
        _patch(canvas, np.concatenate([hills, [(1.05, 1.05), (-0.05, 1.05)]]) * side)


def _patch(canvas: Canvas, outline: np.ndarray) -> None:
    canvas.fill("backdrop", outline)
    canvas.contour(outline, 0.8)


def draw_behind_front_hair(canvas: Canvas, hair: Frame, character: Character) -> None:
    """Accessories that grow out from under the hair of the crown."""
    if character.accessory == "cat_ears":
        for s in (-1, 1):
            _cat_ear(canvas, hair, s)


def draw_accessory(canvas: Canvas, head: Frame, character: Character) -> None:
    """Accessories worn on the finished head."""
    v = character.volume
    if character.accessory == "hairband":
        _hairband(canvas, head, v)
    elif character.accessory == "clip":
        for y in (-0.62, -0.38):
            clip = np.array([(0.5, y), (0.92, y + 0.11), (0.88, y + 0.27), (0.46, y + 0.16)])
            canvas.piece("accessory", head(clip, _ON_HAIR), _EDGE)
    elif character.accessory == "bow":
        _hair_bow(canvas, head, v)
    elif character.accessory == "glasses":
        _glasses(canvas, head)
    elif character.accessory == "earrings":
        for s in (-1, 1):
            canvas.piece("accessory", head(ellipse((s * 1.06, 0.64), 0.075, 0.1)), _EDGE, 0.8)
    elif character.accessory == "flower":
        _flower(canvas, head)
    elif character.accessory == "headphones":
        _headphones(canvas, head, v)


def _cat_ear(canvas: Canvas, hair: Frame, s: int) -> None:
    tip = (s * 1.02, -1.95)
    outer = np.concatenate(
        [bend((s * 0.3, -1.2), tip, 0.08 * s), bend(tip, (s * 1.12, -0.75), 0.1 * s)]
    )
    canvas.fill("hair", hair(outer))
    canvas.contour(hair(outer), 1.25)
    tip = (s * 0.95, -1.7)
    inner = np.concatenate(
        [bend((s * 0.5, -1.2), tip, 0.08 * s), bend(tip, (s * 1.0, -0.85), 0.1 * s)]
    )
    canvas.piece("accessory", hair(inner), _EDGE, 0.8)


def _hairband(canvas: Canvas, head: Frame, v: float) -> None:
    lower = smooth([(-1.14, -0.45), (-0.8, -0.92), (0, -1.1), (0.8, -0.92), (1.14, -0.45)]) * (v, 1)
    upper = smooth([(1.17, -0.62), (0.82, -1.1), (0, -1.28), (-0.82, -1.1), (-1.17, -0.62)]) * (
        v,
        1,
    )
    band = np.concatenate([lower, upper])
    canvas.piece("accessory", head(band, 0.5), _EDGE)


def _hair_bow(canvas: Canvas, head: Frame, v: float) -> None:
    x, y = 0.55 * v, -1.2 * v
    for s in (-1, 1):
        loop = smooth(
            [(0.05, 0), (0.3, -0.3), (0.6, -0.36), (0.64, 0.05), (0.58, 0.32), (0.28, 0.2)], True
        )
        canvas.piece("accessory", head(loop * (s, 1) + (x, y)), _EDGE)
        canvas.stroke(
            head(bend((x + 0.1 * s, y), (x + 0.4 * s, y - 0.05), 0.15 * s)), 0.6, ends=(0.6, 0)
        )
    canvas.piece("accessory", head(ellipse((x, y), 0.12, 0.15)), _EDGE)


def _glasses(canvas: Canvas, head: Frame) -> None:
    for s in (-1, 1):
        rim = ellipse((s * 0.47, 0.26), 0.38, 0.36)
        inner = ellipse((s * 0.47, 0.26), 0.32, 0.3)
        _frame_piece(canvas, np.concatenate([head(rim, 1.0), head(rim[:1], 1.0)]), head(inner, 1.0))
        canvas.stroke(head([(s * 0.84, 0.2), (s * 1.0, 0.16)], 0.8), 1.2, ends=(1, 1))
    bridge = np.concatenate(
        [bend((-0.1, 0.22), (0.1, 0.22), 0.2), bend((0.1, 0.27), (-0.1, 0.27), -0.2)]
    )
    canvas.piece("accessory", head(bridge, 1.0), _EDGE, 0.5)


def _frame_piece(canvas: Canvas, rim: np.ndarray, inner: np.ndarray) -> None:
    """A ring: the face stays visible inside it."""
    ring = np.concatenate([rim, inner, inner[:1]])
    canvas.fill("accessory", ring)
    canvas.contour(rim, 0.75)
    canvas.contour(inner, 0.75)


def _flower(canvas: Canvas, head: Frame) -> None:
    x, y = 0.82, -0.72
    for angle in np.linspace(0.3, 0.3 + 2 * np.pi, 5, endpoint=False):
        petal = ellipse((x + 0.19 * np.cos(angle), y + 0.19 * np.sin(angle)), 0.16, 0.16)
        canvas.piece("accessory", head(petal, 0.5), _EDGE, 0.9)
    heart = head(ellipse((x, y), 0.1, 0.1), 0.5)
    canvas.fill("accessory", heart, tone=SHADOW)
    canvas.contour(heart, 0.8)


def _headphones(canvas: Canvas, head: Frame, v: float) -> None:
    arch = smooth(
        [
            (-1.24, 0.0),
            (-1.16, -0.75),
            (-0.75, -1.33),
            (0, -1.5),
            (0.75, -1.33),
            (1.16, -0.75),
            (1.24, 0.0),
        ]
    )
    band = np.concatenate([arch, arch[::-1] * 0.92])
    canvas.piece("accessory", head(band * v), _EDGE)
    for s in (-1, 1):
        canvas.piece("accessory", head(ellipse((s * 1.18 * v, 0.12), 0.2, 0.36)), _EDGE)
