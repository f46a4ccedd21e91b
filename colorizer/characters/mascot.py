"""Mascots: round and animal figures. Fur has the hair's colour, belly and snout the skin's."""

from dataclasses import replace

import numpy as np

from colorizer.characters.canvas import Canvas, Frame, Points, bend, ellipse, mirror, smooth
from colorizer.characters.figures import Figure
from colorizer.characters.limbs import Limb, draw_ball, draw_tube
from colorizer.characters.skeleton import CROTCH, HEAD_HEIGHT, HEAD_TOP, WAIST, Skeleton
from colorizer.characters.traits import Pose

_FRONT = 0.9  # depth
_EDGE = 0.015  # of the side: how wide most parts are shaded
_WEIGHT = 1.1  # of contours


def draw_mascot(
    canvas: Canvas, head: Frame, body: Frame, figure: Figure, pose: Pose, bones: Skeleton
) -> None:
    """The whole mascot, from back to front."""
    if figure.tail != "none":
        _tail(canvas, body, bushy=figure.tail == "bushy")
    if figure.kind == "egg":
        scale = body.unit / head.unit
        _limbs(canvas, body, _spread(bones.legs, 0.3 / scale), "shoes")
        _limbs(canvas, body, _spread(bones.arms, 0.68 / scale), "hair")
        _egg(canvas, head, body, figure)
    else:
        _limbs(canvas, body, bones.legs, "shoes")
        _body(canvas, body, figure, bones)
        _limbs(canvas, body, bones.arms, "hair")
    if figure.belt and figure.kind == "mascot":
        w = 1.3 * bones.width
        scarf = [(0, 1.0), (0.8, 0.95), (1.05 * w, 1.35), (0.8, 1.85), (0, 1.95)]
        canvas.piece("ribbon", body(smooth(mirror(scarf), True)), 0.02, _WEIGHT)
    if figure.kind == "mascot":
        draw_mascot_head(canvas, head, figure, pose)
    else:
        _features(canvas, head, figure, pose)


def _limbs(canvas: Canvas, body: Frame, limbs: dict[int, Limb], paw: str) -> None:
    for limb in limbs.values():
        draw_tube(canvas, body, "hair", limb.edges(0, 1, wider=1.2))
        draw_ball(canvas, body, paw, np.add(limb.end, (0, 0.1)), 1.7 * limb.half[-1])


def _spread(limbs: dict[int, Limb], apart: float) -> dict[int, Limb]:
    """Limbs moved outwards."""
    return {
        s: replace(limb, middle=np.add(limb.middle, (s * apart, 0))) for s, limb in limbs.items()
    }


def _body(canvas: Canvas, body: Frame, figure: Figure, bones: Skeleton) -> None:
    w = 1.3 * bones.width
    half = [(0, 0.9), (0.7 * w, 1.3), (1.05 * w, 2.6), (1.16 * w, 4.2), (0.8 * w, 5.5)]
    belly = ellipse((0, WAIST + 0.1), 0.72 * w, 1.5)
    _furry(canvas, body, mirror([*half, (0, CROTCH + 0.2)]), belly if figure.belly else None)


def _egg(canvas: Canvas, head: Frame, body: Frame, figure: Figure) -> None:
    for s in (-1, 1):
        _ear(canvas, head, figure.ears, s)
    low = HEAD_TOP + HEAD_HEIGHT * figure.heads - 0.25
    half = [(0, -1.2), (0.75, -1.0), (1.14, -0.2), (1.28, 0.55 * low), (1.0, 0.9 * low), (0, low)]
    belly = ellipse((0, 0.62 * low), 0.85, 0.34 * low)
    upright = replace(head, tilt=body.tilt)
    _furry(canvas, upright, mirror(half), belly if figure.belly else None)


def _furry(canvas: Canvas, frame: Frame, shape: Points, belly: np.ndarray | None) -> None:
    """A body of fur, its belly of the skin's colour."""
    outline = frame(smooth(shape, True))
    canvas.fill("hair", outline)
    canvas.shade_edge(outline, only=("hair",), width=0.04)
    if belly is not None:
        placed = frame(belly)
        canvas.inlay("skin", placed, only=("hair",))
        canvas.stroke(np.concatenate([placed, placed[:1]]), 0.8, (1, 1), only=("skin", "hair"))
    canvas.contour(outline, 1.25)


def draw_mascot_head(canvas: Canvas, head: Frame, figure: Figure, pose: Pose) -> None:
    """Ears, head, eyes and snout."""
    for s in (-1, 1):
        _ear(canvas, head, figure.ears, s)
    half = [(0, -1.15), (0.62, -1.02), (1.05, -0.5), (1.2, 0.25), (0.95, 0.9), (0.45, 1.16)]
    _furry(canvas, head, mirror([*half, (0, 1.2)]), None)
    _features(canvas, head, figure, pose)


