"""Table 1 as a table: the methods side by side, and their pictures."""

import json
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import torch

from colorizer.coloring.colorizer import Colorizer
from colorizer.evaluation.presentation import SHOWN, legend, markdown_table
from colorizer.loading.references import groups, random_references, same_group
from colorizer.pictures import grid
from colorizer.remote.cache import ShardFolder
from colorizer.shards.reader import ShardReader
from colorizer.system import console
from colorizer.system.storage import replace_file

METHODS = ("scft", "scft-ca", "sga", "attention-aware", "ours")  # the paper's rows, and ours
OF_PAPER = {"fid": "random", "psnr": "self", "ms-ssim": "self", "lpips-alex": "self"}  # Sec. 4.4
# (row of the reports, metric): first the paper's four figures, then ours.
COLUMNS = (
    *((row, metric) for metric, row in OF_PAPER.items()),
    ("self", "lpips-vgg"),
    ("cross", "psnr"),
    ("cross", "ms-ssim"),
    ("cross", "lpips-alex"),
    ("recolored", "psnr"),
    ("random", "psnr"),
    ("cross", "palette"),
    ("random", "palette"),
)
OF_WRONG = ("random", "psnr")  # with a wrong reference neither more nor less is better
PAPER = {  # Table 1, in the order of OF_PAPER and to its two digits
    "scft": (47.20, 26.36, 0.95, 0.06),  # Lee et al.
    "scft-ca": (40.08, 24.70, 0.92, 0.09),  # Lee et al. + CA
    "sga": (28.24, 21.01, 0.94, 0.07),  # Li et al.
    "attention-aware": (23.34, 27.21, 0.96, 0.05),  # the paper's "Ours"
}
PAPER_NOTE = (
    'The columns "paper" are Table 1 of Cao, Tian, Mok (ICME 2023): pictures of 256x256, 250,000'
    " steps of 16. The paper trained on all of its 17,769 pictures (Sec. 4.1), so those that it"
    " judged were not held out as ours are. It does not say which network its LPIPS uses; alex is"
    " the usual one."
)

Reports = dict[str, list[dict[str, Any]]]  # method → the report.json of every seed
Figures = dict[str, dict[str, list[float]]]  # method → `row.metric` → the figure of every seed


def figures_of(reports: Reports) -> Figures:
    """The figures that all reports have."""
    every = [report["figures"] for made in reports.values() for report in made]
    columns = [(r, m) for r, m in COLUMNS if all(m in figures.get(r, {}) for figures in every)]
    return {
        method: {
            f"{r}.{m}": [report["figures"][r][m]["mean"] for report in made] for r, m in columns
        }
        for method, made in reports.items()
    }


def _cell(metric: str, values: list[float]) -> str:
    """`22.63 ±0.31`: the mean over seeds, and their standard deviation."""
    shown = SHOWN[metric]
    text = f"{mean(values) * shown.scale:.{shown.digits}f}"
    if len(values) == 1:
        return text
    return f"{text} ±{stdev(values) * shown.scale:.{shown.digits}f}"


def table_text(table: Figures) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of the table, with the paper's figures next to ours."""
    columns, rows = ["method"], [[method] for method in METHODS]
    for row, metric in COLUMNS:
        name, shown = f"{row}.{metric}", SHOWN[metric]
        if name in table[METHODS[0]]:
            better = "" if (row, metric) == OF_WRONG else f" {shown.better}"
            columns.append(f"{row}: {shown.title}{better}")
            for method, cells in zip(METHODS, rows, strict=True):
                cells.append(_cell(metric, table[method][name]))
        if OF_PAPER.get(metric) == row:
            columns.append(f"paper: {shown.title}")
            place = list(OF_PAPER).index(metric)
            for method, cells in zip(METHODS, rows, strict=True):
                cells.append(f"{PAPER[method][place]:.2f}" if method in PAPER else "-")
    return columns, rows


def orders(table: Figures) -> list[str]:
    """For each figure the methods from best to worst, and in how many trainings it is so."""
    lines = []
    for name in table[METHODS[0]]:
        row, metric = name.split(".")
        if (row, metric) == OF_WRONG:
            continue
        figures = {method: table[method][name] for method in METHODS}
        order = _best_to_worst(metric, {method: mean(f) for method, f in figures.items()})
        firsts = [
            _best_to_worst(metric, {method: f[training] for method, f in figures.items()})[0]
            for training in range(len(figures[METHODS[0]]))
        ]
        lines.append(
            f"{row} {SHOWN[metric].title}: {', '.join(order)}; {order[0]} first in"
            f" {firsts.count(order[0])} of {len(firsts)} trainings"
        )
    return lines


