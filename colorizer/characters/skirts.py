"""What hangs from the waist: skirts, gowns, robes and the skirts of coats."""

import numpy as np

from colorizer.characters.canvas import Canvas, Frame, bend, smooth
from colorizer.characters.figures import Figure
from colorizer.characters.skeleton import WAIST, Skeleton

_HEMS = {  # share of the way from hips to ankles, and half width against the hips'
    "skirt": (0.24, 1.55),
    "pleated": (0.3, 1.7),
    "long_skirt": (0.78, 1.8),
    "gown": (0.95, 2.3),
    "robe": (0.97, 1.5),
}
_FOLDS = {"skirt": 4, "pleated": 9, "long_skirt": 6, "gown": 7, "robe": 4}


def draw_skirt(canvas: Canvas, body: Frame, figure: Figure, bones: Skeleton) -> None:
    """The skirt that belongs to the figure's `bottoms`, if it has any."""
    if figure.bottoms == "coat":
        _coat(canvas, body, bones)
    if figure.bottoms in _HEMS:
        one_piece = figure.bottoms in ("gown", "robe") or figure.top == "dress"
        _skirt(canvas, body, figure.bottoms, bones, "clothes" if one_piece else "bottoms")


def _skirt(canvas: Canvas, body: Frame, kind: str, bones: Skeleton, region: str) -> None:
    share, flare = _HEMS[kind]
    reach = max(abs(limb.middle[-1, 0] - bones.shift) for limb in bones.legs.values())
    # Legs that stand apart widen the hem.
    half = max(flare * bones.hips, share * reach + 0.35)
    hem = bones.height(share)
    waist = WAIST - 0.05
    side = smooth(
        [
            (bones.waist * 1.03, waist),
            (0.6 * bones.hips + 0.4 * half, waist + 0.3 * (hem - waist)),
            (half, hem),
        ]
    )
    x = np.linspace(half, -half, 4 * _FOLDS[kind] + 1)
    depth = 0.09 if kind != "pleated" else 0.06
    wave = depth * np.cos(np.linspace(0, 2 * np.pi * _FOLDS[kind], len(x)))
    sag = 0.16 * (1 - (x / half) ** 2)
    edge = np.stack([x, hem + sag + wave], axis=1)
    outline = np.concatenate([side, edge, (side * (-1, 1))[::-1]])
    shift = bones.shift * np.clip((outline[:, 1] - waist) / 1.2, 0, 1)
    outline = outline + np.stack([shift, np.zeros(len(shift))], axis=1)
    placed = body(outline)
    canvas.piece(region, placed, 0.03, 1.15)
    if kind in ("gown", "long_skirt", "pleated"):
        band = np.concatenate([edge * (0.985, 1) - (0, 0.42), edge[::-1] - (0, 0.25)])
        canvas.dye("trim", body(np.add(band, (bones.shift, 0))), only=(region,))
    for fold in range(1, _FOLDS[kind]):
        place = x[4 * fold]
        start = (place * bones.waist / half * 0.95, waist + (0.1 if kind == "pleated" else 0.7))
        end = (place + bones.shift, hem + 0.1)
        canvas.stroke(body(bend(start, end, 0.05 * np.sign(place))), 0.75, ends=(0.0, 0.9))


def _coat(canvas: Canvas, body: Frame, bones: Skeleton) -> None:
    """Two skirts of a coat, open in front."""
    hem = bones.height(0.52)
    for s in (-1, 1):
        outer = smooth(
            [(0.96 * bones.waist, WAIST), (bones.hips * 1.15, 5.2), (bones.hips * 1.5, hem)]
        )
        inner = smooth([(bones.hips * 0.55, hem + 0.2), (0.42, 5.2), (0.06, WAIST)])
        outline = body(np.concatenate([outer, inner]) * (s, 1) + (0.5 * bones.shift, 0))
        canvas.piece("clothes", outline, 0.025, 1.1)
        seam = bend((s * 0.7 * bones.hips, 4.6), (s * 1.05 * bones.hips, hem), 0.05 * s)
        canvas.stroke(body(seam), 0.75, ends=(0.0, 0.8))
