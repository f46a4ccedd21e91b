"""Hair that is tied: ponytail, buns, twin tails, braids."""

import numpy as np

from colorizer.characters.canvas import Canvas, Frame, Points, bend, ellipse, smooth


def draw_ponytail(canvas: Canvas, hair: Frame) -> None:
    """One big lock behind the head, tied up on one side."""
    tip = (1.95, 2.0)
    _lock(
        canvas,
        hair,
        outer=[(0.3, -1.3), (0.9, -1.72), (1.65, -1.3), (2.05, -0.2), (1.9, 1.0), tip],
        inner=[tip, (1.5, 1.2), (1.35, 0.3), (1.2, -0.5), (0.7, -1.0)],
        strand=[(0.95, -1.4), (1.5, -0.9), (1.7, 0.1), (1.66, 1.1)],
    )
    _tie(canvas, hair, (0.72, -1.3), 0.2, 0.26)


def draw_bun(canvas: Canvas, hair: Frame, s: int) -> None:
    """A knot on top of the head, on the left (s = -1) or right (1)."""
    knot = hair(ellipse((s * 0.9, -1.28), 0.44, 0.42), depth=-0.2)
    canvas.piece("hair", knot, 0.02, 1.25)
    swirl = [
        (s * 0.62, -1.45),
        (s * 0.95, -1.58),
        (s * 1.18, -1.3),
        (s * 0.95, -1.12),
        (s * 0.84, -1.3),
    ]
    canvas.stroke(hair(smooth(swirl), depth=-0.2), 0.7, ends=(0.2, 0.0))
    _tie(canvas, hair, (s * 0.72, -1.02), 0.32, 0.2)


def draw_twin_tail(canvas: Canvas, hair: Frame, s: int) -> None:
    """A big lock beside the head, on the left (s = -1) or right (1)."""
    side = np.array([s, 1.0])
    tip = (1.6, 2.75)
    _lock(
        canvas,
        hair,
        outer=side * [(1.0, -0.85), (1.5, -1.0), (1.95, -0.3), (2.0, 0.8), (1.85, 1.9), tip],
        inner=side * [tip, (1.4, 1.9), (1.32, 1.0), (1.22, 0.1), (1.0, -0.5)],
        strand=side * [(1.3, -0.6), (1.66, 0.1), (1.7, 1.0), (1.6, 2.0)],
    )
    _tie(canvas, hair, (s * 1.14, -0.72), 0.13, 0.24)


def draw_braid(canvas: Canvas, hair: Frame, s: int) -> None:
    """A braid over the shoulder, on the left (s = -1) or right (1)."""
    for i, y in enumerate(np.arange(0.85, 2.3, 0.27)):
        x = s * (1.02 + 0.09 * i)
        knot = hair(ellipse((x, y), 0.25 - 0.012 * i, 0.21), depth=0.1)
        canvas.piece("hair", knot, 0.012)
        plait = bend((x - 0.2, y - 0.05), (x + 0.02, y + 0.19), -0.15)
        canvas.stroke(hair(plait, depth=0.1), 0.65, ends=(0.3, 0.3))
    end = (s * 1.6, 2.95)
    tuft = [
        smooth([(s * 1.4, 2.35), (s * 1.44, 2.65), end]),
        smooth([end, (s * 1.75, 2.6), (s * 1.6, 2.35)]),
    ]
    outline = hair(np.concatenate(tuft), depth=0.1)
    canvas.fill("hair", outline)
    canvas.contour(outline)
    _tie(canvas, hair, (s * 1.52, 2.38), 0.17, 0.1)


def _lock(canvas: Canvas, hair: Frame, outer: Points, inner: Points, strand: Points) -> None:
    """A big hanging lock: `outer` runs to the tip, `inner` back from it."""
    edges = [hair(smooth(edge), depth=-0.3) for edge in (outer, inner)]
    outline = np.concatenate(edges)
    canvas.fill("hair", outline)
    canvas.shade_edge(outline, only=("hair",), width=0.03)
    for edge in edges:
        canvas.stroke(edge, 1.25, ends=(0.4, 0.4))
    canvas.stroke(hair(smooth(strand), depth=-0.3), 0.65, ends=(0.1, 0.0))


def _tie(canvas: Canvas, hair: Frame, centre: tuple[float, float], rx: float, ry: float) -> None:
    band = hair(ellipse(centre, rx, ry), depth=-0.3)
    canvas.fill("ribbon", band)
    canvas.contour(band, 0.9)
