"""curves.png of a run: what it has learned, over its steps, on one sheet.

Matplotlib is imported where it draws: it takes most of a second.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from colorizer.pictures.grid import write_picture
from colorizer.system.errors import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

WIDTH, COLUMNS = 12.0, 2  # all lengths in inches, of 100 pixels
HEAD, PANEL, ABOVE, BELOW = 0.55, 2.75, 0.55, 0.4  # above a diagram its title and legend
LEFT, RIGHT, BETWEEN = 0.62, 0.55, 1.0
MAX_LINES = 20_000  # of training that are read; of more, every n-th
MAX_POINTS = 400  # of a curve
SMOOTHING = 40  # a smoothed curve's memory is its points divided by this
FEW = 40  # points that are each shown
WIDE_RANGE = 30.0  # between the ends of a curve, from which the axis is logarithmic

INK, FAINT, GRID = "#24292f", "#6e7781", "#e4e8ec"
COLORS = ("#0969da", "#d1602b", "#2a8a5f", "#8250df", "#bf8700", "#cf4d8b", "#57606a")
LABELS = {
    "held-out/self": "self",
    "held-out/cross": "right reference",
    "held-out/cross-own-colours": "right reference",
    "held-out/wrong": "wrong reference",
    "held-out/recolored": "recoloured",
    "loss/l1": "L1",
    "images_per_second": "pictures a second",
    "waiting": "waiting for data, %",
    "memory/host_gb": "host",
    "memory/device_gb": "device",
}


@dataclass(frozen=True)
class Panel:
    """One of the sheet's diagrams."""

    title: str
    names: tuple[str, ...]  # of the figures, without their `suffix`
    suffix: str = ""
    smoothed: bool = False
    from_zero: bool = False
    percent: tuple[str, ...] = ()  # names with an axis of their own, from 0 to 100


Series = dict[str, tuple[np.ndarray, np.ndarray]]  # name → steps, values


def draw_curves(metrics: Path, target: Path) -> None:
    """Draw the figures of a run's metrics.jsonl over its steps.

    Args:
        metrics: Lines of JSON with a `step`; damaged ones are passed over.
        target: The PNG, 1,200 pixels wide; named after the folder that holds it.

    Raises:
        UserError: one of them cannot be read or written.
    """
    series = _read(metrics)
    write_picture(target, _draw(series, _panels(series), target.absolute().parent.name))


# ---- Reading


def _read(metrics: Path) -> Series:
    return _read_lines(_lines(metrics))


def _read_lines(lines: Iterable[bytes]) -> Series:
    points: dict[str, dict[int, float]] = {}
    for line in lines:
        try:
            figures = json.loads(line)
            step = int(figures["step"])
        except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
            continue  # cut short, or not ours
        for name, value in figures.items():
            if name != "step" and type(value) in (int, float) and isfinite(value):
                points.setdefault(name, {})[step] = value
    return {name: _sorted(values) for name, values in points.items()}


