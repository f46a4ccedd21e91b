"""How fast the loader is against decoding alone, where its time goes, and what augmenting costs.

    python benchmarks/loader.py --data shards/mine

Decoding alone: the pairs' WebP bytes are in memory, one process decodes them. The loader: its own
processes read, check and decode into shared memory. The two take turns. Then the full augmentation
is timed beside a training step of `attention-aware` on the same batch.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import torch
import tyro
from measuring import timed
from standing_in import augmented
from train_step import TrainStepConfig, build

from colorizer.augmentation.distortion import DistortionParameters, augment, draw_parameters
from colorizer.config.augmentation import AugmentConfig
from colorizer.loading.batch import Batch
from colorizer.loading.dataset import TrainingData
from colorizer.loading.loader import load_batches
from colorizer.loading.order import BatchNumbers
from colorizer.shards.encoding import decode_color, decode_line
from colorizer.shards.index import checksum
from colorizer.shards.reader import Encoded, Sample
from colorizer.system.json_file import parse_json
from colorizer.system.memory import keep_freed_memory

FULL = AugmentConfig(
    control="grid", border="reflect", flip=0.5, hue=0.5, saturation=0.5, brightness=0.2
)


@dataclass(frozen=True)
class LoaderConfig:
    """Time the loader and the augmentation."""

    data: Path
    """Folder of shards."""
    batch_size: int = 16
    """Pictures a batch."""
    batches: int = 60
    """Batches each time."""
    workers: tuple[int, ...] = (1, 2)
    """Loader processes."""
    rounds: int = 5
    """How often the loader and decoding alone take turns."""
    step: bool = True
    """Time a training step as well."""


def main() -> None:
    config = tyro.cli(LoaderConfig, description=__doc__)
    cv2.setNumThreads(0)
    data = TrainingData([config.data / "train"], seed=0, window=16)
    (reader,) = data.reader.readers
    places = [(s, p) for s, count in enumerate(reader.counts) for p in range(count)][:500]
    encoded = [reader.read_encoded(*place) for place in places]
    print(f"{len(reader)} pairs of {reader.index.size}x{reader.index.size}")
    for workers in config.workers:
        compare(config, data, encoded, workers)
    show_steps(data, places, encoded)
    if config.step:
        compare_augmentation(config, data)


def compare(config: LoaderConfig, data: TrainingData, encoded: list[Encoded], workers: int) -> None:
    """The loader's pairs/s against those of decoding alone, for each process."""
    pairs = config.batches * config.batch_size
    alone, loaded = [], []
    for _ in range(config.rounds):
        alone.append(pairs / timed(lambda: decode(encoded, pairs)))
        loaded.append(rate_of_loader(config, data, workers))
    ratios = [found / best / workers for found, best in zip(loaded, alone, strict=True)]
    print(
        f"{workers} loader process(es): {statistics.median(loaded):.0f} pairs/s; decoding alone, in"
        f" one process: {statistics.median(alone):.0f}; ratio for each process, median of"
        f" {config.rounds}: {statistics.median(ratios):.3f}"
    )


def decode(encoded: list[Encoded], pairs: int) -> None:
    for number in range(pairs):
        sample = encoded[number % len(encoded)]
        decode_color(sample.color)
        decode_line(sample.line)


def rate_of_loader(config: LoaderConfig, data: TrainingData, workers: int) -> float:
    """Pairs/s once its processes run."""
    started = 2 * workers + 2  # batches until then
    numbers = BatchNumbers(0, config.batches + started, config.batch_size, 1, 0, 1)
    start = 0.0
    batches = load_batches(data, numbers, workers, pin_memory=False, draw=draw)
    for number, _ in enumerate(batches, 1):
        if number == started:
            start = time.perf_counter()
    return config.batches * config.batch_size / (time.perf_counter() - start)


def draw(numbers: list[int], shape: tuple[int, int]) -> DistortionParameters:
    """As in training with the triplet loss."""
    return draw_parameters(FULL, 0, numbers, (shape[0] // 16) * (shape[1] // 16))


def show_steps(data: TrainingData, places: list[tuple[int, int]], encoded: list[Encoded]) -> None:
    """Microseconds a pair of each thing that a loader process does."""
    (reader,) = data.reader.readers
    samples = [reader.read(*place) for place in places]
    batch, size = data.load([0]), reader.index.size
    steps: dict[str, Callable[[], object]] = {
        "read and check": lambda: [reader.read_encoded(*place) for place in places],
        "  of this, crc32": lambda: [checksum(e.color, e.line, e.json) for e in encoded],
        "decode the colour": lambda: [decode_color(e.color) for e in encoded],
        "decode the line": lambda: [decode_line(e.line) for e in encoded],
        "parse the JSON": lambda: [parse_json(e.json) for e in encoded],
        "draw its augmentation": lambda: draw(list(range(len(encoded))), size),
        "put into a batch": lambda: [put(batch, s) for s in samples],
    }
    for name, step in steps.items():
        print(f"{name}: {1e6 * timed(step) / len(encoded):.0f} us a pair")


def put(batch: Batch, sample: Sample) -> None:
    color, line = (tensor.numpy() for tensor in batch.tensors)
    color[0], line[0] = sample.color, sample.line


def compare_augmentation(config: LoaderConfig, data: TrainingData) -> None:
    """Milliseconds of the full augmentation and of a step."""
    if not torch.cuda.is_available():
        keep_freed_memory()
    batch = data.load(list(range(config.batch_size)))
    settings = TrainStepConfig(batch_size=config.batch_size, size=batch.color.shape[1])
    with tempfile.TemporaryDirectory() as folder:
        task = build(settings, Path(folder))
    batch = augmented(task, batch)
    step, full = [], []
    for _ in range(3):
        step.append(timed(lambda: task.step(batch)))
        full.append(timed(lambda: augment_fully(batch, task.accelerator.device)))
    ratio = statistics.median(f / s for f, s in zip(full, step, strict=True))
    print(
        f"full augmentation {1e3 * statistics.median(full):.1f} ms, step"
        f" {1e3 * statistics.median(step):.0f} ms: {ratio:.2%}"
    )


def augment_fully(batch: Batch, device: torch.device) -> None:
    """Draw the parameters, copy to the device, warp, flip and jitter."""
    batch = batch.with_parameters(draw_parameters(FULL, 0, batch.numbers))
    color, line, *parameters = batch.layout.views(batch.memory.to(device))
    augment(FULL, DistortionParameters(*parameters), color, line)


if __name__ == "__main__":
    main()
