"""How far a colorizer takes the colours of another drawing of the character: right and wrong ones.

    python benchmarks/real_drawings.py --checkpoint runs/a runs/b --data shards/real shards/comic \
        --output sheets

Held-out drawings in groups. Each is coloured from the least alike picture of its group, and from
one of another group; it is judged against its own colours, on the figure alone. That is not the
truth, as light and clothes may differ: compare checkpoints by it, and look at the sheets.
A model that averages scores well on PSNR, so the error of a*b* and the saturation stand beside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
import torch
import tyro

from colorizer.coloring.colorizer import Colorizer
from colorizer.evaluation.metrics.palette import sliced_wasserstein
from colorizer.loading.references import groups, random_references
from colorizer.pictures.grid import grid, psnr_of, write_picture
from colorizer.pictures.lab import lab
from colorizer.shards.reader import Sample, ShardReader

ALIKE = 25.0  # dB: pictures of a group that are nearer are one drawing with another face
SHOWN = 12  # drawings of a sheet


@dataclass(frozen=True)
class RealConfig:
    """Judge checkpoints on real drawings."""

    checkpoint: tuple[Path, ...]
    """Run folders, checkpoint folders or files."""
    data: tuple[Path, ...]
    """Folders of shards whose held-out/ part has several drawings of each group."""
    output: Path
    """Gets a sheet of each set and checkpoint."""


@dataclass(frozen=True)
class Figures:
    """What is taken of a result, or the mean of several."""

    psnr: float  # dB
    ab: float  # distance of a*b*
    saturation: float  # mean C*ab as a share of its own colours'
    palette: float  # ΔE to its reference's


def main(config: RealConfig) -> None:
    """Print a table of each set."""
    for data in config.data:
        reader = ShardReader(data / "held-out")
        pairs = choose_pairs(reader)
        if not pairs:
            raise SystemExit(f"{data}: no held-out drawing has another one in its group.")
        print(f"\n{data}: {len(pairs)} drawings of {len(reader)}\n")
        print("| checkpoint | reference | PSNR | a*b* | saturation | palette |")
        print("|---|---|---|---|---|---|")
        shown = [pairs[place] for place in np.linspace(0, len(pairs) - 1, SHOWN).astype(int)]
        for checkpoint in config.checkpoint:
            colorizer = Colorizer(checkpoint)
            for row in rows_of(checkpoint, reader, colorizer, pairs):
                print(row, flush=True)
            of_checkpoint = "-".join(checkpoint.resolve().with_suffix("").parts[1:])
            sheet = config.output / data.name / f"{of_checkpoint}.png"
            write_sheet(sheet, reader, colorizer, shown)


def rows_of(
    checkpoint: Path, reader: ShardReader, colorizer: Colorizer, pairs: list[tuple[int, int, int]]
) -> Iterator[str]:
    """The table's rows of a checkpoint: with right references, and with wrong ones."""
    for name, place in (("right", 1), ("wrong", 2)):
        mean = average([judge(reader, colorizer, pair[0], pair[place]) for pair in pairs])
        figures = f"{mean.psnr:.2f} | {mean.ab:.1f} | {mean.saturation:.2f} | {mean.palette:.1f}"
        yield f"| {checkpoint} | {name} | {figures} |"


def choose_pairs(reader: ShardReader) -> list[tuple[int, int, int]]:
    """Of each drawing that its group has another of: its number, right and wrong reference."""
    if len(reader.index.shapes) > 1:
        raise SystemExit("make the shards without --fit buckets, so that pictures compare.")
    of_groups = groups(reader)
    wrong = random_references(of_groups, seed=0)
    pictures = [reader[number].color.astype(float) for number in range(len(reader))]
    pairs = []
    for number, group in enumerate(of_groups):
        if paper(reader[number].color).all():
            raise SystemExit(f"{reader.key(number)}: a blank picture; leave it out of the shards.")
        others = [n for n, name in enumerate(of_groups) if name == group and n != number]
        likeness = {n: likeness_of(pictures[number], pictures[n]) for n in others}
        right = min(likeness, key=likeness.__getitem__, default=None)
        stranger = wrong[number]
        if right is not None and stranger is not None and likeness[right] < ALIKE:
            pairs.append((number, right, stranger))
    return pairs


def likeness_of(picture: np.ndarray, other: np.ndarray) -> float:
    """PSNR between two pictures as they stand."""
    return float(psnr_of(np.square(picture - other).mean()))


def judge(reader: ShardReader, colorizer: Colorizer, number: int, reference: int) -> Figures:
    """The figures of a drawing in a reference's colours."""
    sample, guide = reader[number], reader[reference]
    result = color(colorizer, sample, guide)
    figure = ~paper(sample.color)
    got, own = lab(result[figure]), lab(sample.color[figure])
    error = np.square(result[figure].astype(float) - sample.color[figure]).mean()
    return Figures(
        psnr=float(psnr_of(error)),
        ab=float(np.linalg.norm(got[:, 1:] - own[:, 1:], axis=1).mean()),
        saturation=float(chroma(got) / max(chroma(own), 1.0)),
        palette=sliced_wasserstein(got, lab(guide.color[~paper(guide.color)])),
    )


def color(colorizer: Colorizer, sample: Sample, guide: Sample) -> np.ndarray:
    """H×W×3 uint8: a drawing in a reference's colours."""
    line, reference = torch.from_numpy(sample.line), torch.from_numpy(guide.color)
    return colorizer.color_batch(line[None], reference[None])[0].numpy()


def chroma(colors: np.ndarray) -> float:
    """Mean C*ab of N×3 CIELAB."""
    return float(np.linalg.norm(colors[:, 1:], axis=1).mean())


def paper(picture: np.ndarray) -> np.ndarray:
    """H×W bool: white that reaches the border."""
    white = (picture.min(axis=2) >= 245).astype(np.uint8)
    framed = np.pad(white, 1, constant_values=1)
    cv2.floodFill(framed, None, (0, 0), 2)
    return framed[1:-1, 1:-1] == 2


def average(figures: list[Figures]) -> Figures:
    """The mean of each figure."""
    return Figures(
        **{
            f.name: float(np.mean([getattr(figure, f.name) for figure in figures]))
            for f in fields(Figures)
        }
    )


def write_sheet(
    path: Path, reader: ShardReader, colorizer: Colorizer, pairs: list[tuple[int, int, int]]
) -> None:
    """A row of pictures for each drawing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, right, wrong in pairs:
        sample, good, bad = reader[number], reader[right], reader[wrong]
        results = [color(colorizer, sample, guide) for guide in (good, bad)]
        rows.append([sample.line, good.color, results[0], bad.color, results[1], sample.color])
    columns = ["drawing", "right reference", "result", "wrong reference", "result", "its own"]
    write_picture(path, grid(columns, rows))


if __name__ == "__main__":
    main(tyro.cli(RealConfig))
