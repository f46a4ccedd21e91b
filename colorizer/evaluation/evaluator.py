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

from colorizer.checkpoints.generator_file import find_generator
from colorizer.coloring.colorizer import Colorizer
from colorizer.config.networks import GeneratorConfig
from colorizer.evaluation import comparison
from colorizer.evaluation.available import Available, LoadedMetrics, find_available
from colorizer.evaluation.config import MODES, EvaluateConfig, MeasureConfig
from colorizer.evaluation.examine import Examined, Examiner
from colorizer.evaluation.findings import Findings, Share, add_constant_colors
from colorizer.evaluation.gallery import write_grids
from colorizer.evaluation.metrics.feature_cache import FeatureCache
from colorizer.evaluation.presentation import markdown, show
from colorizer.evaluation.protocol import Protocol, plan
from colorizer.evaluation.report import (
    PICTURES,
    REPORT,
    TEXT,
    finished,
    identify,
    per_picture,
    summarize,
)
from colorizer.evaluation.stream import share, stream
from colorizer.remote.cache import ShardFolder, default_folder
from colorizer.shards.reader import Sample, ShardReader
from colorizer.system import console
from colorizer.system.device import choose_device, reproducible
from colorizer.system.errors import UserError
from colorizer.system.memory import keep_freed_memory
from colorizer.system.processes import World, processes
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
    with processes() as world, reproducible():
        content = _evaluate(config, world)
        world.wait()
    return content


def _evaluate(config: EvaluateConfig, world: World) -> dict[str, Any] | None:
    check_writable(config.output)
    other = comparison.read_evaluation(config.against) if config.against else None
    reader, available, protocol = prepare(
        config.measure, config.cached(config.data / "held-out"), world
    )
    file = find_generator(config.checkpoint, GeneratorConfig)
    device = choose_device(world.local_rank)
    if device.type == "cpu":
        keep_freed_memory()
    content = identity = None
    if world.is_first:
        identity = identify(config.measure, file, reader, available, protocol, device)
        if other is not None:
            comparison.check_comparable(identity, other)
        content = finished(config.output, identity)
    if content is not None:
        console.say(f"{config.output} already holds this evaluation; nothing to do.")
    if not world.first_says(content is not None):
        colorizer, metrics = Colorizer(file.path, device), LoadedMetrics(available, device)
        examiner = Examiner(reader, colorizer, protocol, metrics)
        content = _measure(config, examiner, available, identity, world)
    if content is not None:
        show(content)
        console.say(f"The pictures and figures: {config.output / TEXT}")
        if other is not None:
            comparison.compare(comparison.read_evaluation(config.output / REPORT), other)
    return content


def _features(config: EvaluateConfig) -> Path:
    """Where features of the held-out pictures are kept: beside them, or in the cache."""
    if isinstance(config.data, Path):
        return config.data / "features"
    return (config.cache or default_folder()) / "features"


def prepare(
    config: MeasureConfig, held_out: ShardFolder, world: World
) -> tuple[ShardReader, Available, Protocol]:
    """What will be measured of a folder of shards; nothing is computed yet.

    Raises:
        UserError: the settings do not do, or ask for what cannot be had; nothing is held out.
    """
    if config.batch_size < 1 or config.pairs_seed < 0:
        raise UserError("--batch-size must be at least 1 and --pairs-seed at least 0.")
    reader = ShardReader(held_out)
    if len(reader) == 0:
        raise UserError(
            f"{reader.index.folder}: nothing is held out; make the shards with a larger --held-out."
        )
    smallest = min(reader.index.shapes, key=min)
    available = find_available(config, smallest, len(reader), world)
    return reader, available, plan(config, reader, available, world)


def _measure(
    config: EvaluateConfig,
    examiner: Examiner,
    available: Available,
    identity: dict[str, Any] | None,
    world: World,
) -> dict[str, Any] | None:
    """Evaluate and write the report.

    Args:
        config: What to evaluate.
        examiner: Takes the figures.
        available: The metrics that can be had.
        identity: Of the evaluation; None in all but the first process.
        world: The processes that share the work.

    Returns:
        The content of the report; None in all but the first process.
    """
    reader, protocol, inception = examiner.reader, examiner.protocol, examiner.metrics.inception
    cache = kept = None
    if identity is not None and inception is not None:
        pictures = identity["data"]["sha256"]
        cache = FeatureCache(_features(config), pictures, len(reader), inception)
        kept = cache.read()
    with_references = inception is not None and not world.first_says(kept is not None)
    features = protocol.modes if inception is not None else []
    if with_references:
        features = [*features, "references"]
    own = Share(protocol.columns, features)
    for examined in _examine_all(examiner, with_references, config.measure.batch_size, world):
        own.add(examined)
    findings = own.gather(world)
    if findings is None:
        return None
    add_constant_colors(findings, protocol.columns)
    if kept is not None:
        findings.features["references"] = kept
    elif cache is not None:
        cache.write(findings.features["references"])
    content = {"identity": identity, "figures": summarize(protocol, available, findings)}
    with locked(config.output, "writes a report"):
        _write(config.output, content, findings, examiner)
    return content


def _examine_all(
    examiner: Examiner, with_references: bool, batch_size: int, world: World
) -> Iterator[Examined]:
    """What is measured of each of this process's pictures, in order."""
    numbers = share(len(examiner.reader), world)
    threads = min(batch_size, world.cores)
    examine = partial(examiner, with_references=with_references)
    with console.progress("evaluating", len(numbers), "pictures", shown=world.is_first) as advance:
        results = in_order(examine, stream(examiner.reader, numbers), threads)
        for done, examined in enumerate(results, 1):
            yield examined
            advance(done)


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
