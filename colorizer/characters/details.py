"""What adds detail to whole figures: patterns of their cloth, and what they hold."""

import numpy as np

from colorizer.characters.canvas import Canvas, Frame, bend, ellipse
from colorizer.characters.hands import SHADOW
from colorizer.characters.limbs import Limb
from colorizer.characters.skeleton import Skeleton

_CLOTH = ("clothes", "bottoms", "trim")
_DYED = ("clothes", "trim")
_EDGE = 0.008  # of the side: how wide held things are shaded


def draw_pattern(canvas: Canvas, body: Frame, pattern: str, bones: Skeleton) -> None:
    """Dye all clothes drawn so far: stripes, dots or checks; or an emblem on the chest."""
    reach, bottom = 2.6 * bones.width, bones.height(1.0)
    if pattern in ("stripes", "checks"):
        for y in np.arange(1.9, bottom, 0.8):
            _dye(canvas, body(np.array([(-4, y), (4, y), (4, y + 0.32), (-4, y + 0.32)])))
    if pattern == "checks":
        for x in np.arange(-reach, reach, 0.8):
            _dye(canvas, body(np.array([(x, 1.4), (x + 0.2, 1.4), (x + 0.2, bottom), (x, bottom)])))
    if pattern == "dots":
        for row, y in enumerate(np.arange(2.0, bottom, 0.62)):
            for x in np.arange(-reach + 0.35 * (row % 2), reach, 0.7):
                _dye(canvas, body(ellipse((x, y), 0.16, 0.16, corners=12)))
    if pattern == "emblem":
        angles = np.linspace(0, 2 * np.pi, 10, endpoint=False) - np.pi / 2
        radius = 0.42 * np.where(np.arange(10) % 2, 0.45, 1.0)
        star = np.stack([np.cos(angles), np.sin(angles)], axis=1) * radius[:, None] + (0, 2.95)
        _dye(canvas, body(star))


def _dye(canvas: Canvas, outline: np.ndarray) -> None:
    canvas.dye("trim", outline, only=("clothes",))
    canvas.stroke(np.concatenate([outline, outline[:1]]), 0.75, (1, 1), only=_DYED)


def draw_folds(canvas: Canvas, body: Frame, bones: Skeleton, rng: np.random.Generator) -> None:
    """Short folds, each with its shadow, anywhere on the clothes drawn so far."""
    for _ in range(canvas.hand.folds):
        start = np.array([rng.uniform(-1.2, 1.2) * bones.hips, rng.uniform(2.1, bones.height(0.8))])
        angle, length = rng.uniform(-0.9, 0.9), rng.uniform(0.5, 1.3)
        end = start + length * np.array([np.sin(angle), np.cos(angle)])
        bulge = rng.uniform(-0.2, 0.2)
        fold, back = bend(start, end, bulge), bend(end, start, rng.uniform(0.05, 0.25) - bulge)
        canvas.shade(SHADOW, [body(np.concatenate([fold, back]))], only=_CLOTH)
        canvas.stroke(body(fold), 0.76, (0.9, 0.0), only=_CLOTH)


def draw_held(canvas: Canvas, body: Frame, held: str, limb: Limb, length: float) -> None:
    """A staff or a sword, upright in a hand that is drawn over it."""
    x, y = limb.end + 0.3 * limb.direction()
    if held == "staff":
        rod = [
            (x - 0.1, y - 3.4),
            (x + 0.1, y - 3.4),
            (x + 0.1, y + 3.6 * length),
            (x - 0.1, y + 3.6 * length),
        ]
        canvas.piece("shoes", body(np.array(rod)), _EDGE)
        canvas.piece("accessory", body(ellipse((x, y - 3.6), 0.42, 0.42)), _EDGE)
    if held == "sword":
        blade = [(x - 0.17, y - 0.3), (x - 0.15, y - 3.6), (x, y - 4.1), (x + 0.15, y - 3.6)]
        canvas.piece("eye_white", body(np.array([*blade, (x + 0.17, y - 0.3)])), _EDGE)
        canvas.stroke(body([(x, y - 3.7), (x, y - 0.4)]), 0.75)
        guard = [(x - 0.6, y - 0.42), (x + 0.6, y - 0.42), (x + 0.6, y - 0.22), (x - 0.6, y - 0.22)]
        canvas.piece("accessory", body(np.array(guard)), _EDGE)
        grip = [
            (x - 0.11, y - 0.22),
            (x + 0.11, y - 0.22),
            (x + 0.11, y + 0.7),
            (x - 0.11, y + 0.7),
        ]
        canvas.piece("shoes", body(np.array(grip)), _EDGE)
