"""Line extraction measured: the trained extractor against XDoG and Canny at their best.

Ink is what is darker than 128, neither drawing thinned. An ink pixel of the drawing is right if ink
of the truth lies within 1 px (or 2 px) of it: precision. Ink of the truth is found if ink of the
drawing lies as near: recall. Counts are summed over all pictures. XDoG and Canny get the fixed
settings that are best, by F1 within 2 px, on training pictures treated in the same way.
"""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
import tyro

from colorizer.augmentation.degradation import degrade, draw_parameters
from colorizer.augmentation.distortion import to_uint8
from colorizer.config.augmentation import DegradeConfig
from colorizer.lines.extractor import Extractor
from colorizer.lines.xdog import XDoG, draw_lines
from colorizer.pictures import grid
from colorizer.pictures.decode import decode_file
from colorizer.pictures.files import PictureFile, find_pictures
from colorizer.pictures.geometry import fitted_size, pad, resize
from colorizer.shards.reader import Sample, ShardReader
from colorizer.system import console
from colorizer.system.storage import check_writable, replace_file, writing

INK = 128  # below: ink
RADII = (1, 2)  # pixels
SHEET_PICTURES = 12
CELL = 384  # pixels of a picture in the sheet

Draw = Callable[[np.ndarray], np.ndarray]  # H×W×3 uint8 RGB → H×W uint8, dark ink on white


@dataclass(frozen=True, kw_only=True)
class BenchmarkConfig:
    """Compare a trained extractor with XDoG and Canny."""

    checkpoint: Path
    """Run folder, checkpoint folder or .safetensors file of the extractor."""
    data: Path
    """Shards of drawn characters; those held out are measured."""
    output: Path
    """Folder for extraction.json and the sheet."""
    searched: int = 40
    """Training pictures on which the others' settings are chosen."""
    pictures: Path | None = None
    """Also draw 12 pictures of this folder: colour | extractor | XDoG | Canny | XDoG's default."""
    side: int = 768
    """Longer side at which these are drawn; smaller ones keep theirs."""


class Pair(NamedTuple):
    """A picture and its true line."""

    color: np.ndarray  # H×W×3 uint8 RGB
    line: np.ndarray  # H×W uint8


class Canny(NamedTuple):
    """Settings of Canny's edge detector."""

    sigma: float  # of the blur before it, pixels
    low: float
    high: float


# ---- Measuring


