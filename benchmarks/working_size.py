"""How well a colorizer colours when it works at other sizes than the one it was trained at.

    python benchmarks/working_size.py --checkpoint runs/plain runs/zoomed --output runs/sizes

Characters that no demo draws, 256 pixels a side, each coloured from its other pose at several
working sizes, and judged at that size; then from another character's picture. Prints a table and
draws working-size.png.
"""

from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import torch
import tyro

from colorizer.characters import draw, sample_character, sample_pose
from colorizer.coloring.colorizer import Colorizer
from colorizer.pictures.geometry import resize
from colorizer.pictures.grid import psnr_of

SIZES = (32, 40, 48, 64, 80, 96, 128)
DRAWN_AT = 256
FIRST = 9_000_000  # characters of no demo


@dataclass(frozen=True)
class SizesConfig:
    """Judge checkpoints at several working sizes."""

    checkpoint: tuple[Path, ...]
    """Run folders, checkpoint folders or files."""
    output: Path
    """Gets working-size.png."""
    count: int = 48
    """Colour this many drawings at each size."""


def main(config: SizesConfig) -> None:
    """Print a row of each checkpoint, and draw its curve."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    pictures = [drawn(FIRST + number) for number in range(config.count)]
    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    print("| checkpoint | reference |" + "".join(f" {size} |" for size in SIZES))
    print("|---|---|" + "---|" * len(SIZES))
    for checkpoint in config.checkpoint:
        colorizer = Colorizer(checkpoint)
        for reference, other, style in (("right", 0, "o-"), ("wrong", 1, ":")):
            curve = [judge(colorizer, pictures, other, size) for size in SIZES]
            cells = " | ".join(f"{value:.2f}" for value in curve)
            print(f"| {checkpoint} | {reference} | {cells} |", flush=True)
            color = f"C{config.checkpoint.index(checkpoint)}"
            axes.plot(SIZES, curve, style, color=color, label=f"{checkpoint.name}, {reference}")
    axes.set(xlabel="working size, pixels a side", ylabel="PSNR, dB")
    axes.set_xscale("log", base=2)
    axes.set_xticks(SIZES, labels=[str(size) for size in SIZES])
    axes.grid(color="#e4e8ec")
    axes.legend()
    config.output.mkdir(parents=True, exist_ok=True)
    figure.savefig(config.output / "working-size.png", dpi=100)


def drawn(number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Line, colours and the other pose's colours of a character."""
    character = sample_character(number)
    drawing = draw(character, sample_pose(number, 0), DRAWN_AT)
    other = draw(character, sample_pose(number, 1), DRAWN_AT)
    return drawing.line, drawing.color, other.color


def judge(
    colorizer: Colorizer,
    pictures: list[tuple[np.ndarray, np.ndarray, np.ndarray]],
    other: int,  # 0: the reference is the same character's; 1: the next one's
    size: int,
) -> float:
    """Mean PSNR (dB) at a working size."""
    figures = []
    for number, (line, color, _) in enumerate(pictures):
        reference = pictures[(number + other) % len(pictures)][2]
        small = [torch.from_numpy(resize(picture, size, size)) for picture in (line, reference)]
        result = colorizer.color_batch(small[0][None], small[1][None])[0].numpy()
        error = np.square(result.astype(float) - resize(color, size, size)).mean()
        figures.append(float(psnr_of(error)))
    return float(np.mean(figures))


if __name__ == "__main__":
    main(tyro.cli(SizesConfig))
