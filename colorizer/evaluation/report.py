"""The report folder: report.json, report.md, pictures.csv, and a grid of pictures for each mode."""

import csv
import io
import json
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from colorizer.checkpoints.generator_file import GeneratorFile
from colorizer.checkpoints.published import sha256_of
from colorizer.config.networks import GeneratorConfig
from colorizer.evaluation.available import OF_SETS, Available
from colorizer.evaluation.config import MeasureConfig, Mode
from colorizer.evaluation.findings import Findings
from colorizer.evaluation.metrics.inception import fid, kid
from colorizer.evaluation.protocol import ROWS, Protocol
from colorizer.evaluation.statistics import Bootstrap, Interval
from colorizer.evaluation.stream import pictures_digest
from colorizer.shards.reader import ShardReader
from colorizer.system.device import device_name
from colorizer.system.errors import UserError
from colorizer.system.json_file import read_json
from colorizer.system.version import code_version

REPORT, TEXT, PICTURES = "report.json", "report.md", "pictures.csv"
FORMAT = 1
MAX_BYTES = 2**20  # of a report.json
PACKAGES = ("torch", "torchvision", "numpy", "pillow", "pytorch-msssim", "lpips")
DISTANCES = {"fid": fid, "kid": kid}


def identify(
    config: MeasureConfig,
    generator: GeneratorFile[GeneratorConfig],
    reader: ShardReader,
    available: Available,
    protocol: Protocol,
    device: torch.device,
) -> dict[str, Any]:
    """Everything that the figures depend on: what has to be said when they are quoted.

    Raises:
        UserError: a shard is damaged.
    """
    return {
        "format": FORMAT,
        "generator": {
            "path": str(generator.path),
            "sha256": sha256_of(generator.path),
            "step": generator.step,
            "version": generator.version,
            "trained_at": generator.size,
            "network": asdict(generator.network),
        },
        "data": {
            "path": str(reader.index.folder),
            "sha256": pictures_digest(reader),
            "pictures": len(reader),
            "size": reader.index.size,
            **({"shapes": len(shapes)} if len(shapes := reader.index.shapes) > 1 else {}),
        },
        "protocol": {
            "modes": protocol.modes,
            "metrics": available.metrics,
            "pairs_seed": config.pairs_seed,
            "absent": available.absent | protocol.absent,
            "weights": available.files,
        },
        "machine": {
            "device": device_name(device),
            "precision": "float32",
            "colorizer": code_version(),
            "python": platform.python_version(),
            # Several distributions bring OpenCV, and any of them will do.
            "packages": {"opencv": cv2.__version__} | {name: version(name) for name in PACKAGES},
        },
    }


def summarize(protocol: Protocol, available: Available, findings: Findings) -> dict[str, Any]:
    """Row → its number of pictures, and of each metric the mean with its 95 % interval.

    FID and KID are figures of the whole set, and have no interval.
    """
    bootstrap = Bootstrap(protocol.groups)
    figures: dict[str, dict[str, Any]] = {}
    for (row, metric), column in zip(protocol.columns, findings.values.T, strict=True):
        entry = figures.setdefault(row, {"pictures": int((~np.isnan(column)).sum())})
        entry[metric] = bootstrap.mean(column)._asdict()
    of_sets = available.among(OF_SETS)
    for mode in protocol.modes if of_sets else ():
        features = findings.features[mode]
        entry = figures.setdefault(mode, {"pictures": len(features)})
        for metric in of_sets:
            distance = DISTANCES[metric](features, findings.features["references"])
            entry[metric] = Interval(distance, None, None)._asdict()
    return {row: figures[row] for row in ROWS if row in figures}


def per_picture(protocol: Protocol, values: np.ndarray, reader: ShardReader) -> str:
    """CSV: of each held-out picture its key, group and references, and every figure in full."""
    keys = [reader.metadata(number)[0] for number in range(len(reader))]
    drawn: list[Mode] = [mode for mode in protocol.modes if mode != "self"]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    names = [f"{column.row}.{column.metric}" for column in protocol.columns]
    table.writerow(["key", "group", *(f"{mode} reference" for mode in drawn), *names])
    for number, key in enumerate(keys):
        references = [protocol.references[mode][number] for mode in drawn]
        row = ["" if np.isnan(value) else repr(float(value)) for value in values[number]]
        partners = ["" if reference is None else keys[reference] for reference in references]
        table.writerow([key, protocol.groups[number], *partners, *row])
    return text.getvalue()


def read_report(path: Path) -> dict[str, Any]:
    """The content of a report.json.

    Raises:
        UserError: it is not there, not a report of this format, or one that was changed.
    """
    try:
        content = read_json(path, MAX_BYTES)
        known = content["identity"]["format"] == FORMAT
        if known:
            _check(content)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; give a {REPORT}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is no report of an evaluation; give a {REPORT}.") from error
    if not known:
        raise UserError(f"{path} is a report of another format; evaluate again.")
    return content


def _check(content: dict[str, Any]) -> None:
    """Look whether a report has what is read of it, each of its type.

    Raises:
        KeyError, TypeError, AttributeError: it has not.
    """
    identity, rows = content["identity"], content["figures"].values()
    data, weights = identity["data"], identity["protocol"]["weights"]
    figures = [row[name]["mean"] for row in rows for name in row if name != "pictures"]
    for values, kind in (
        ((data["path"], data["sha256"]), str),
        ((identity["generator"], identity["machine"], *weights.values()), dict),
        (figures, (int, float)),
    ):
        if not all(isinstance(value, kind) for value in values):
            raise TypeError(f"{values} are not of type {kind}")


def finished(folder: Path, identity: dict[str, Any]) -> dict[str, Any] | None:
    """The report that a folder holds, if it is one of this very evaluation.

    Raises:
        UserError: there is a file of that name that is no report.
    """
    path = folder / REPORT
    if not path.exists():
        return None
    content = read_report(path)
    return content if _without_paths(content["identity"]) == _without_paths(identity) else None


def _without_paths(identity: dict[str, Any]) -> dict[str, Any]:
    """What is evaluated: one file may have many paths, and its sha256 says which it is."""
    content = json.loads(json.dumps(identity))  # the other one has been through JSON, too
    for name in ("generator", "data"):
        content[name].pop("path", None)
    return content
