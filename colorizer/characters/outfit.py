"""Clothes of whole figures: torso, sleeves, what is worn on legs and feet, and on the back."""

import numpy as np

from colorizer.characters.canvas import Canvas, Frame, bend, ellipse, mirror, smooth
from colorizer.characters.clothes import NECKLINES, draw_collar
from colorizer.characters.figures import Figure
from colorizer.characters.hands import SHADOW
from colorizer.characters.limbs import Limb, draw_foot, draw_hand, draw_tube
from colorizer.characters.skeleton import HIP, WAIST, Skeleton
from colorizer.characters.skirts import draw_skirt

_NECKLINES = {
    **NECKLINES,
    "shirt": [(0, 1.72), (0.28, 1.64), (0.46, 1.44)],
    "dress": [(0, 2.25), (0.45, 2.1), (0.62, 1.56)],
    "armor": [(0, 1.5), (0.3, 1.46), (0.46, 1.36)],
}
_SLEEVE_ENDS = {"short": 0.34, "elbow": 0.56, "long": 0.98, "wide": 0.84}  # shares of the arm
_LEGWEAR_STARTS = {"socks": 0.8, "knee_socks": 0.52, "stockings": 0.12}  # shares of the leg
_BOOT_STARTS = {"boots": 0.74, "high_boots": 0.5}
_SKIN_OR_CLOTH = ("skin", "clothes", "trim", "bottoms", "legwear", "ribbon")
_EDGE = 0.014  # of the side: how wide armour and belts are shaded


def draw_behind(canvas: Canvas, body: Frame, figure: Figure, bones: Skeleton) -> None:
    """What hangs behind the whole body."""
    w = bones.width
    if figure.back == "cape":
        hem = bones.height(0.86)
        half = [(0, 1.5), (0.8 * w, 1.6), (1.45 * w, 2.3), (1.75 * w, 4.5), (2.0 * w, hem)]
        folds = [(1.2 * w, hem + 0.25), (0.6 * w, hem), (0, hem + 0.2)]
        outline = body(mirror(smooth([*half, *folds])))
        canvas.piece("trim", outline, 0.05, 1.2)
    if figure.back == "wings":
        for s in (-1, 1):
            wing = [(0.4, 2.4), (1.6, 0.6), (3.4, 0.0), (3.2, 1.3), (2.9, 2.2), (2.3, 2.9)]
            outline = body(smooth(np.multiply([*wing, (1.5, 3.3), (0.5, 3.4)], (s, 1)), True))
            canvas.piece("accessory", outline, 0.03, 1.1)
            for x, y in ((3.2, 1.3), (2.3, 2.9)):
                canvas.stroke(body(bend((0.6 * s, 2.6), (x * s, y), 0.08 * s)), 0.7, (0.8, 0.1))