def _lines(metrics: Path) -> Iterator[bytes]:
    """All lines of looks at held-out pictures, and evenly chosen ones of training."""
    try:
        lines = metrics.read_bytes().splitlines()
    except OSError as error:
        raise UserError(f"cannot read {metrics}: {error.strerror}.") from error
    every = -(-len(lines) // MAX_LINES)
    for number, line in enumerate(lines):
        if (len(lines) - 1 - number) % max(every, 1) == 0 or b'"held-out/' in line:
            yield line


def _sorted(values: dict[int, float]) -> tuple[np.ndarray, np.ndarray]:
    steps = np.array(sorted(values))
    return steps, np.array([values[step] for step in steps.tolist()], float)


# ---- What the sheet shows


def _panels(series: Series) -> list[Panel]:
    """The diagrams for which there are figures, the ones that tell most first."""

    def under(prefix: str, suffix: str = "") -> tuple[str, ...]:
        found = (n.removesuffix(suffix) for n in series if n.startswith(prefix))
        known = [name for name in found if name + suffix in series]
        return tuple(sorted(known, key=lambda n: [*LABELS, n].index(n)))

    adversarial = tuple(n for n in ("loss/adversarial", "loss/discriminator") if n in series)
    others = [name for name in under("loss/") if name not in adversarial]
    waiting = under("waiting")
    left_out = ("left_out",) if "left_out" in series and series["left_out"][1].any() else ()
    panels = [
        Panel("Held-out pictures: PSNR (dB)", under("held-out/", "/psnr"), "/psnr"),
        Panel("Held-out pictures: mean difference (L1)", under("held-out/", "/l1"), "/l1"),
        *(Panel(f"Loss: {_label(n)}", (n,), smoothed=True) for n in others),
        Panel("Loss: generator against discriminator", adversarial, smoothed=True),
        Panel("Gradient norms", under("gradient/"), smoothed=True),
        Panel("Learning rates", under("learning-rate/"), from_zero=True),
        Panel(
            "Speed (pictures / s) and waiting (% of the time)",
            (*under("images_per_second"), *waiting),
            smoothed=True,
            from_zero=True,
            percent=waiting,
        ),
        Panel("Memory, at most (GB)", under("memory/"), from_zero=True),
        Panel("Updates left out, so far", left_out, from_zero=True),
    ]
    return [panel for panel in panels if panel.names]


def _label(name: str) -> str:
    return LABELS.get(name, name.rpartition("/")[2].replace("_", " "))


# ---- Drawing


def _draw(series: Series, panels: list[Panel], run: str) -> np.ndarray:
    """H×W×3 uint8."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height = HEAD + PANEL * max(1, -(-len(panels) // COLUMNS))
    figure = Figure((WIDTH, height), dpi=100, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    last = max((int(steps[-1]) for steps, _ in series.values()), default=0)
    title = f"{run}   step {last:,}" if series else f"{run}   no figures yet"
    style = {"fontsize": 14, "fontweight": "bold", "color": INK, "va": "top"}
    figure.text(0.2 / WIDTH, 1 - 0.15 / height, title, parse_math=False, **style)
    width = (WIDTH - LEFT - RIGHT - BETWEEN * (COLUMNS - 1)) / COLUMNS
    for place, panel in enumerate(panels):
        row, column = divmod(place, COLUMNS)
        left, top = LEFT + column * (width + BETWEEN), HEAD + row * PANEL + ABOVE
        tall = PANEL - ABOVE - BELOW
        bottom = height - top - tall
        axes = figure.add_axes((left / WIDTH, bottom / height, width / WIDTH, tall / height))
        _draw_panel(axes, panel, series, last)
        if place >= len(panels) - COLUMNS:
            axes.set_xlabel("step", fontsize=8.5, color=FAINT, labelpad=1)
    canvas.draw()  # not savefig, which lays everything out twice
    return np.asarray(canvas.buffer_rgba())[..., :3]


def _draw_panel(axes: Axes, panel: Panel, series: Series, last: int) -> None:
    _furnish(axes, panel.title, last)
    share_axes = axes.twinx() if panel.percent else axes
    handles, drawn = [], []
    for name, color in zip(panel.names, cycle(COLORS)):
        steps, values = series[name + panel.suffix]
        if name == "left_out":
            values = values.cumsum()
        if name in panel.percent:
            handles += _draw_curve(share_axes, steps, 100 * values, color, name, panel.smoothed)
        else:
            handles += _draw_curve(axes, steps, values, color, name, panel.smoothed)
            drawn.append(values)
    if drawn:
        _choose_scale(axes, np.concatenate(drawn), panel)
    if panel.percent:
        share_axes.set_ylim(0, 100)
        _quieten(share_axes, visible=())
    axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(-0.012, 0.985),
        ncols=len(handles),
        fontsize=8,
        frameon=False,
        handlelength=1.1,
        handletextpad=0.5,
        columnspacing=1.2,
        labelcolor=INK,
    )


def _draw_curve(
    axes: Axes, steps: np.ndarray, values: np.ndarray, color: str, name: str, smoothed: bool
) -> list[Line2D]:
    """Draw one, and what it was before smoothing behind it; gives what the legend names."""
    dots = {}
    if len(steps) <= FEW:
        dots = {"marker": "o", "markersize": 3.5 if len(steps) > 1 else 6}
    elif smoothed:
        axes.plot(*_extremes(steps, values), color=color, alpha=0.22, linewidth=0.7, zorder=2)
        values = _smooth(values)
    steps, values = _thin(steps, values)
    digits = 4 if abs(values[-1]) >= 10 else 3  # decibels to a hundredth
    label = f"{_label(name)}  {values[-1]:.{digits}g}"
    return axes.plot(steps, values, label=label, color=color, linewidth=1.6, zorder=3, **dots)


def _furnish(axes: Axes, title: str, last: int) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    style = {"fontsize": 10.5, "fontweight": "bold", "color": INK, "transform": axes.transAxes}
    axes.text(0, 1 + 0.3 / (PANEL - ABOVE - BELOW), title, parse_math=False, **style)
    axes.set_xlim(0, 1.008 * max(last, 1))  # room for half of the last dot
    axes.margins(y=0.08)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    _quieten(axes, visible=("left", "bottom"))


def _quieten(axes: Axes, visible: Sequence[str]) -> None:
    axes.tick_params(labelsize=8, color=GRID, labelcolor=FAINT)
    for side, spine in axes.spines.items():
        spine.set_visible(side in visible)
        spine.set_color(GRID)


def _choose_scale(axes: Axes, values: np.ndarray, panel: Panel) -> None:
    """From zero, or logarithmic for a wide range, or one that a few outliers do not flatten."""
    from matplotlib.ticker import FuncFormatter

    low, high = np.quantile(values, (0.005, 0.995))
    if panel.from_zero:
        axes.set_ylim(0, 1.12 * values.max() or 1)
    elif low > 0 and high / low > WIDE_RANGE:
        axes.set_yscale("log")
        axes.minorticks_off()
    elif panel.smoothed and len(values) > FEW and high > low:
        axes.set_ylim(low - 0.08 * (high - low), high + 0.15 * (high - low))
    axes.yaxis.set_major_formatter(FuncFormatter(_say_value))


def _say_value(value: float, place: int) -> str:
    """`0`, `0.25`, `40`, `1.6e-4`."""
    if value == 0 or abs(value) >= 0.01:
        return f"{value:.4g}"
    digits, power = f"{value:.1e}".split("e")
    return f"{float(digits):g}e{int(power)}"


# ---- Points


def _smooth(values: np.ndarray) -> np.ndarray:
    """An exponential mean that starts without a bias to its first value."""
    keep = np.exp(-SMOOTHING / len(values))
    total = weight = 0.0
    means = np.empty(len(values))
    for place, value in enumerate(values.tolist()):
        total, weight = keep * total + value, keep * weight + 1
        means[place] = total / weight
    return means


def _thin(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most `MAX_POINTS` of them, evenly chosen, the ends among them."""
    chosen = np.linspace(0, len(steps) - 1, min(len(steps), MAX_POINTS)).round().astype(int)
    return steps[chosen], values[chosen]


def _extremes(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The smallest and the largest of each stretch, so that thinning hides no outlier."""
    if len(steps) <= 2 * MAX_POINTS:
        return steps, values
    chosen = []
    for stretch in np.array_split(np.arange(len(steps)), MAX_POINTS):
        within = values[stretch]
        chosen += sorted({int(stretch[within.argmin()]), int(stretch[within.argmax()])})
    return steps[chosen], values[chosen]
