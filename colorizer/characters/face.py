"""Faces of drawn characters: head, ears, eyes, brows, nose, mouth and blush."""

from collections.abc import Callable

import numpy as np

from colorizer.characters.canvas import Canvas, Frame, Points, bend, ellipse, mirror, smooth
from colorizer.characters.hands import LIGHT, SHADOW
from colorizer.characters.traits import Character, Pose

Place = Callable[[Points], np.ndarray]  # points of an eye to canvas pixels

_JAW = {
    "round": (0.78, 0.42),
    "oval": (0.72, 0.34),
    "pointed": (0.66, 0.25),
}  # half widths: jaw, chin
_OUTER_CORNER = {"round": 0.0, "upturned": -0.09, "drooping": 0.08, "narrow": -0.03}
_EYE_HEIGHT = {"round": 1.08, "upturned": 0.95, "drooping": 1.0, "narrow": 0.78}

_EYE_X, _EYE_Y = 0.47, 0.24  # middle of the right eye
_FRONT = 0.95  # depth of what sits on the front of the face


def face_outline(head: Frame, character: Character) -> np.ndarray:
    """Canvas outline of the bare head."""
    jaw, chin = _JAW[character.face]
    half = [
        *[(0, -1.14), (0.58, -1.0), (0.92, -0.5), (0.97, 0.0)],
        *[(0.94, 0.36), (jaw, 0.78), (chin, 1.04), (0, 1.15)],
    ]
    contour = smooth(mirror(half), closed=True)
    return head(contour, depth=0.05 + 0.4 * np.clip(contour[:, 1], 0, 1.2))


def draw_head(canvas: Canvas, head: Frame, character: Character) -> None:
    """Ears and the bare face with blush."""
    for s in (-1, 1):
        ear = head(ellipse((s * 1.02, 0.3), 0.16, 0.25))
        canvas.fill("skin", ear)
        canvas.contour(ear, 1.1)
        canvas.stroke(head(bend((s * 1.1, 0.18), (s * 1.02, 0.4), s * 0.2)), 0.6)
    outline = face_outline(head, character)
    canvas.piece("skin", outline, 0.012, 1.1)
    if character.blushing:
        for s in (-1, 1):
            _blush(canvas, head, s)


def _blush(canvas: Canvas, head: Frame, s: int) -> None:
    canvas.inlay("blush", head(ellipse((s * 0.58, 0.66), 0.19, 0.085), _FRONT), only=("skin",))
    for x in (0.5, 0.58, 0.66):
        canvas.stroke(head([(s * x + 0.02, 0.62), (s * x - 0.02, 0.7)], _FRONT), 0.5, ends=(1, 0.5))


def draw_features(canvas: Canvas, head: Frame, character: Character, pose: Pose) -> None:
    """Eyes, nose and mouth."""
    for s in (-1, 1):
        shut = pose.gape == "smile" or (pose.gape == "wink" and s > 0)
        draw_eye = _closed_eye if shut else _open_eye
        draw_eye(canvas, head, character, pose, s)
    canvas.shade(SHADOW, [head([(0.0, 0.52), (0.06, 0.6), (-0.06, 0.6)], 1.1)], only=("skin",))
    canvas.stroke(
        head(smooth([(0.03, 0.5), (0.05, 0.57), (-0.02, 0.6)]), 1.1), 0.8, ends=(0.2, 0.4)
    )
    _mouth(canvas, head, pose.mouth)


def draw_brows(canvas: Canvas, head: Frame, character: Character, pose: Pose) -> None:
    """Brows; drawn over the fringe, as is usual."""
    for s in (-1, 1):
        inner = (s * 0.24, -0.26 - 0.06 * pose.brow)
        outer = (s * 0.72, -0.24 - 0.04 * pose.brow + 0.5 * _OUTER_CORNER[character.eyes])
        brow = bend(inner, outer, 0.13 * s)
        canvas.stroke(head(brow, _FRONT), 1.7, ends=(0.4, 0.1))


def _eye_points(points: Points, character: Character, s: int) -> np.ndarray:
    """Points of an eye around its middle, x growing outwards, to head coordinates."""
    x, y = np.asarray(points, float).T * character.eye_size
    y = y + _OUTER_CORNER[character.eyes] * x / 0.3
    return np.stack([s * (_EYE_X + x), _EYE_Y + y], axis=1)


def _open_eye(canvas: Canvas, head: Frame, character: Character, pose: Pose, s: int) -> None:
    height = _EYE_HEIGHT[character.eyes]
    lid = height * (0.35 if pose.gape == "half" else 1.0)

    def place(points: Points) -> np.ndarray:
        return head(_eye_points(points, character, s), _FRONT)

    upper = [
        (-0.27, 0.02),
        (-0.19, -0.2 * lid),
        (0.0, -0.3 * lid),
        (0.18, -0.22 * lid),
        (0.29, 0.04),
    ]
    lower = [
        (0.29, 0.04),
        (0.2, 0.22 * height),
        (0.02, 0.27 * height),
        (-0.16, 0.22 * height),
        (-0.27, 0.02),
    ]
    upper_curve, lower_curve = smooth(upper), smooth(lower)
    opening = place(np.concatenate([upper_curve, lower_curve]))
    canvas.fill("eye_white", opening)
    lit = opening + np.array([0, 0.02 * canvas.side])
    canvas.shade(SHADOW, [opening, lit], only=("eye_white",))
    if canvas.small:
        _plain_iris(canvas, place, height)
    else:
        _iris(canvas, place, pose, height, s)
    _lashes(canvas, place, upper_curve, lower_curve, lid)