def draw_legs(canvas: Canvas, body: Frame, figure: Figure, bones: Skeleton) -> None:
    """Both legs with all that is worn on them but skirts."""
    covered = figure.bottoms in ("trousers", "coat")
    for s, limb in bones.legs.items():
        width = limb.half[-1] / 0.24
        if not covered:
            draw_tube(canvas, body, "skin", limb.edges(0, 1))
            knee = limb.middle[len(limb.middle) // 2]
            cap = np.add(knee, bend((-0.14, 0.1), (0.14, 0.1), -0.2))
            canvas.stroke(body(cap), 0.6, (0.2, 0.2))
            if figure.legwear != "none":
                start = _LEGWEAR_STARTS[figure.legwear]
                _sleeve(canvas, body, "legwear", limb, (start, 1), wider=1.04, top=True)
        draw_foot(canvas, body, limb, s, "shoes", 0.95 * width)
        if covered:
            _sleeve(canvas, body, "bottoms", limb, (0, 0.96), wider=1.22)
        if figure.shoes in _BOOT_STARTS:
            start = _BOOT_STARTS[figure.shoes]
            _sleeve(canvas, body, "shoes", limb, (start, 1), wider=1.25, top=True)
        if figure.bottoms == "shorts":
            _sleeve(canvas, body, "bottoms", limb, (0, 0.36), wider=1.25)


def _sleeve(
    canvas: Canvas,
    body: Frame,
    region: str,
    limb: Limb,
    part: tuple[float, float],
    wider: float | np.ndarray,
    top: bool = False,
) -> None:
    """A tube of cloth, with a hem at its end, or at its `top`."""
    left, right = limb.edges(*part, wider=wider)
    draw_tube(canvas, body, region, (left, right), cuff=not top)
    if top:
        canvas.stroke(body(np.stack([left[0], right[0]])), 1.0, (1, 1))


def draw_torso(canvas: Canvas, body: Frame, figure: Figure, bones: Skeleton) -> None:
    """Neck, pelvis, torso and skirt; then the collar."""
    w, x = bones.width, bones.shift
    _neck(canvas, body, w)
    if figure.bottoms in ("trousers", "shorts", "coat"):
        _pelvis(canvas, body, bones)
    outline, side = _torso_outline(figure, bones)
    canvas.fill("clothes", body(outline))
    canvas.shade_edge(body(outline), only=("clothes",), width=0.035)
    for s in (-1, 1):
        canvas.stroke(body(side * (s, 1) + _lean(side, x)), 1.2, ends=(0.6, 1.0))
        fold = bend((s * 0.9 * bones.waist + x, WAIST + 0.35), (s * 0.45 + x, WAIST + 0.1), 0.1 * s)
        canvas.stroke(body(fold), 0.65, ends=(0.8, 0.0))
    neckline = smooth(_NECKLINES[figure.top])
    for s in (-1, 1):
        canvas.stroke(body(neckline * (s, 1)), 1.0, ends=(1.0, 1.0))
    draw_skirt(canvas, body, figure, bones)
    if figure.top in NECKLINES:
        draw_collar(canvas, body, figure.top, 0.92 * w)
    elif figure.top == "armor":
        _plates(canvas, body, bones)
    elif figure.top == "shirt":
        _buttons(canvas, body)
    if figure.belt:
        _belt(canvas, body, bones)


def _lean(points: np.ndarray, shift: float) -> np.ndarray:
    """How far the hips' shift moves points of the torso, (N, 2)."""
    share = np.clip((points[:, 1] - 2.2) / (HIP - 2.2), 0, 1)
    return np.stack([shift * share, np.zeros(len(points))], axis=1)


def _torso_outline(figure: Figure, bones: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """Closed outline of the top, and its right side alone."""
    w = bones.width
    neckline = _NECKLINES[figure.top]
    hem = {"trousers": 5.05, "shorts": 5.05, "coat": 5.2}.get(figure.bottoms, 4.7)
    side = smooth(
        [
            neckline[-1],
            (0.95 * w, 1.66),
            (1.24 * w, 1.92),
            (1.1 * w, 2.65),
            (1.04 * bones.waist, WAIST),
            (bones.hips * 1.03, hem),
        ]
    )
    half = np.concatenate([smooth(neckline), side, [(0, hem + 0.08)]])
    outline = mirror(half)
    return outline + _lean(outline, bones.shift), side


def _neck(canvas: Canvas, body: Frame, w: float) -> None:
    side = smooth([(0.34, 0.4), (0.34, 1.15), (0.42, 1.42), (0.8 * w, 1.62)])
    chest = [(0.9 * w, 2.0), (0.85 * w, 2.7), (0, 3.4)]
    canvas.fill("skin", body(mirror(np.concatenate([[(0, 0.4)], side, chest]))))
    for s in (-1, 1):
        canvas.stroke(body(side * (s, 1)), 1.0, ends=(1.0, 0.6))
        bone = bend((s * 0.14, 1.72), (s * 0.56, 1.66), s * 0.12)
        canvas.stroke(body(bone), 0.6, ends=(0.6, 0.0))


def _pelvis(canvas: Canvas, body: Frame, bones: Skeleton) -> None:
    thigh = max(limb.half[0] for limb in bones.legs.values())
    half = [(0, WAIST + 0.2), (bones.waist, WAIST + 0.2), (bones.hips, HIP - 0.2)]
    crotch = HIP + 1.1 * thigh
    outline = mirror([*half, (bones.hips, HIP + 0.2), (0.2, crotch), (0, crotch)])
    canvas.fill("bottoms", body(outline + _lean(outline, bones.shift)))
    fly = np.add([(0.0, HIP - 0.1), (0.0, crotch)], (bones.shift, 0))
    canvas.stroke(body(fly), 0.8, ends=(0.6, 1.0))


def _buttons(canvas: Canvas, body: Frame) -> None:
    canvas.stroke(body([(0.0, 1.75), (0.0, 4.6)]), 0.8, ends=(0.8, 0.8))
    for y in (2.2, 2.9, 3.6):
        button = body(ellipse((0.12, y), 0.075, 0.075))
        canvas.fill("trim", button)
        canvas.contour(button, 0.75)
    for s in (-1, 1):
        flap = smooth([(0.02, 1.78), (0.3, 1.5), (0.48, 1.36), (0.62, 1.7), (0.36, 2.05)])
        outline = body(flap * (s, 1))
        canvas.fill("trim", outline)
        canvas.contour(outline, 0.9)


def _plates(canvas: Canvas, body: Frame, bones: Skeleton) -> None:
    """A breastplate and pauldrons."""
    w = bones.width
    plate = mirror([(0, 1.95), (0.55 * w, 1.9), (0.95 * w, 2.5), (0.7 * w, 3.2), (0, 3.4)])
    canvas.piece("accessory", body(smooth(plate, True)), _EDGE)
    canvas.stroke(body([(0, 1.95), (0, 3.4)]), 0.8)
    gorget = smooth(mirror([(0, 1.3), (0.4, 1.22), (0.62, 1.55), (0.3, 1.8), (0, 1.85)]), True)
    canvas.piece("trim", body(gorget), _EDGE)
    for y in (3.75, 4.2):
        band = bend((-1.0 * bones.waist, y), (1.0 * bones.waist, y), -0.04)
        canvas.stroke(body(band), 0.9, ends=(0.8, 0.8))


def _belt(canvas: Canvas, body: Frame, bones: Skeleton) -> None:
    x, half = 0.3 * bones.shift, 1.1 * bones.waist
    band = mirror([(0, WAIST - 0.02), (half, WAIST - 0.1), (half * 1.02, WAIST + 0.2), (0, 4.05)])
    canvas.piece("ribbon", body(np.add(band, (x, 0))), _EDGE)
    buckle = [(-0.17, 3.7), (0.17, 3.7), (0.17, 4.08), (-0.17, 4.08)]
    canvas.piece("accessory", body(np.add(buckle, (x, 0))), _EDGE)


def draw_arm(canvas: Canvas, body: Frame, figure: Figure, bones: Skeleton, s: int) -> None:
    """An arm with its sleeve and hand."""
    limb = bones.arms[s]
    width = limb.half[-1] / 0.2
    draw_hand(canvas, body, limb, s, "trim" if figure.gloves else "skin", width)
    if figure.sleeves != "long":
        draw_tube(canvas, body, "skin", limb.edges(0, 1))
    if figure.gloves:
        _sleeve(canvas, body, "trim", limb, (0.72, 1), wider=1.15, top=True)
    if figure.sleeves == "none":
        _armhole(canvas, body, bones, s)
        return
    end = _SLEEVE_ENDS[figure.sleeves]
    wider: float | np.ndarray = 1.18
    if figure.sleeves == "wide":
        wider = np.linspace(1.1, 2.6, limb.count(0, end))
    _sleeve(canvas, body, "clothes", limb, (0, end), wider=wider)
    if figure.sleeves in ("long", "wide") and figure.top in ("suit", "sailor", "kimono"):
        start = end - 0.08
        flare = wider[-limb.count(start, end) :] if isinstance(wider, np.ndarray) else wider
        _sleeve(canvas, body, "trim", limb, (start, end), wider=flare, top=True)
    elbow = limb.middle[len(limb.middle) // 2]
    fold = np.add(elbow, bend((-0.2 * s, -0.05), (0.12 * s, 0.1), 0.2 * s))
    canvas.stroke(body(fold), 0.7, ends=(0.8, 0.0))
    if figure.top == "armor":
        pauldron = ellipse((s * 1.14 * bones.width, 2.0), 0.5 * width, 0.46 * width)
        canvas.piece("accessory", body(pauldron), _EDGE)


def _armhole(canvas: Canvas, body: Frame, bones: Skeleton, s: int) -> None:
    """The edge of the clothes where an arm is bare."""
    w = bones.width
    edge = smooth([(s * 0.95 * w, 1.66), (s * 0.86 * w, 2.2), (s * 1.06 * w, 2.7)])
    canvas.stroke(body(edge), 1.0, ends=(1.0, 0.6))


def shade_below_head(canvas: Canvas, face: np.ndarray, unit: float) -> None:
    """The shadow that a head throws on neck and chest."""
    canvas.shade(SHADOW, [face + np.array([-0.1, 0.3]) * unit], only=_SKIN_OR_CLOTH)
