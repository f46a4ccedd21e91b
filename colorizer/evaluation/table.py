"""Table 1 as a table: the four methods side by side, and their pictures."""

import json
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import torch

from colorizer import console, pictures
from colorizer.data.reader import ShardReader
from colorizer.data.references import groups, random_references, same_group
from colorizer.errors import UserError
from colorizer.evaluation.presentation import SHOWN, legend, markdown_table
from colorizer.inference import Colorizer
from colorizer.storage import replace_file

METHODS = ("scft", "scft-ca", "sga", "attention-aware")  # the rows, as in the paper
PAPERS = {"fid": "random", "psnr": "self", "ms-ssim": "self", "lpips-alex": "self"}
# (row of the reports, metric): first the paper's four figures, then ours.
COLUMNS = (
    *((row, metric) for metric, row in PAPERS.items()),
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
PAPER_FORM = (
    f"of the form {{method: {{metric: figure}}}} with the methods {', '.join(METHODS)} and the"
    f" metrics {', '.join(PAPERS)}"
)

Reports = dict[str, list[dict[str, Any]]]  # method → the report.json of every seed
Figures = dict[str, dict[str, list[float]]]  # method → `row.metric` → the figure of every seed
Paper = dict[str, dict[str, float]]  # method → metric → figure


def read_paper(path: Path) -> Paper:
    """Figures to stand beside ours: method → metric → figure.

    Raises:
        UserError: the file cannot be read or has other methods or metrics.
    """
    try:
        content = json.loads(path.read_bytes())
        figures = {m: {k: float(v) for k, v in row.items()} for m, row in content.items()}
    except OSError as error:
        raise UserError(f"--paper {path} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(f"--paper {path} is not {PAPER_FORM} ({error}).") from error
    for method, row in figures.items():
        if method not in METHODS or not row.keys() <= PAPERS.keys():
            raise UserError(f"--paper {path} is not {PAPER_FORM}: {method} {sorted(row)}.")
    return figures


def figures_of(reports: Reports) -> Figures:
    """The figures that all reports have."""
    every = [report["figures"] for found in reports.values() for report in found]
    there = [(r, m) for r, m in COLUMNS if all(m in figures.get(r, {}) for figures in every)]
    return {
        method: {
            f"{r}.{m}": [report["figures"][r][m]["mean"] for report in found] for r, m in there
        }
        for method, found in reports.items()
    }


def _cell(metric: str, values: list[float]) -> str:
    """`22.63 ±0.31`: the mean over seeds, and their standard deviation."""
    shown = SHOWN[metric]
    text = f"{mean(values) * shown.scale:.{shown.digits}f}"
    if len(values) == 1:
        return text
    return f"{text} ±{stdev(values) * shown.scale:.{shown.digits}f}"


def table_text(table: Figures, paper: Paper) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of the table, with the paper's figures next to ours."""
    columns, rows = ["method"], [[method] for method in METHODS]
    for row, metric in COLUMNS:
        name, shown = f"{row}.{metric}", SHOWN[metric]
        papers = [
            paper.get(m, {}).get(metric) if PAPERS.get(metric) == row else None for m in METHODS
        ]
        if name in table[METHODS[0]]:
            better = "" if (row, metric) == OF_WRONG else f" {shown.better}"
            columns.append(f"{row}: {shown.title}{better}")
            for method, cells in zip(METHODS, rows, strict=True):
                cells.append(_cell(metric, table[method][name]))
        if any(value is not None for value in papers):
            columns.append(f"paper: {shown.title}")
            for value, cells in zip(papers, rows, strict=True):
                cells.append(console.ABSENT if value is None else f"{value:.{shown.digits}f}")
    return columns, rows


def orders(table: Figures) -> list[str]:
    """For each figure the methods from best to worst, and in how many trainings it is so."""
    lines = []
    for name in table[METHODS[0]]:
        row, metric = name.split(".")
        if (row, metric) == OF_WRONG:
            continue
        sign = -1 if SHOWN[metric].better == "↑" else 1
        ranked = sorted(METHODS, key=lambda m, n=name, s=sign: s * mean(table[m][n]))
        best = [
            min(METHODS, key=lambda m, n=name, s=sign, i=i: s * table[m][n][i])
            for i in range(len(table[METHODS[0]][name]))
        ]
        lines.append(
            f"{row} {SHOWN[metric].title}: {', '.join(ranked)};"
            f" attention-aware first in {best.count('attention-aware')} of {len(best)} trainings"
        )
    return lines


def _rows(table: Figures) -> list[str]:
    """The rows of the reports that the table has figures of."""
    return list(dict.fromkeys(name.split(".")[0] for name in table[METHODS[0]]))


def write_table(folder: Path, settings: dict[str, Any], reports: Reports, paper: Paper) -> None:
    """Write table1.md and table1.json, and print the table.

    Args:
        folder: Where.
        settings: `steps`, `batch_size` and `seeds` of the trainings.
        reports: Of every training.
        paper: Figures to stand beside ours.

    Raises:
        UserError: the folder cannot be written to.
    """
    table = figures_of(reports)
    columns, rows = table_text(table, paper)
    found = orders(table)
    text = (
        f"# Table 1: {settings['steps']} steps of {settings['batch_size']} pictures,"
        f" {len(settings['seeds'])} training(s) of each method\n\n"
        f"{markdown_table(columns, rows)}\n"
        "Mean over the trainings ± their standard deviation. Each training's report is in"
        " METHOD/seed-N/report.\n\n"
        + "".join(f"- **{name}**: {words}\n" for name, words in legend(_rows(table)))
        + "\n## From best to worst\n\n"
        + "".join(f"- {line}\n" for line in found)
        + "\n![The same drawings coloured by each method](table1.png)\n"
    )
    identities = {method: [one["identity"] for one in made] for method, made in reports.items()}
    content = {**settings, "methods": table, "paper": paper, "identities": identities}
    replace_file(folder / "table1.md", text.encode())
    replace_file(folder / "table1.json", (json.dumps(content, indent=2) + "\n").encode())
    console.table("Table 1", columns, rows)
    console.facts(legend(_rows(table)))
    for line in found:
        console.say(f"  {line}")


def comparison_grid(
    data: Path, runs: dict[str, Path], rows: int, pairs_seed: int, device: torch.device
) -> np.ndarray:
    """A row a picture, a column a method: H×W×3 uint8.

    The reference is another picture of the group where there is one, else a random one.

    Args:
        data: Folder of shards; its held-out/ part is used.
        runs: Method → its run folder.
        rows: Pictures, spread over all.
        pairs_seed: Draws the random references.
        device: Where to compute.

    Raises:
        UserError: a run or a picture cannot be read.
    """
    reader = ShardReader(data / "held-out")
    found = groups(reader)
    partners, others = same_group(found), random_references(found, pairs_seed)
    numbers = np.linspace(0, len(reader) - 1, min(rows, len(reader))).round().astype(int)
    samples = [reader[n] for n in numbers]
    given = [reader[next(r for r in (partners[n], others[n], n) if r is not None)] for n in numbers]
    sheet = [[s.line, g.color] for s, g in zip(samples, given, strict=True)]
    for run in runs.values():
        colorizer = Colorizer(run, device)
        for row, sample, guide in zip(sheet, samples, given, strict=True):
            line, reference = torch.from_numpy(sample.line), torch.from_numpy(guide.color)
            row.append(colorizer.color_batch(line[None], reference[None])[0].numpy())
    for row, sample in zip(sheet, samples, strict=True):
        row.append(sample.color)
    return pictures.grid(["line", "reference", *runs, "truth"], sheet)