def _features(canvas: Canvas, head: Frame, figure: Figure, pose: Pose) -> None:
    for s in (-1, 1):
        _eye(canvas, head, figure, pose, s)
    _snout(canvas, head, figure.snout, pose)


def _tail(canvas: Canvas, body: Frame, bushy: bool) -> None:
    middle = smooth([(0.5, 5.0), (1.9, 5.4), (2.6, 4.4), (2.4, 3.2), (3.0, 2.4)])
    t = np.linspace(0, 1, len(middle))
    half = 0.25 + (1.1 * np.sin(np.pi * np.clip(t, 0, 1) ** 1.4) if bushy else 0 * t)
    along = np.gradient(middle, axis=0)
    normal = np.stack([along[:, 1], -along[:, 0]], axis=1) / np.hypot(*along.T)[:, None]
    left, right = middle + normal * half[:, None], middle - normal * half[:, None]
    canvas.piece("hair", body(np.concatenate([left, right[::-1]])), 0.03, _WEIGHT)


def _ear(canvas: Canvas, head: Frame, ears: str, s: int) -> None:
    if ears == "round":
        canvas.piece("hair", head(ellipse((s * 0.98, -0.85), 0.42, 0.42)), _EDGE, _WEIGHT)
        canvas.piece("skin", head(ellipse((s * 0.98, -0.85), 0.24, 0.24)), 0.008, _WEIGHT)
    elif ears == "pointed":
        for region, k in (("hair", 1.0), ("skin", 0.6)):
            tip = np.array([(s * 0.25, -0.95), (s * 0.95, -1.85), (s * 1.1, -0.4)])
            middle = np.array([s * 0.78, -0.9])
            canvas.piece(region, head(middle + k * (tip - middle)), _EDGE, _WEIGHT)
    elif ears == "long":
        for region, k in (("hair", 1.0), ("skin", 0.62)):
            canvas.piece(
                region, head(ellipse((s * 0.55, -1.75), 0.3 * k, 0.95 * k)), _EDGE, _WEIGHT
            )


def _eye(canvas: Canvas, head: Frame, figure: Figure, pose: Pose, s: int) -> None:
    x, y = s * 0.45, -0.1
    if pose.gape == "smile" or (pose.gape == "wink" and s > 0):
        canvas.stroke(head(bend((x - 0.22, y + 0.08), (x + 0.22, y + 0.08), 0.24), _FRONT), 1.6)
        return
    if figure.eye_style == "dots":
        _blot(canvas, head(ellipse((x, y), 0.13, 0.2), _FRONT))
        return
    white = head(ellipse((x, y), 0.34, 0.38), _FRONT)
    canvas.fill("eye_white", white)
    gaze = (x + 0.1 * pose.gaze[0], y + 0.06 + 0.08 * pose.gaze[1])
    if figure.eye_style == "drawn":
        canvas.inlay("eyes", head(ellipse(gaze, 0.2, 0.24), _FRONT), only=("eye_white",))
    pupil = head(ellipse(gaze, 0.1, 0.13), _FRONT)
    _blot(canvas, pupil)
    canvas.contour(white, 1.0)


def _snout(canvas: Canvas, head: Frame, snout: str, pose: Pose) -> None:
    if snout == "beak":
        beak = smooth(
            [(-0.36, 0.42), (0, 0.24), (0.36, 0.42), (0.14, 0.7), (0, 0.84), (-0.14, 0.7)], True
        )
        canvas.piece("accessory", head(beak, 1.0), 0.01, _WEIGHT)
        canvas.stroke(head(bend((-0.34, 0.44), (0.34, 0.44), -0.08), 1.0), 0.8)
        return
    if snout == "snout":
        canvas.piece("skin", head(ellipse((0, 0.6), 0.56, 0.4), _FRONT), _EDGE, _WEIGHT)
    _blot(canvas, head(ellipse((0, 0.4), 0.16, 0.11), 1.0))
    if pose.mouth in ("open", "grin", "round"):
        mouth = head(ellipse((0, 0.76), 0.2, 0.16), 1.0)
        canvas.fill("mouth", mouth)
        canvas.contour(mouth, 0.9)
    else:
        for s in (-1, 1):
            canvas.stroke(head(bend((0, 0.56), (s * 0.3, 0.72), -0.25 * s), 1.0), 0.9)
    if snout == "buck_teeth":
        tooth = head(np.array([(-0.13, 0.66), (0.13, 0.66), (0.12, 0.9), (-0.12, 0.9)]), 1.0)
        canvas.fill("eye_white", tooth)
        canvas.contour(tooth, 0.75)


def _blot(canvas: Canvas, outline: np.ndarray) -> None:
    """Ink that shows in the colours however faint the lines are."""
    canvas.fill("ink", outline)
    canvas.blot(outline)
