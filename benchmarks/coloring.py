"""How fast a folder is coloured, beside the network alone.

    python benchmarks/coloring.py --count 200 --rounds 3

Drawn characters of 512 pixels a side, one reference. The whole (decoding, cleaning, network,
painting, writing) and the bare forward over equal drawings take turns in one process; prints
pictures a second of both, and their ratio, at each working size. Where pixels copy colours, as in
the shipped network, the forward's time grows with the fourth power of the side.
"""

import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import tyro
from measuring import timed

from colorizer.characters import draw, sample_character, sample_pose
from colorizer.coloring.colorizer import Colorizer
from colorizer.coloring.jobs import Job
from colorizer.coloring.pipeline import BATCH, Pipeline
from colorizer.coloring.writing import write_outputs
from colorizer.config.shipped import SHIPPED
from colorizer.drawings.regions import GAP
from colorizer.pictures.grid import write_picture
from colorizer.system.memory import keep_freed_memory

SIDE = 512
FIRST = 9_000_000  # characters of no demo


@dataclass(frozen=True)
class ColoringConfig:
    """Time a folder."""

    checkpoint: Path = SHIPPED
    """Run folder, checkpoint folder or file."""
    count: int = 200
    """Drawings in the folder."""
    working_sizes: tuple[int, ...] = (64, 128)
    """At which the network works."""
    rounds: int = 3
    """Times both are timed; the medians count."""


def main(config: ColoringConfig) -> None:
    """Print a row for each working size."""
    with tempfile.TemporaryDirectory() as folder:
        jobs = drawn(Path(folder), config.count)
        colorizer = Colorizer(config.checkpoint)
        if colorizer.device.type == "cpu":
            keep_freed_memory()
        print("| working size | whole, pictures/s | bare forward, pictures/s | ratio |")
        print("|---|---|---|---|")
        for size in config.working_sizes:
            whole, bare = speeds(colorizer, jobs, size, config.rounds)
            print(f"| {size} | {whole:.2f} | {bare:.2f} | {whole / bare:.2f} |", flush=True)


def drawn(folder: Path, count: int) -> list[Job]:
    """Drawings as PNG files, and a reference of the first one's character."""
    jobs = []
    for number in range(count):
        character = sample_character(FIRST + number)
        picture = draw(character, sample_pose(FIRST + number, 0), SIDE)
        if number == 0:
            write_picture(folder / "reference.png", picture.color)
        path = folder / "lines" / f"{number}.png"
        write_picture(path, picture.line)
        jobs.append(Job(path, (folder / "reference.png",), folder / "out" / path.name))
    return jobs


def speeds(colorizer: Colorizer, jobs: list[Job], size: int, rounds: int) -> tuple[float, float]:
    """Pictures a second of the whole, and of the network on as many drawings of that size."""
    references = colorizer.read(jobs[0].references, size)
    lines = [cv2.imread(str(job.drawing), cv2.IMREAD_GRAYSCALE) for job in jobs[:BATCH]]
    small = np.stack([colorizer.working_size(size).shrunk(line) for line in lines])
    batch = 1 if colorizer.device.type == "cpu" else len(small)

    def whole() -> None:
        pipeline = Pipeline(
            colorizer,
            lambda job, painting, _: write_outputs(painting, job.output, ["result"]),
            size,
            GAP,
        )
        for outcome in pipeline.run(jobs):
            assert not outcome.error, outcome.error

    def bare() -> None:
        for _ in range(0, len(jobs), batch):
            colorizer.color_small(small[:batch], references)

    colorizer.color_small(small[:batch], references)  # memory and kernels
    turns = [(timed(whole), timed(bare)) for _ in range(rounds)]
    of_whole, of_bare = (statistics.median(turn) for turn in zip(*turns, strict=True))
    return len(jobs) / of_whole, len(jobs) / of_bare


if __name__ == "__main__":
    main(tyro.cli(ColoringConfig, description=__doc__))
