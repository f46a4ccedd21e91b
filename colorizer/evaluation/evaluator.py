"""Colours held-out drawings and compares with the truth (Sec. 4), in any number of processes.

Every picture is computed on its own, in one thread, so the figures do not depend on the batch size,
the processes or the shards.
"""

import json
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from os import sched_getaffinity
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate.utils import parse_flag_from_env

from colorizer import console
from colorizer.data.dataset import Sample, ShardReader
from colorizer.errors import UserError
from colorizer.evaluation import comparison, drawn
from colorizer.evaluation.config import EvaluateConfig
from colorizer.evaluation.examine import Examined, Examiner
from colorizer.evaluation.feature_cache import FeatureCache
from colorizer.evaluation.gallery import write_grids
from colorizer.evaluation.measures import Measures
from colorizer.evaluation.metrics import psnr_of, reproducible
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
from colorizer.evaluation.stream import share, stream, verify
from colorizer.inference import Colorizer
from colorizer.processes import Processes, processes
from colorizer.storage import check_writable, replace_file, writing


def evaluate(config: EvaluateConfig) -> dict[str, Any] | None:
    """Colour every held-out drawing, print the figures, write the report.

    A report that is there already, of the same generator, data and settings, is not made again.

    Returns:
        The content of report.json, in the first process; None in the others.

    Raises:
        UserError: the settings, the checkpoint or the shards cannot be used: nothing is written
            then. Or the report cannot be written.
    """
    with processes() as here:
        device = device_of(here)
        with reproducible():
            report = _evaluate(config, here, device)
        if report is not None and config.against is not None:
            comparison.compare(config.output, config.against)
        here.wait()
    return report


def _evaluate(
    config: EvaluateConfig, here: Processes, device: torch.device
) -> dict[str, Any] | None:
    if config.batch_size < 1 or config.pairs_seed < 0:
        raise UserError("--batch-size must be at least 1 and --pairs-seed at least 0.")
    check_writable(config.output)
    reader = ShardReader(config.data / "held-out")
    if len(reader) == 0:
        raise UserError(
            f"{reader.index.folder}: nothing is held out; make the shards with a larger --held-out."
        )
    colorizer = Colorizer(config.checkpoint, device)
    measures = Measures(config, reader.index.size, device, here)
    protocol = plan(config, reader, measures)
    identity = identify(config, colorizer.file, reader.index, measures, protocol, device)
    if config.against is not None:
        comparison.check_comparable(identity, config.against)
    content = finished(config.output, identity)
    if all(here.agree([content is not None])):
        if not here.is_first:
            return None
        console.say(f"{config.output} already holds this evaluation; nothing to do.")
        show(content)
        return content
    verify(reader.index, here)
    here.wait()
    findings = _take_findings(config, reader, colorizer, measures, protocol, here)
    if findings is None:
        return None
    content = {"identity": identity, "figures": summarize(protocol, measures, findings)}
    examiner = Examiner(reader, colorizer, protocol, measures, with_references=False)
    _write(config.output, content, findings, examiner)
    show(content)
    console.say(f"Written: {config.output / TEXT}, and beside it the figures and pictures.")
    return content


def _write(folder: Path, content: dict[str, Any], findings: Findings, examiner: Examiner) -> None:
    """Write the report folder; report.json last, so that it stands for a whole one.

    Raises:
        UserError: the folder cannot be written to.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    table = per_picture(examiner.protocol, findings.values, examiner.reader)
    replace_file(folder / PICTURES, table.encode())
    grids = write_grids(folder, findings.values, examiner)
    replace_file(folder / TEXT, markdown(content, grids).encode())
    replace_file(folder / REPORT, (json.dumps(content, indent=2) + "\n").encode())


def _take_findings(
    config: EvaluateConfig,
    reader: ShardReader,
    colorizer: Colorizer,
    measures: Measures,
    protocol: Protocol,
    here: Processes,
) -> Findings | None:
    """The figures of all pictures, in the first process; None in the others."""
    cache = cached = None
    if measures.inception is not None:
        cache = FeatureCache(config.data / "features", reader.index, measures.inception)
        cached = cache.read()
    (all_have_it,) = here.agree([cached is not None])
    missing = cache is not None and not all_have_it
    examiner = Examiner(reader, colorizer, protocol, measures, with_references=missing)
    own = _Share(protocol, missing, measures.inception is not None)
    numbers = share(len(reader), here)
    with console.progress("evaluating", len(numbers), "pictures", shown=here.is_first) as advance:
        samples = stream(reader.index, numbers)
        for done, examined in enumerate(in_order(examiner, samples, config.batch_size), 1):
            own.add(examined)
            advance(done)
    findings = own.gather(here)
    if findings is not None and missing:
        cache.write(findings.features["references"])
    elif findings is not None and cached is not None:
        findings.features["references"] = cached
    return findings


def in_order(
    examiner: Examiner, samples: Iterator[tuple[int, Sample]], at_a_time: int
) -> Iterator[Examined]:
    """Examine samples in threads, at most so many at a time; results come in order."""
    threads = min(at_a_time, len(sched_getaffinity(0)))
    waiting: deque[Future[Examined]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for number, sample in samples:
            waiting.append(pool.submit(examiner, number, sample))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class _Share:
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
            found = np.array(self.constant).reshape(-1, drawn.TERMS)
            constant = here.gather(torch.from_numpy(found))
        if values is None:
            return None
        values = values.numpy()
        if constant is not None:
            place = self.columns.index(Column("constant", "psnr"))
            partner = ~np.isnan(values[:, self.columns.index(Column("cross", "psnr"))])
            values[partner, place] = psnr_of(drawn.constant_errors(constant.numpy()))
        return Findings(values, features)


def device_of(here: Processes) -> torch.device:
    """The GPU of this process if there are GPUs and they are not to be left alone, else the CPU."""
    if not torch.cuda.is_available() or parse_flag_from_env("ACCELERATE_USE_CPU"):
        return torch.device("cpu")
    device = torch.device("cuda", here.local_rank % torch.cuda.device_count())
    torch.cuda.set_device(device)
    return device
