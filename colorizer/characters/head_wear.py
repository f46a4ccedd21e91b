"""What varied heads have beyond a portrait's: simple eyes, beards and hats."""

import numpy as np

from colorizer.characters.canvas import Canvas, Frame, bend, ellipse, mirror, smooth
from colorizer.characters.traits import Character, Pose

_FRONT = 0.95  # depth
_EYE_X, _EYE_Y = 0.45, 0.24
_WEIGHT = 1.1  # of a hat's contours


def draw_simple_features(canvas: Canvas, head: Frame, style: str, pose: Pose) -> None:
    """Eyes as "dots" or "ovals", a nose and a mouth of few lines; for tiny faces, too."""
    for s in (-1, 1):
        shut = pose.gape == "smile" or (pose.gape == "wink" and s > 0)
        if shut:
            arc = bend((s * _EYE_X - 0.2, _EYE_Y + 0.06), (s * _EYE_X + 0.2, _EYE_Y + 0.06), 0.22)
            canvas.stroke(head(arc, _FRONT), 1.6, ends=(0.6, 0.6))
            continue
        x = s * _EYE_X + 0.05 * pose.gaze[0]
        if style == "ovals":
            white = head(ellipse((s * _EYE_X, _EYE_Y), 0.24, 0.31), _FRONT)
            canvas.fill("eye_white", white)
            iris = head(ellipse((x, _EYE_Y + 0.05), 0.14, 0.2), _FRONT)
            canvas.inlay("eyes", iris, only=("eye_white",))
            canvas.contour(white, 0.9)
        elif style == "dots":
            canvas.fill("ink", head(ellipse((x, _EYE_Y), 0.11, 0.17), _FRONT))
            canvas.blot(head(ellipse((x, _EYE_Y), 0.11, 0.17), _FRONT))
        else:
            iris = head(ellipse((x, _EYE_Y + 0.03), 0.19, 0.26), _FRONT)
            canvas.fill("eyes", iris)
            lash = bend((s * _EYE_X - 0.25, _EYE_Y - 0.1), (s * _EYE_X + 0.25, _EYE_Y - 0.1), 0.2)
            canvas.stroke(head(lash, _FRONT), 1.5, ends=(0.7, 0.7))
    if pose.mouth in ("open", "round", "grin"):
        opening = head(ellipse((0, 0.84), 0.15, 0.1), 1.0)
        canvas.fill("mouth", opening)
        canvas.contour(opening, 0.85)
    else:
        canvas.stroke(head(bend((-0.17, 0.8), (0.17, 0.8), -0.15), 1.0), 1.0, ends=(0.5, 0.5))
    if not canvas.tiny:
        canvas.stroke(head(bend((0.02, 0.42), (-0.04, 0.6), -0.3), 1.1), 0.85, ends=(0.3, 0.6))


def draw_beard(canvas: Canvas, head: Frame, beard: str) -> None:
    """A beard in the hair's colour; the mouth is drawn on it."""
    low = 1.2 if beard == "stubble" else 1.75
    half = [(0, 0.66), (0.3, 0.62), (0.62, 0.6), (0.95, 0.3), (0.9, 0.72), (0.6, low - 0.15)]
    outline = head(smooth(mirror([*half, (0.25, low), (0, low + 0.1)]), True), 0.6)
    canvas.piece("hair", outline, 0.016)
    for x in (-0.4, 0.0, 0.4):
        canvas.stroke(head(bend((x, 1.0), (0.7 * x, low - 0.1), 0.1), 0.6), 0.65, (0.0, 0.3))


def draw_hat(canvas: Canvas, head: Frame, hat: str, character: Character) -> None:
    """A hat over the hair."""
    v = character.volume
    if hat in ("brim", "witch"):
        _brimmed(canvas, head, v, tip=hat == "witch")
    elif hat == "cap":
        dome = smooth([(-1.2, -0.5), (-1.12, -1.1), (-0.6, -1.55), (0, -1.66), (0.6, -1.55)])
        dome = np.concatenate([dome, smooth([(0.6, -1.55), (1.12, -1.1), (1.2, -0.5)])]) * v
        canvas.piece("accessory", head(dome, 0.2), 0.03, _WEIGHT)
        visor = smooth(
            [(-0.95, -0.62), (0, -0.86), (0.95, -0.62), (1.1, -0.36), (0, -0.5), (-1.1, -0.36)],
            True,
        )
        canvas.piece("ribbon", head(visor, 1.0), 0.012, _WEIGHT)
    elif hat == "hood":
        half = [(0.62, 1.5), (1.2, 1.15), (1.44, 0.3), (1.4, -0.7), (0.85, -1.5), (0, -1.78)]
        opening = [(0.5, 1.4), (0.88, 0.95), (1.06, 0.3), (1.02, -0.4), (0.62, -0.92), (0, -1.04)]
        rim, edge = (smooth(mirror(curve)) * v for curve in (half, opening))
        canvas.piece("clothes", head(np.concatenate([rim, edge[::-1]]), 0.15), 0.03, _WEIGHT)


def _brimmed(canvas: Canvas, head: Frame, v: float, tip: bool) -> None:
    brim = head(ellipse((0, -0.72), 1.85 * v, 0.42), 0.2)
    canvas.piece("accessory", brim, 0.02, _WEIGHT)
    if tip:
        crown = [(-1.0, -0.82), (-0.75, -1.6), (-0.2, -2.3), (0.5, -2.8), (0.45, -2.2), (0.8, -1.5)]
        outline = smooth([*crown, (1.0, -0.82), (0, -0.6)], True)
    else:
        outline = smooth(
            mirror([(0, -1.75), (0.7, -1.66), (0.98, -1.2), (1.0, -0.8), (0, -0.6)]), True
        )
    canvas.piece("accessory", head(outline * (v, 1), 0.2), 0.03, _WEIGHT)
    band = [(-1.0, -0.85), (0, -0.62), (1.0, -0.85), (0.96, -1.1), (0, -0.88), (-0.96, -1.1)]
    canvas.piece("ribbon", head(smooth(np.multiply(band, (v, 1)), True), 0.2), 0.01, _WEIGHT)
