"""How well each of the five methods colours, over the time that its training takes.

    python benchmarks/methods.py train --data shards/demo --output runs/methods \
        --methods attention-aware ours --seeds 0 1 --steps 4000
    python benchmarks/methods.py time --output runs/methods
    python benchmarks/methods.py draw --output runs/methods

The networks and settings are those of `make table1`. Training may go on beside other work and over
days: its curves are over steps, and `time` measures what a step of each takes on an idle machine,
in turns. `draw` puts both together.
"""

import json
import statistics
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import matplotlib
import numpy as np
import torch
import tyro
from measuring import timed
from standing_in import augmented, build_task, characters

from colorizer.config.training import ColorizationConfig
from colorizer.evaluation.config import Table1Config
from colorizer.evaluation.table import METHODS
from colorizer.evaluation.table1 import as_method, demo_scale, run_folder
from colorizer.training.train import train

WARM_UP, STEPS, ROUNDS = 2, 5, 4  # of `time`
LOOK_EVERY = 250  # steps
AT = (500, 1000, 2000, 4000)  # steps in the table
COLORS = dict(zip(METHODS, ("#cf4d8b", "#d1602b", "#8250df", "#0969da", "#2a8a5f"), strict=True))


@dataclass(frozen=True)
class Train:
    """Train methods, or go on with them."""

    data: Path
    """Folder of the demo's shards."""
    output: Path
    """Gets METHOD/seed-N/."""
    methods: tuple[str, ...] = METHODS
    """Which."""
    seeds: tuple[int, ...] = (0, 1)
    """A training of each method with each."""
    steps: int = 1000
    """Of each training."""


@dataclass(frozen=True)
class Time:
    """Measure what a step of each method takes; nothing else should run."""

    output: Path
    """Gets seconds.json."""


@dataclass(frozen=True)
class Draw:
    """Draw the curves of what is trained, and print the table."""

    output: Path
    """Folder of the trainings; gets methods.png."""


COMMANDS = (
    Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Time, tyro.conf.subcommand("time")]
    | Annotated[Draw, tyro.conf.subcommand("draw")]
)


def run_of(output: Path, method: str, seed: int, data: Path = Path("none")) -> ColorizationConfig:
    """The training of a method at the demo's scale."""
    scale = replace(demo_scale(), data=(data,), output=output)
    return replace(
        as_method(scale, method, seed),
        steps=LOOK_EVERY,
        evaluate_every=LOOK_EVERY,
        evaluate_count=64,
        checkpoint_every=LOOK_EVERY,
        workers=0,
    )


def train_methods(config: Train) -> None:
    """Train each method with each seed."""
    for seed in config.seeds:
        for method in config.methods:
            train(replace(run_of(config.output, method, seed, config.data), steps=config.steps))


def measure(config: Time) -> None:
    """Write the seconds of a step of each method, the median of several turns."""
    seconds: dict[str, list[float]] = {method: [] for method in METHODS}
    tasks = {method: build_task(run_of(config.output, method, 0)) for method in METHODS}
    batches = {m: augmented(task, characters(16, 64)) for m, task in tasks.items()}
    for turn in range(ROUNDS + 1):
        for method, task in tasks.items():
            for _ in range(STEPS if turn else WARM_UP):
                taken = timed(lambda t=task, m=method: t.step(batches[m]))
                if turn:
                    seconds[method].append(taken)
    result = {method: statistics.median(values) for method, values in seconds.items()}
    config.output.mkdir(parents=True, exist_ok=True)
    (config.output / "seconds.json").write_text(json.dumps(result, indent=2) + "\n")
    for method, value in result.items():
        print(f"{method}: {1000 * value:.0f} ms a step, {torch.get_num_threads()} threads")


def draw_methods(config: Draw) -> None:
    """Draw methods.png and print a row of each training."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    seconds = json.loads((config.output / "seconds.json").read_text())
    figure, axes = pyplot.subplots(figsize=(9, 5), layout="constrained")
    print("| method | seed | ms a step |" + "".join(f" {step:,} steps |" for step in AT))
    print("|---|---|---|" + "---|" * len(AT))
    for method in METHODS:
        for folder in sorted(run_folder_of(config.output, method).glob("seed-*")):
            curve = read_curve(folder / "metrics.jsonl")
            minutes = np.array(list(curve)) * seconds[method] / 60
            label = method if folder.name == "seed-0" else None
            axes.plot(minutes, list(curve.values()), ".-", color=COLORS[method], label=label)
            cells = (f"{curve[step]:.2f}" if step in curve else "" for step in AT)
            print(
                f"| `{method}` | {folder.name[5:]} | {1000 * seconds[method]:.0f} |"
                f" {' | '.join(cells)} |"
            )
    axes.set(xlabel="minutes of training on two cores", ylabel="PSNR, right reference, dB")
    axes.grid(color="#e4e8ec")
    axes.legend()
    figure.savefig(config.output / "methods.png", dpi=100)


def run_folder_of(output: Path, method: str) -> Path:
    """Where the trainings of a method are."""
    return run_folder(Table1Config((output,), output), method, 0).parent


def read_curve(metrics: Path, name: str = "held-out/cross/psnr") -> dict[int, float]:
    """A figure of a run by step; by default PSNR with the right reference at each look."""
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    return {line["step"]: line[name] for line in lines if name in line}


def main() -> None:
    match tyro.cli(COMMANDS, description=__doc__):
        case Train() as config:
            train_methods(config)
        case Time() as config:
            measure(config)
        case Draw() as config:
            draw_methods(config)


if __name__ == "__main__":
    main()