def _best_to_worst(metric: str, values: dict[str, float]) -> list[str]:
    """Methods in the order of their values of a metric; equal ones as in the table."""
    return sorted(values, key=values.__getitem__, reverse=SHOWN[metric].better == "↑")


def _rows(table: Figures) -> list[str]:
    """The rows of the reports that the table has figures of."""
    return list(dict.fromkeys(name.split(".")[0] for name in table[METHODS[0]]))


def _versions(identities: dict[str, list[dict[str, Any]]]) -> str:
    """Which code trained and evaluated; of several versions all are named."""
    every = [identity for made in identities.values() for identity in made]
    trained = dict.fromkeys(identity["generator"]["version"] for identity in every)
    evaluated = dict.fromkeys(identity["machine"]["colorizer"] for identity in every)
    return (
        f"Trained by colorizer {'; '.join(trained)}. Evaluated by colorizer {'; '.join(evaluated)}."
    )


def write_table(folder: Path, settings: dict[str, Any], reports: Reports) -> None:
    """Write table1.md and table1.json, and print the table.

    Args:
        folder: Where.
        settings: `steps`, `batch_size` and `seeds` of the trainings.
        reports: Of every training.

    Raises:
        UserError: the folder cannot be written to.
    """
    table = figures_of(reports)
    columns, rows = table_text(table)
    identities = {method: [one["identity"] for one in made] for method, made in reports.items()}
    order = orders(table)
    text = (
        f"# Table 1: {settings['steps']} steps of {settings['batch_size']} pictures,"
        f" {len(settings['seeds'])} training(s) of each method\n\n"
        f"{_versions(identities)}\n\n"
        f"{markdown_table(columns, rows)}\n"
        "Mean over the trainings ± their standard deviation. Each training's report is in"
        " METHOD/seed-N/report.\n\n"
        f"{PAPER_NOTE}\n\n"
        + "".join(f"- **{name}**: {words}\n" for name, words in legend(_rows(table)))
        + "\n## From best to worst\n\n"
        + "".join(f"- {line}\n" for line in order)
        + "\n![The same drawings coloured by each method](table1.png)\n"
    )
    paper = {m: dict(zip(OF_PAPER, figures, strict=True)) for m, figures in PAPER.items()}
    content = {**settings, "methods": table, "paper": paper, "identities": identities}
    replace_file(folder / "table1.md", text.encode())
    replace_file(folder / "table1.json", (json.dumps(content, indent=2) + "\n").encode())
    console.table("Table 1", columns, rows)
    console.facts(legend(_rows(table)))
    console.say(PAPER_NOTE)
    for line in order:
        console.say(f"  {line}")


def comparison_grid(
    held_out: ShardFolder, runs: dict[str, Path], rows: int, pairs_seed: int, device: torch.device
) -> np.ndarray:
    """A row a picture, a column a method: H×W×3 uint8.

    The reference is another picture of the group where there is one, else a random one.

    Args:
        held_out: Folder of shards.
        runs: Method → its run folder.
        rows: Pictures, spread over all.
        pairs_seed: Draws the random references.
        device: Where to compute.

    Raises:
        UserError: a run or a picture cannot be read.
    """
    reader = ShardReader(held_out)
    of_groups = groups(reader)
    partners, others = same_group(of_groups), random_references(of_groups, pairs_seed)
    numbers = np.linspace(0, len(reader) - 1, min(rows, len(reader))).round().astype(int)
    samples = [reader[n] for n in numbers]
    given = [reader[_first_of(partners[n], others[n], n)] for n in numbers]
    sheet = [[s.line, g.color] for s, g in zip(samples, given, strict=True)]
    for run in runs.values():
        colorizer = Colorizer(run, device)
        for row, sample, guide in zip(sheet, samples, given, strict=True):
            line, reference = torch.from_numpy(sample.line), torch.from_numpy(guide.color)
            row.append(colorizer.color_batch(line[None], reference[None])[0].numpy())
    for row, sample in zip(sheet, samples, strict=True):
        row.append(sample.color)
    return grid.grid(["line", "reference", *runs, "truth"], sheet)


def _first_of(*references: int | None) -> int:
    """The first reference that exists."""
    return next(reference for reference in references if reference is not None)
