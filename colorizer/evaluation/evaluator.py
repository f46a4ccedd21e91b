"""Colours held-out drawings and compares with the truth (Sec. 4.4), in any number of processes.

Every picture is computed on its own, in one thread, so the figures do not depend on the batch size,
the processes or the shards.
"""

import json
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from colorizer.checkpoints.generator_file import find_generator
from colorizer.coloring.colorizer import Colorizer
from colorizer.config.training import GeneratorConfig
from colorizer.evaluation import comparison
from colorizer.evaluation.available import Available, LoadedMetrics, find_available
from colorizer.evaluation.config import MODES, EvaluateConfig, MeasureConfig
from colorizer.evaluation.constant_colors import TERMS, constant_errors
from colorizer.evaluation.examine import Examined, Examiner
from colorizer.evaluation.gallery import write_grids
from colorizer.evaluation.metrics.feature_cache import FeatureCache
from colorizer.evaluation.presentation import markdown, show
from colorizer.evaluation.protocol import Column, Protocol, plan
from colorizer.evaluation.report import (
    PICTURES,
    REPORT,
    TEXT,
    Findings,
    finished,
    identify,
    per_picture,
    summarize,
)
from colorizer.evaluation.stream import share, stream
from colorizer.pictures.grid import psnr_of
from colorizer.shards.reader import Sample, ShardReader
from colorizer.system import console
from colorizer.system.device import choose_device, reproducible
from colorizer.system.errors import UserError
from colorizer.system.memory import keep_freed_memory
from colorizer.system.processes import Processes, processes
from colorizer.system.storage import check_writable, locked, replace_file, writing


def evaluate(config: EvaluateConfig) -> dict[str, Any] | None:
    """Colour every held-out drawing, print the figures, write the report.

    A report that is there already, of the same generator, data and settings, is not made again.

    Returns:
        The content of report.json, in the first process; None in the others.

    Raises:
        UserError: the settings, the checkpoint or the shards cannot be used: nothing is written
            then. Or the report cannot be written.
    """
    with processes() as here, reproducible():
        content = _evaluate(config, here)
        here.wait()
    return content


def _evaluate(config: EvaluateConfig, here: Processes) -> dict[str, Any] | None:
    check_writable(config.output)
    other = comparison.read_evaluation(config.against) if config.against else None
    reader, available, protocol = prepare(config.measure, config.data, here)
    file = find_generator(config.checkpoint, GeneratorConfig)
    device = choose_device(here.local_rank)
    if device.type == "cpu":
        keep_freed_memory()
    content = identity = None
    if here.is_first:
        identity = identify(config.measure, file, reader.index, available, protocol, device)
        if other is not None:
            comparison.check_comparable(identity, other)
        content = finished(config.output, identity)
    (done,) = here.agree([content is not None or not here.is_first])
    if done:
        if here.is_first:
            console.say(f"{config.output} already holds this evaluation; nothing to do.")
    else:
        colorizer, metrics = Colorizer(file.path, device), LoadedMetrics(available, device)
        examiner = Examiner(reader, colorizer, protocol, metrics)
        content = _measure(config, examiner, available, identity, here)
    if content is not None:
        show(content)
        console.say(f"The pictures and figures: {config.output / TEXT}")
        if other is not None:
            comparison.compare(comparison.read_evaluation(config.output / REPORT), other)
    return content


def prepare(
    config: MeasureConfig, data: Path, here: Processes
) -> tuple[ShardReader, Available, Protocol]:
    """What will be measured of a folder of shards; nothing is computed yet.

    Raises:
        UserError: the settings do not do, or ask for what cannot be had; nothing is held out.
    """
    if config.batch_size < 1 or config.pairs_seed < 0:
        raise UserError("--batch-size must be at least 1 and --pairs-seed at least 0.")
    reader = ShardReader(data / "held-out")
    if len(reader) == 0:
        raise UserError(
            f"{reader.index.folder}: nothing is held out; make the shards with a larger --held-out."
        )
    available = find_available(config, reader.index.size, len(reader), here)
    return reader, available, plan(config, reader, available, here)


