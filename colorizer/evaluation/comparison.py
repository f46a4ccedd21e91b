"""By how much two evaluations differ, picture by picture."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from colorizer import console
from colorizer.errors import UserError
from colorizer.evaluation.config import Mode
from colorizer.evaluation.presentation import METRICS
from colorizer.evaluation.protocol import ROWS
from colorizer.evaluation.report import PICTURES, REPORT, read_report
from colorizer.evaluation.statistics import Bootstrap


@dataclass(frozen=True)
class Evaluation:
    """A report, read back."""

    path: Path
    content: dict[str, Any]
    groups: list[str]
    columns: dict[str, list[str]]  # of pictures.csv


def read_evaluation(path: Path) -> Evaluation:
    """Read a report.json and the pictures.csv beside it.

    Raises:
        UserError: one of them cannot be read.
    """
    content = read_report(path)
    table = path.parent / PICTURES
    try:
        with table.open(newline="") as file:
            header, *rows = list(csv.reader(file))
        columns = dict(zip(header, map(list, zip(*rows, strict=True)), strict=True))
        groups = columns["group"]
    except OSError as error:
        raise UserError(f"{table} cannot be read: {error.strerror}; evaluate again.") from error
    except (ValueError, KeyError) as error:
        raise UserError(f"{table} is damaged ({error!r}); evaluate again.") from error
    return Evaluation(path, content, groups, columns)


def check_comparable(mine: dict[str, Any], other: Path) -> None:
    """Before anything is computed: whether another report is of the same pictures.

    Args:
        mine: The identity of the evaluation to be.
        other: The other report.json.

    Raises:
        UserError: it is not; or it cannot be read.
    """
    data = read_evaluation(other).content["identity"]["data"]
    if data["sha256"] != mine["data"]["sha256"]:
        raise UserError(
            f"--against {other} is of other pictures ({data['path']}, sha256"
            f" {data['sha256'][:12]}...), so it cannot be compared picture by picture."
        )


def compare(folder: Path, other: Path) -> None:
    """Print by how much the figures of a report folder are above those of another report."""
    here, there = read_evaluation(folder / REPORT), read_evaluation(other)
    bootstrap = Bootstrap(here.groups)
    rows = []
    for name, row in ROWS.items():
        mine, theirs = (e.content["figures"].get(name, {}) for e in (here, there))
        if not _same_references(here, there, row.mode):
            continue
        for metric in METRICS:
            if metric in mine and metric in theirs:
                label = [name.replace("_", " "), METRICS[metric].title + METRICS[metric].better]
                means = [_number(metric, e[metric]["mean"]) for e in (mine, theirs)]
                rows.append([*label, *means, *_difference(here, there, name, metric, bootstrap)])
    columns = ["reference", "figure", "here", "there", "difference", "95 % interval"]
    console.table(f"{folder} against {other}, picture by picture", columns, rows)
    if not _same_references(here, there, "random"):
        console.warn("the random references differ (--pairs-seed), so they are not compared.")


def _same_references(here: Evaluation, there: Evaluation, mode: Mode) -> bool:
    name = f"{mode} reference"
    return here.columns.get(name) == there.columns.get(name)


def _difference(
    here: Evaluation, there: Evaluation, row: str, metric: str, bootstrap: Bootstrap
) -> list[str]:
    """The difference and its interval; sets of pictures have none."""
    name = f"{row}.{metric}"
    if name not in here.columns:
        means = [e.content["figures"][row][metric]["mean"] for e in (here, there)]
        return [_number(metric, means[0] - means[1], "+"), console.ABSENT]
    mine, theirs = (
        np.array([float(cell or "nan") for cell in e.columns[name]]) for e in (here, there)
    )
    mean, low, high = bootstrap.mean(mine - theirs)
    interval = f"{_number(metric, low, '+')} to {_number(metric, high, '+')}"
    return [_number(metric, mean, "+"), interval]


def _number(metric: str, value: float, sign: str = "") -> str:
    shown = METRICS[metric]
    return f"{value * shown.scale:{sign}.{shown.digits}f}"
