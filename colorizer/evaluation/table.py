"""Table 1: the four methods trained and judged alike, side by side."""

import dataclasses
import json
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import torch
import tyro

from colorizer import console, pictures
from colorizer.config import ColorizationConfig, NetworkConfig
from colorizer.data.dataset import ShardReader
from colorizer.data.references import groups, random_references, same_group
from colorizer.errors import UserError
from colorizer.evaluation.config import EvaluateConfig, Table1Config
from colorizer.evaluation.evaluator import evaluate
from colorizer.evaluation.presentation import METRICS, legend, markdown_table
from colorizer.inference import Colorizer
from colorizer.presets import PRESETS, demo
from colorizer.storage import check_writable, replace_file
from colorizer.training.trainer import train

METHODS = ("scft", "scft-ca", "sga", "attention-aware")  # the rows, as in the paper
TELLS_APART = ("attention", "convolutional_attention", "encoder_batch_norm")
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


def paper_scale() -> Table1Config:
    """The paper's networks, losses and training."""
    return Table1Config(tyro.MISSING, tyro.MISSING)


def demo_scale() -> Table1Config:
    """Small networks and short trainings, for drawn characters at 64x64 on a CPU."""
    small = demo()
    settings = {f.name: getattr(small, f.name) for f in dataclasses.fields(small) if f.init}
    # Only SCFT's own triplet loss stays: the stop-gradient methods of the paper have none.
    settings["loss"] = replace(small.loss, triplet=0.0)
    return Table1Config(**settings | {"seeds": 2, "sample_every": 0})


SCALES = {"paper": paper_scale, "demo": demo_scale}


def as_method(config: Table1Config, method: str, seed: int) -> ColorizationConfig:
    """The training of one method, with what all have in common from `config`."""
    preset = PRESETS[method]()
    base = {f.name: getattr(config, f.name) for f in dataclasses.fields(preset) if f.init}
    network = {name: getattr(preset.network, name) for name in TELLS_APART}
    triplet = config.loss.triplet or preset.loss.triplet
    return ColorizationConfig(
        **base
        | {
            "output": run_folder(config, method, seed),
            "seed": seed,
            "network": replace(config.network, **network),
            "loss": replace(config.loss, triplet=triplet),
        }
    )


def run_folder(config: Table1Config, method: str, seed: int) -> Path:
    """Where a training of a method is, with its report in report/."""
    return config.output / method / f"seed-{seed}"


def make_table1(config: Table1Config) -> None:
    """Train what is not trained yet, evaluate it, and write table1.md, table1.json and table1.png.

    Raises:
        UserError: settings, data or weights do not do; or earlier trainings there had others.
    """
    _check(config)
    paper = read_paper(config.paper) if config.paper else {}
    seeds = range(config.seed, config.seed + config.seeds)
    reports: dict[str, list[dict[str, Any] | None]] = {method: [] for method in METHODS}
    for seed in seeds:
        for method in METHODS:
            run = as_method(config, method, seed)
            console.say(f"{method}, seed {seed}:")
            if not train(run) and not config.dry_run:
                return
            if not config.dry_run:
                reports[method].append(evaluate(_evaluation(config, run)))
    if None in reports[METHODS[0]] or config.dry_run:  # another process than the first
        return
    table = {method: _figures(found) for method, found in reports.items()}
    _write(config, table, paper)


def _check(config: Table1Config) -> None:
    if config.seeds < 1 or config.rows < 1:
        raise UserError("--seeds and --rows must be at least 1.")
    changed = [n for n in TELLS_APART if getattr(config.network, n) != getattr(NetworkConfig(), n)]
    for name in changed:
        raise UserError(
            f"--network.{name.replace('_', '-')} is what tells the methods apart; leave it out."
        )
    check_writable(config.output)


def _evaluation(config: Table1Config, run: ColorizationConfig) -> EvaluateConfig:
    measure = {f.name: getattr(config.measure, f.name) for f in dataclasses.fields(config.measure)}
    return EvaluateConfig(
        checkpoint=run.output, data=run.data, output=run.output / "report", **measure
    )


def read_paper(path: Path) -> dict[str, dict[str, float]]:
    """Figures to stand beside ours: method → metric → figure.

    Raises:
        UserError: the file cannot be read or has other methods or metrics.
    """
    try:
        content = json.loads(path.read_bytes())
        for method, figures in content.items():
            if method not in METHODS or not set(figures) <= set(PAPERS):
                raise ValueError(f"{method}: {figures}")
            for value in figures.values():
                float(value)
    except OSError as error:
        raise UserError(f"--paper {path} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(
            f"--paper {path} is not of the form {{method: {{metric: figure}}}} with the methods"
            f" {', '.join(METHODS)} and the metrics {', '.join(PAPERS)} ({error})."
        ) from error
    return content


# ---- The table


def _figures(reports: list[dict[str, Any]]) -> dict[str, list[float]]:
    """`row.metric` → the figure of every seed."""
    return {
        f"{row}.{metric}": [report["figures"][row][metric]["mean"] for report in reports]
        for row, metric in COLUMNS
        if all(metric in report["figures"].get(row, {}) for report in reports)
    }