def _measure(
    config: EvaluateConfig,
    examiner: Examiner,
    available: Available,
    identity: dict[str, Any] | None,
    here: Processes,
) -> dict[str, Any] | None:
    """Evaluate and write the report; None in all but the first process."""
    reader, protocol, inception = examiner.reader, examiner.protocol, examiner.metrics.inception
    cache = cached = None
    if here.is_first and inception is not None:
        pictures = identity["data"]["sha256"]
        cache = FeatureCache(config.data / "features", pictures, len(reader), inception)
        cached = cache.read()
    (kept,) = here.agree([cached is not None or not here.is_first])
    missing = inception is not None and not kept
    own = Share(protocol, missing, inception is not None)
    numbers = share(len(reader), here)
    threads = min(config.measure.batch_size, here.cores)
    examine = partial(examiner, with_references=missing)
    with console.progress("evaluating", len(numbers), "pictures", shown=here.is_first) as advance:
        found = in_order(examine, stream(reader.index, numbers), threads)
        for done, examined in enumerate(found, 1):
            own.add(examined)
            advance(done)
    findings = own.gather(here)
    if findings is None:
        return None
    if cached is not None:
        findings.features["references"] = cached
    elif cache is not None:
        cache.write(findings.features["references"])
    content = {"identity": identity, "figures": summarize(protocol, available, findings)}
    with locked(config.output, "writes a report"):
        _write(config.output, content, findings, examiner)
    return content


def _write(folder: Path, content: dict[str, Any], findings: Findings, examiner: Examiner) -> None:
    """Write the report folder; report.json last, so that it stands for a whole one.

    Raises:
        UserError: the folder cannot be written to.
    """
    with writing(folder):  # nothing of an earlier report outlives it
        for name in (REPORT, TEXT, PICTURES, *(f"{mode}.png" for mode in MODES)):
            (folder / name).unlink(missing_ok=True)
    table = per_picture(examiner.protocol, findings.values, examiner.reader)
    # A group may be a folder whose name is no Unicode.
    replace_file(folder / PICTURES, table.encode(errors="backslashreplace"))
    grids = write_grids(folder, findings.values, examiner)
    replace_file(folder / TEXT, markdown(content, grids).encode())
    text = json.dumps(content, indent=2, allow_nan=False)
    replace_file(folder / REPORT, f"{text}\n".encode())


def in_order(
    examine: Callable[[int, Sample], Examined],
    samples: Iterator[tuple[int, Sample]],
    threads: int,
) -> Iterator[Examined]:
    """Examine samples in so many threads; results come in order."""
    waiting: deque[Future[Examined]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for number, sample in samples:
            waiting.append(pool.submit(examine, number, sample))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class Share:
    """What one process has found, in the order of its pictures."""

    def __init__(self, protocol: Protocol, with_references: bool, with_features: bool) -> None:
        self.columns = protocol.columns
        self.values: list[list[float]] = []
        modes = protocol.modes if with_features else []
        names = [*modes, "references"] if with_references else modes
        self.features: dict[str, list[torch.Tensor]] = {name: [] for name in names}
        self.constant: list[np.ndarray] = []
        self.has_constant = Column("constant", "psnr") in protocol.columns

    def add(self, examined: Examined) -> None:
        self.values.append([examined.values.get(column, np.nan) for column in self.columns])
        for name, feature in examined.features.items():
            self.features[name].append(feature)
        if examined.constant is not None:
            self.constant.append(examined.constant)

    def gather(self, here: Processes) -> Findings | None:
        """All processes' shares, in the order of the pictures; None but in the first."""
        rows = torch.tensor(self.values, dtype=torch.float64)
        values = here.gather(rows.reshape(len(self.values), len(self.columns)))
        features = {
            name: here.gather(torch.stack(found) if found else torch.empty(0, 2048))
            for name, found in self.features.items()
        }
        constant = None
        if self.has_constant:
            found = np.array(self.constant).reshape(-1, TERMS)
            constant = here.gather(torch.from_numpy(found))
        if values is None:
            return None
        values = values.numpy()
        if constant is not None:
            place = self.columns.index(Column("constant", "psnr"))
            partner = ~np.isnan(values[:, self.columns.index(Column("cross", "psnr"))])
            values[partner, place] = psnr_of(constant_errors(constant.numpy()))
        return Findings(values, features)