def _iris(canvas: Canvas, place: Place, pose: Pose, height: float, s: int) -> None:
    gx, gy = s * 0.05 * pose.gaze[0] - 0.01, 0.03 * pose.gaze[1]
    rx, ry = 0.175, 0.27 * height
    iris = place(ellipse((gx, gy), rx, ry))
    inside = ("eyes",)
    canvas.inlay("eyes", iris, only=("eye_white",))
    canvas.shade(
        SHADOW, [iris, place(ellipse((gx, gy + 0.16 * height), rx * 1.1, ry))], only=inside
    )
    canvas.shade(LIGHT, [place(ellipse((gx, gy + 0.17 * height), 0.1, 0.06 * height))], only=inside)
    pupil = place(ellipse((gx, gy - 0.01), 0.075, 0.115 * height))
    canvas.shade(SHADOW, [pupil], only=inside)
    canvas.stroke(_closed(pupil), 0.7, (1, 1), only=inside)
    canvas.stroke(_closed(iris), 0.9, (1, 1), only=("eyes", "eye_white"))
    for x, y, r in ((-0.08 * s, -0.12, 0.07), (0.08 * s, 0.11, 0.04)):
        glint = place(ellipse((gx + x, gy + y * height), r, r * 1.15))
        canvas.inlay("glint", glint, only=("eyes",))
        canvas.stroke(_closed(glint), 0.45, (1, 1), only=("eyes", "glint"))


def _plain_iris(canvas: Canvas, place: Place, height: float) -> None:
    """For small pictures, where pupil and glints would be single pixels."""
    iris = place(ellipse((-0.01, 0), 0.22, 0.29 * height))
    canvas.inlay("eyes", iris, only=("eye_white",))
    canvas.stroke(_closed(iris), 0.9, (1, 1), only=("eyes", "eye_white"))


def _lashes(canvas: Canvas, place: Place, upper: np.ndarray, lower: np.ndarray, lid: float) -> None:
    thickness = np.interp(upper[:, 0], (-0.27, 0.0, 0.29), (0.03, 0.075, 0.09))
    rim = upper - np.stack([np.zeros(len(upper)), thickness], axis=1)
    wing = [(0.38, -0.03), (0.31, 0.07)]
    canvas.blot(place(np.concatenate([upper[::-1], rim, wing])))
    canvas.stroke(place(lower[8:22]), 0.8, ends=(1.0, 0.1))
    crease = [(-0.2, -0.3 * lid - 0.04), (0.02, -0.3 * lid - 0.12), (0.24, -0.22 * lid - 0.1)]
    canvas.stroke(place(smooth(crease)), 0.55, ends=(0.0, 0.1))


def _closed_eye(canvas: Canvas, head: Frame, character: Character, pose: Pose, s: int) -> None:
    arc = smooth([(-0.28, 0.12), (-0.15, 0.0), (0.02, -0.05), (0.17, 0.0), (0.3, 0.13)])
    canvas.stroke(head(_eye_points(arc, character, s), _FRONT), 2.4, ends=(0.3, 0.6))
    for lash in ([(0.25, 0.08), (0.36, 0.06)], [(0.2, 0.03), (0.3, -0.02)]):
        canvas.stroke(head(_eye_points(lash, character, s), _FRONT), 1.0, ends=(1.0, 0.2))


def _mouth(canvas: Canvas, head: Frame, mouth: str) -> None:
    y = 0.84
    if mouth in ("smile", "flat", "cat"):
        curve = {
            "smile": [(-0.16, y - 0.03), (-0.06, y + 0.02), (0.06, y + 0.02), (0.16, y - 0.03)],
            "flat": [(-0.1, y), (0.0, y + 0.005), (0.1, y - 0.005)],
            "cat": [
                (-0.17, y - 0.03),
                (-0.08, y + 0.03),
                (0, y - 0.03),
                (0.08, y + 0.03),
                (0.17, y - 0.03),
            ],
        }[mouth]
        canvas.stroke(head(smooth(curve), 1.0), 1.0, ends=(0.5, 0.5))
        return
    if mouth == "round":
        outline = ellipse((0, y), 0.07, 0.08)
    else:
        width, drop = (0.18, 0.17) if mouth == "open" else (0.22, 0.09)
        rim = smooth([(-width, y - 0.05), (0, y - 0.03), (width, y - 0.05)])
        bowl = [(width, y - 0.05), (0.6 * width, y + 0.7 * drop), (0, y + drop)]
        bowl += [(-0.6 * width, y + 0.7 * drop), (-width, y - 0.05)]
        outline = np.concatenate([rim, smooth(bowl)])
    opening = head(outline, 1.0)
    canvas.fill("mouth", opening, tone=SHADOW)
    if mouth == "grin":
        canvas.inlay("eye_white", head(ellipse((0, y - 0.04), 0.2, 0.06), 1.0), only=("mouth",))
    if mouth == "open":
        tongue = head(ellipse((0, y + 0.13), 0.11, 0.08), 1.0)
        canvas.inlay("mouth", tongue, only=("mouth",))
        canvas.stroke(_closed(tongue), 0.5, (1, 1), only=("mouth",))
    canvas.contour(opening, 0.85)


def _closed(outline: np.ndarray) -> np.ndarray:
    return np.concatenate([outline, outline[:1]])