def near(ink: np.ndarray, radius: int) -> np.ndarray:
    """H×W bool: whether ink lies within `radius` pixels."""
    if not ink.any():
        return np.zeros_like(ink)
    distance = cv2.distanceTransform((~ink).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return distance <= radius + 1e-3


def measure(draw: Draw, pairs: Sequence[Pair], radii: Sequence[int] = RADII) -> dict[str, Any]:
    """Precision, recall and F1 for each radius, and the mean absolute difference of 0 to 255."""
    counts = {radius: np.zeros(2) for radius in radii}
    ink_counts, difference = np.zeros(2), 0.0
    for color, line in pairs:
        drawing = draw(color)
        drawn, true = drawing < INK, line < INK
        ink_counts += np.array([drawn.sum(), true.sum()])
        difference += np.abs(drawing.astype(float) - line).mean() / len(pairs)
        for radius in radii:
            right, found = drawn & near(true, radius), true & near(drawn, radius)
            counts[radius] += np.array([right.sum(), found.sum()])
    figures: dict[str, Any] = {"difference": difference}
    for radius, hits in counts.items():
        precision, recall = hits / np.maximum(ink_counts, 1)
        f1 = 2 * precision * recall / max(precision + recall, 1e-9)
        figures[f"{radius}px"] = {"precision": precision, "recall": recall, "f1": f1}
    return figures


# ---- The others


def draw_xdog(settings: XDoG) -> Draw:
    """XDoG as make_shards.py draws."""
    return lambda color: draw_lines(color, color.shape[1], color.shape[0], settings)


def draw_canny(settings: Canny) -> Draw:
    """Canny's edges as ink."""

    def draw(color: np.ndarray) -> np.ndarray:
        grey = cv2.cvtColor(color, cv2.COLOR_RGB2GRAY)
        blurred = cv2.GaussianBlur(grey, (0, 0), settings.sigma)
        return 255 - cv2.Canny(blurred, settings.low, settings.high, L2gradient=True)

    return draw


def xdog_settings() -> Iterator[XDoG]:
    """The grid. φ is not in it: with ink cut at 128 it acts as ε does."""
    sigmas = (0.002, 0.003, 0.0045, 0.007)
    taus = (0.9, 0.94, 0.97, 0.985, 1.0)
    epsilons = (-0.06, -0.03, -0.01, 0.0, 0.01, 0.03, 0.06)
    for sigma, tau, epsilon in itertools.product(sigmas, taus, epsilons):
        yield XDoG(sigma=sigma, tau=tau, epsilon=epsilon)


def canny_settings() -> Iterator[Canny]:
    """The grid."""
    for sigma, high, share in itertools.product(
        (0.5, 0.8, 1.2, 1.8), (40, 80, 120, 180, 260, 360), (0.3, 0.6)
    ):
        yield Canny(sigma, share * high, high)


def best(
    name: str, settings: Iterable[Any], draw: Callable[[Any], Draw], pairs: Sequence[Pair]
) -> Any:
    """The settings with the best F1 within 2 px."""
    candidates = list(settings)
    scores = []
    with console.progress(f"settings of {name}", len(candidates), "settings") as advance:
        for candidate in candidates:
            scores.append(measure(draw(candidate), pairs, (2,))["2px"]["f1"])
            advance(len(scores))
    return candidates[int(np.argmax(scores))]


# ---- Pictures


def as_drawn(samples: list[Sample]) -> list[Pair]:
    """The pictures as they are in the shards."""
    return [Pair(s.color, s.line) for s in samples]


def as_degraded(samples: list[Sample]) -> list[Pair]:
    """The pictures degraded as in training, but in place."""
    config = replace(DegradeConfig(), flip=0.0, zoom=(1.0, 1.0))
    parameters = draw_parameters(config, 12345, range(len(samples)))
    color, line = (
        torch.from_numpy(np.stack(a))
        for a in ([s.color for s in samples], [s.line for s in samples])
    )
    degraded = to_uint8(degrade(parameters, color, line).color)
    return [Pair(c, s.line) for c, s in zip(degraded, samples, strict=True)]


TREATMENTS = {"as drawn": as_drawn, "degraded": as_degraded}


def sheet(config: BenchmarkConfig, methods: dict[str, Draw]) -> np.ndarray:
    """Twelve pictures of a folder beside their drawings."""
    found = [file for file in find_pictures(config.pictures) if isinstance(file, PictureFile)]
    places = np.linspace(0, len(found) - 1, SHEET_PICTURES).round().astype(int)
    rows = []
    for place in places:
        color = decode_file(config.pictures / found[place].source).pixels
        side = min(config.side, max(color.shape[:2]))
        color = resize(color, *fitted_size(color.shape[1], color.shape[0], side))
        rows.append([cell(p) for p in (color, *(draw(color) for draw in methods.values()))])
    return grid.grid(["colour", *methods], rows)


def cell(picture: np.ndarray) -> np.ndarray:
    """A picture of the sheet: CELL×CELL."""
    return pad(resize(picture, *fitted_size(*picture.shape[1::-1], CELL)), (CELL, CELL))


# ---- The program


def main() -> None:
    config = tyro.cli(BenchmarkConfig)
    check_writable(config.output)
    extractor = Extractor(config.checkpoint)
    train, held_out = (ShardReader(config.data / split) for split in ("train", "held-out"))
    chosen = np.linspace(0, len(train) - 1, min(config.searched, len(train))).astype(int)
    known, unknown = [train[n] for n in chosen], [held_out[n] for n in range(len(held_out))]
    report: dict[str, Any] = {"sha256": extractor.sha256, "step": extractor.file.step}
    rows = []
    for treatment, treat in TREATMENTS.items():
        searched, measured = treat(known), treat(unknown)
        xdog = best("XDoG", xdog_settings(), draw_xdog, searched)
        canny = best("Canny", canny_settings(), draw_canny, searched)
        methods = {"extractor": extractor.draw, "XDoG": draw_xdog(xdog), "Canny": draw_canny(canny)}
        settings = {"XDoG": asdict(xdog), "Canny": canny._asdict()}
        figures = {name: measure(draw, measured) for name, draw in methods.items()}
        report[treatment] = {"pictures": len(measured), "settings": settings, "figures": figures}
        rows += [table_row(treatment, name, f) for name, f in figures.items()]
    with writing(config.output):
        config.output.mkdir(parents=True, exist_ok=True)
    columns = ["pictures", "method"]
    columns += [f"{f} {r} px" for r in RADII for f in ("precision", "recall", "F1")]
    console.table(f"{len(unknown)} held out", [*columns, "difference"], rows)
    replace_file(config.output / "extraction.json", (json.dumps(report, indent=2) + "\n").encode())
    if config.pictures is not None:
        # At the settings that make_shards.py uses: those above suit small drawings alone.
        methods["XDoG"] = draw_xdog(XDoG())
        grid.write_picture(config.output / "sheet.png", sheet(config, methods))
    console.say(f"Written to {config.output}")


def table_row(treatment: str, name: str, figures: dict[str, Any]) -> list[str]:
    """One line of the table."""
    hits = [figures[f"{r}px"][f] for r in RADII for f in ("precision", "recall", "f1")]
    return [treatment, name, *(f"{hit:.3f}" for hit in hits), f"{figures['difference']:.1f}"]


if __name__ == "__main__":
    console.run(main)
