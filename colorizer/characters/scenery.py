"""What is behind a varied drawing: nothing, a gradient, or a few simple shapes."""

import numpy as np

from colorizer.characters.canvas import Canvas, ellipse, smooth
from colorizer.characters.figures import Stance


def draw_scenery(canvas: Canvas, stance: Stance, white_paper: bool) -> None:
    """Paint the background; white paper stays empty, but for a few halos and floors."""
    rng = np.random.default_rng(stance.scene)
    if white_paper and rng.random() < 0.85:
        return
    side = canvas.side
    match stance.scenery:
        case "gradient":
            _fade(canvas, rng)
        case "halo":
            radius = rng.uniform(0.3, 0.48) * side
            centre = (0.5 * side, rng.uniform(0.35, 0.55) * side)
            _patch(canvas, ellipse(centre, radius, radius, corners=90), 0.8)
        case "horizon":
            _horizon(canvas, rng)
        case "window":
            _window(canvas, rng)
        case "foliage":
            _foliage(canvas, rng)
        case "floor":
            y = rng.uniform(0.85, 0.95) * side
            _patch(canvas, ellipse((0.5 * side, y), rng.uniform(0.25, 0.5) * side, 0.07 * side), 0)


def _fade(canvas: Canvas, rng: np.random.Generator) -> None:
    """Let the background darken downwards or upwards."""
    rows = np.linspace(-rng.uniform(0, 0.6), 1, canvas.side, dtype=np.float32).clip(0)
    canvas.fading = (rows if rng.random() < 0.6 else rows[::-1])[:, None]


def _horizon(canvas: Canvas, rng: np.random.Generator) -> None:
    side = canvas.side
    x = np.linspace(-0.05, 1.05, 30)
    y = rng.uniform(0.45, 0.8) + rng.uniform(0, 0.06) * np.sin(rng.uniform(4, 14) * x + 2)
    hills = np.concatenate([np.stack([x, y], axis=1), [(1.05, 1.05), (-0.05, 1.05)]])
    if rng.random() < 0.5:
        _fade(canvas, rng)
    _patch(canvas, hills * side, 0.8)


def _window(canvas: Canvas, rng: np.random.Generator) -> None:
    side = canvas.side
    left, top = rng.uniform(0.02, 0.3, 2)
    width, height = rng.uniform(0.35, 0.65, 2)
    for column in range(2):
        for row in range(2):
            x0, y0 = left + column * width / 2, top + row * height / 2
            x1, y1 = x0 + 0.46 * width, y0 + 0.46 * height
            _patch(canvas, np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]) * side, 0.9)


def _foliage(canvas: Canvas, rng: np.random.Generator) -> None:
    side = canvas.side
    for _ in range(int(rng.integers(3, 8))):
        centre = np.array(
            [rng.uniform(0, 1), rng.choice([rng.uniform(0, 0.3), rng.uniform(0.6, 1)])]
        )
        radius = rng.uniform(0.1, 0.28)
        angles = np.linspace(0, 2 * np.pi, 14, endpoint=False)
        reach = radius * (1 + 0.16 * (np.arange(14) % 2 * 2 - 1) * rng.uniform(0.4, 1, 14))
        blob = centre + np.stack([np.cos(angles), 0.8 * np.sin(angles)], axis=1) * reach[:, None]
        outline = smooth(blob * side, True)
        _patch(canvas, outline, 0.8)
        canvas.shade_edge(outline, only=("backdrop",), width=0.03)


def _patch(canvas: Canvas, outline: np.ndarray, weight: float) -> None:
    canvas.fill("backdrop", outline)
    if weight:
        canvas.contour(outline, weight)
