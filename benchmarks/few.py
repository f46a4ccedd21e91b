"""What a few drawings gain by starting from the shipped colorizer: held-out curves over minutes.

    python benchmarks/few.py --data shards/own --output runs/few

Trains the preset `few` twice, from the shipped file and from random weights, and draws few.png.
Random weights get the learning rate of the preset `demo`, which suits them better. A training that
was stopped goes on.
"""

import statistics
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib
import tyro
from methods import read_curve

from colorizer.config.presets import demo, few
from colorizer.training.train import train

LOOK_EVERY = 50  # steps
FIGURES = {"cross-own-colours": "-", "wrong": ":"}  # reference → how its curve is drawn


@dataclass(frozen=True)
class FewConfig:
    """Train with and without the shipped colorizer."""

    data: Path
    """Folder of shards of a few drawings; the held-out part needs groups."""
    output: Path
    """Gets shipped/, scratch/ and few.png."""
    steps: int = 1500
    """Of each training."""
    evaluate_count: int = 256
    """Look at this many held-out drawings at most."""


def main(config: FewConfig) -> None:
    """Train what is not trained yet, and draw."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    for color, (name, label) in enumerate(
        {"shipped": "from the shipped colorizer", "scratch": "from random weights"}.items()
    ):
        train_one(config, name)
        metrics = config.output / name / "metrics.jsonl"
        minutes = minutes_of_a_step(metrics)
        for mode, style in FIGURES.items():
            curve = read_curve(metrics, f"held-out/{mode}/psnr")
            if not curve:
                raise SystemExit(f"{config.data}: its held-out pictures have no {mode} references.")
            times = [minutes * step for step in curve]
            axes.plot(
                times, list(curve.values()), style, color=f"C{color}", label=f"{label}, {mode}"
            )
            for time, psnr in zip(times, curve.values(), strict=True):
                print(f"{name} {mode}: {time:.1f} min, {psnr:.2f} dB")
    axes.set(xlabel="minutes of training", ylabel="held-out PSNR, dB")
    axes.grid(color="#e4e8ec")
    axes.legend()
    figure.savefig(config.output / "few.png", dpi=100)


def train_one(config: FewConfig, name: str) -> None:
    """The preset `few` from the shipped file, or from scratch."""
    run = replace(
        few(config.data, config.output / name),
        steps=config.steps,
        evaluate_every=LOOK_EVERY,
        evaluate_count=config.evaluate_count,
        patience=0,
    )
    if name == "scratch":
        rate = demo().optimizer.generator_lr
        optimizer = replace(run.optimizer, generator_lr=rate)
        run = replace(run, start_from=None, optimizer=optimizer)
    train(run)


def minutes_of_a_step(metrics: Path) -> float:
    """The median over a run; looks are left out."""
    speeds = read_curve(metrics, "images_per_second").values()
    return few().batch_size / statistics.median(speeds) / 60


if __name__ == "__main__":
    main(tyro.cli(FewConfig))
