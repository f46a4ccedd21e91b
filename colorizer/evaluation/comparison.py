"""By how much two evaluations differ, picture by picture."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from colorizer.evaluation.available import OF_SETS
from colorizer.evaluation.config import Mode
from colorizer.evaluation.presentation import SHOWN
from colorizer.evaluation.protocol import ROWS
from colorizer.evaluation.report import PICTURES, read_report
from colorizer.evaluation.statistics import Bootstrap
from colorizer.system import console
from colorizer.system.errors import UserError

JUDGES = {"lpips-alex": "AlexNet", "lpips-vgg": "VGG-16", "fid": "Inception", "kid": "Inception"}


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
        for row, entry in content["figures"].items():
            for metric in entry.keys() - {"pictures", *OF_SETS}:
                _values(columns[f"{row}.{metric}"])
        if len(groups) != content["identity"]["data"]["pictures"]:
            raise ValueError(f"{len(groups)} pictures")
    except OSError as error:
        raise UserError(f"{table} cannot be read: {error.strerror}; evaluate again.") from error
    except (ValueError, KeyError, csv.Error) as error:
        raise UserError(f"{table} is damaged ({error!r}); evaluate again.") from error
    return Evaluation(path, content, groups, columns)


def check_comparable(mine: dict[str, Any], other: Evaluation) -> None:
    """Before anything is computed: whether another report is of the same pictures.

    Args:
        mine: The identity of the evaluation to be.
        other: The other one.

    Raises:
        UserError: it is not.
    """
    data = other.content["identity"]["data"]
    if data["sha256"] != mine["data"]["sha256"]:
        raise UserError(
            f"--against {other.path} is of other pictures ({data['path']}, sha256"
            f" {data['sha256'][:12]}...), so it cannot be compared picture by picture."
        )


def compare(this: Evaluation, other: Evaluation) -> None:
    """Print by how much the figures of one evaluation are above those of another."""
    bootstrap = Bootstrap(this.groups)
    rows, left_out = [], {}
    for name, row in ROWS.items():
        mine, theirs = (e.content["figures"].get(name, {}) for e in (this, other))
        for metric in SHOWN:
            if metric not in mine or metric not in theirs:
                continue
            if reason := _not_comparable(this, other, row.mode, metric):
                left_out[reason] = [*left_out.get(reason, []), f"{name} {metric}"]
                continue
            label = [name.replace("_", " "), f"{SHOWN[metric].title} {SHOWN[metric].better}"]
            means = [_number(metric, e[metric]["mean"]) for e in (mine, theirs)]
            rows.append([*label, *means, *_difference(this, other, name, metric, bootstrap)])
    columns = ["reference", "figure", "here", "there", "difference", "95 % interval"]
    title = f"{this.path.parent} against {other.path.parent}, picture by picture"
    console.table(title, columns, rows)
    for reason, names in left_out.items():
        console.warn(f"not compared: {', '.join(names)}; {reason}")
    machines = [e.content["identity"]["machine"] for e in (this, other)]
    if machines[0] != machines[1]:
        console.warn("the two were made on other devices or with other versions of packages.")


def _not_comparable(this: Evaluation, other: Evaluation, mode: Mode, metric: str) -> str | None:
    """Why two figures of one name are not of the same thing; None: they are."""
    pairs = {mode, "random"} if metric == "palette-wrong" else {mode}
    for name in (f"{pair} reference" for pair in pairs):
        if this.columns.get(name) != other.columns.get(name):
            return "the references are others (--pairs-seed)."
    network = JUDGES.get(metric)
    files = [e.content["identity"]["protocol"]["weights"].get(network) for e in (this, other)]
    if files[0] != files[1]:
        return f"the {network} weights are others."
    return None


def _difference(
    this: Evaluation, other: Evaluation, row: str, metric: str, bootstrap: Bootstrap
) -> list[str]:
    """The difference and its interval; FID and KID have none."""
    name = f"{row}.{metric}"
    if name not in this.columns:
        means = [e.content["figures"][row][metric]["mean"] for e in (this, other)]
        return [_number(metric, means[0] - means[1], "+"), console.ABSENT]
    mine, theirs = (_values(e.columns[name]) for e in (this, other))
    mean, low, high = bootstrap.mean(mine - theirs)
    interval = console.ABSENT
    if low is not None and high is not None:
        interval = f"{_number(metric, low, '+')} to {_number(metric, high, '+')}"
    return [_number(metric, mean, "+"), interval]


def _values(cells: list[str]) -> np.ndarray:
    """A column of figures; not a number: none."""
    return np.array([float(cell or "nan") for cell in cells])


def _number(metric: str, value: float, sign: str = "") -> str:
    shown = SHOWN[metric]
    return f"{value * shown.scale:{sign}.{shown.digits}f}"