def _cell(metric: str, values: list[float]) -> str:
    """`22.63 ±0.31`: the mean over seeds, and their standard deviation."""
    shown = METRICS[metric]
    text = f"{mean(values) * shown.scale:.{shown.digits}f}"
    if len(values) == 1:
        return text
    return f"{text} ±{stdev(values) * shown.scale:.{shown.digits}f}"


def table_text(
    table: dict[str, dict[str, list[float]]], paper: dict[str, dict[str, float]]
) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of the table, with the paper's figures next to ours."""
    columns, rows = ["method"], [[method] for method in METHODS]
    for row, metric in COLUMNS:
        name, shown = f"{row}.{metric}", METRICS[metric]
        papers = [
            paper.get(m, {}).get(metric) if PAPERS.get(metric) == row else None for m in METHODS
        ]
        if name in table[METHODS[0]]:
            columns.append(f"{row}: {shown.title} {shown.better}")
            for method, cells in zip(METHODS, rows, strict=True):
                cells.append(_cell(metric, table[method][name]))
        if any(value is not None for value in papers):
            columns.append(f"paper: {shown.title}")
            for value, cells in zip(papers, rows, strict=True):
                cells.append(console.ABSENT if value is None else f"{value:.{shown.digits}f}")
    return columns, rows


def orders(table: dict[str, dict[str, list[float]]]) -> list[str]:
    """For each figure the methods from best to worst, and in how many trainings it is so."""
    lines = []
    for name in table[METHODS[0]]:
        row, metric = name.split(".")
        sign = -1 if METRICS[metric].better == "↑" else 1
        ranked = sorted(METHODS, key=lambda m, n=name, s=sign: s * mean(table[m][n]))
        best = [
            min(METHODS, key=lambda m, n=name, s=sign, i=i: s * table[m][n][i])
            for i in range(len(table[METHODS[0]][name]))
        ]
        lines.append(
            f"{row} {METRICS[metric].title}: {', '.join(ranked)};"
            f" attention-aware first in {best.count('attention-aware')} of {len(best)} trainings"
        )
    return lines


def _rows(table: dict[str, dict[str, list[float]]]) -> list[str]:
    """The rows of the reports that the table has figures of."""
    return list(dict.fromkeys(name.split(".")[0] for name in table[METHODS[0]]))


def _write(
    config: Table1Config,
    table: dict[str, dict[str, list[float]]],
    paper: dict[str, dict[str, float]],
) -> None:
    columns, rows = table_text(table, paper)
    found = orders(table)
    text = (
        f"# Table 1: {config.steps} steps of {config.batch_size} pictures,"
        f" {config.seeds} training(s) of each method\n\n"
        f"{markdown_table(columns, rows)}\n"
        "Mean over the trainings ± their standard deviation. Each training's report is in"
        " METHOD/seed-N/report.\n\n"
        + "".join(f"- **{name}**: {words}\n" for name, words in legend(_rows(table)))
        + "\n## From best to worst\n\n"
        + "".join(f"- {line}\n" for line in found)
        + "\n![The same drawings coloured by each method](table1.png)\n"
    )
    content = {
        "steps": config.steps,
        "batch_size": config.batch_size,
        "seeds": list(range(config.seed, config.seed + config.seeds)),
        "methods": table,
        "paper": paper,
    }
    pictures.write_picture(config.output / "table1.png", comparison_grid(config))
    replace_file(config.output / "table1.md", text.encode())
    replace_file(config.output / "table1.json", (json.dumps(content, indent=2) + "\n").encode())
    console.table("Table 1", columns, rows)
    console.facts(legend(_rows(table)))
    for line in found:
        console.say(f"  {line}")
    console.say(f"Written: {config.output / 'table1.md'}, .json and .png")


def comparison_grid(config: Table1Config) -> np.ndarray:
    """A row a picture, a column a method; of the first seed's trainings.

    The reference is another picture of the group where there is one, else a random one.
    """
    reader = ShardReader(config.data / "held-out")
    found = groups(reader)
    partners, others = same_group(found), random_references(found, config.measure.pairs_seed)
    numbers = np.linspace(0, len(reader) - 1, min(config.rows, len(reader))).round().astype(int)
    samples = [reader[n] for n in numbers]
    given = [reader[next(r for r in (partners[n], others[n], n) if r is not None)] for n in numbers]
    rows = [[s.line, g.color] for s, g in zip(samples, given, strict=True)]
    for method in METHODS:
        colorizer = Colorizer(run_folder(config, method, config.seed))
        for row, sample, guide in zip(rows, samples, given, strict=True):
            line, reference = torch.from_numpy(sample.line), torch.from_numpy(guide.color)
            row.append(colorizer.color_batch(line[None], reference[None])[0].numpy())
    for row, sample in zip(rows, samples, strict=True):
        row.append(sample.color)
    return pictures.grid(["line", "reference", *METHODS, "truth"], rows)
