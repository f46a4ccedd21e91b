"""How long an evaluation takes, how much memory, and what the time goes to.

    python benchmarks/evaluation.py [--count 500 --metrics psnr ms-ssim lpips-alex fid]

Drawn characters, a generator of full size with random weights, and stand-ins of full size for the
networks that judge (see benchmarks/metrics.py). Shares are of the CPU time of the whole process;
on a GPU they are only what the host does.
"""

import functools
import os
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import tyro
from metrics import write_backbone, write_inception
from safetensors.torch import save_file

from colorizer.characters import draw, sample_character, sample_pose
from colorizer.checkpoints.generator_file import describe_generator
from colorizer.checkpoints.published import ALEXNET, VGG16
from colorizer.coloring.colorizer import Colorizer
from colorizer.config.presets import PRESETS
from colorizer.evaluation import available, examine
from colorizer.evaluation.config import EvaluateConfig, MeasureConfig, Metric, Mode
from colorizer.evaluation.evaluator import evaluate
from colorizer.evaluation.metrics.inception import Inception
from colorizer.evaluation.metrics.perceptual import LPIPS
from colorizer.networks.generator import Generator
from colorizer.shards.writer import ShardWriter
from colorizer.system import console


@dataclass(frozen=True)
class BenchmarkConfig:
    """Time one evaluation."""

    count: int = 500
    """Held-out pictures."""
    size: int = 256
    """Pixels a side."""
    preset: str = "attention-aware"
    """Whose network."""
    modes: tuple[Mode, ...] = ("self", "random")
    """Which references."""
    metrics: tuple[Metric, ...] = ("psnr", "ms-ssim", "lpips-alex", "palette", "fid", "kid")
    """Which figures."""
    batch_size: int = 8
    """Pictures at a time."""


def count_time(spent: Counter[str], owner: Any, function: str, name: str) -> None:
    """From now on, add the CPU time that a thread spends in a function to `spent[name]`."""
    real: Callable[..., Any] = getattr(owner, function)

    @functools.wraps(real)
    def timed(*arguments: Any) -> Any:
        start = time.thread_time()
        try:
            return real(*arguments)
        finally:
            spent[name] += time.thread_time() - start

    setattr(owner, function, timed)


def draw_held_out(config: BenchmarkConfig, folder: Path) -> None:
    """Characters in two poses each."""
    with ShardWriter(folder, config.size, 100, {}) as writer:
        for number in range(config.count):
            seed, pose = divmod(number, 2)
            drawing = draw(sample_character(seed), sample_pose(seed, pose), config.size)
            made_from = {"seed": seed, "pose": pose}
            metadata = {"group": f"character-{seed}", "character": made_from}
            writer.write(f"c{seed}-{pose}", drawing.color, drawing.line, metadata)


def write_generator(preset: str, size: int, path: Path) -> None:
    """A generator file with random weights."""
    torch.manual_seed(0)
    network = asdict(PRESETS[preset]().network)
    tensors = Generator(**network).state_dict()
    save_file(tensors, path, describe_generator("colorization", network, size, 0, tensors))


def write_weights(folder: Path) -> None:
    """Stand-ins for all networks that judge, where they are looked for."""
    hub = folder / "hub" / "checkpoints"
    hub.mkdir(parents=True)
    for net, published in (("alex", ALEXNET), ("vgg", VGG16)):
        own = (folder / published.file).with_suffix(".safetensors")
        write_backbone(net, hub, folder).rename(own)
        (hub / published.file).unlink()  # lpips's own way of finding it is not needed here
    write_inception(folder)
    os.environ["COLORIZER_WEIGHTS"] = str(folder)


def main() -> None:
    config = tyro.cli(BenchmarkConfig)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        draw_held_out(config, folder / "data" / "held-out")
        write_generator(config.preset, config.size, folder / "generator.safetensors")
        write_weights(folder)
        spent: Counter[str] = Counter()
        count_time(spent, Colorizer, "color_batch", "generator")
        count_time(spent, Inception, "features", "Inception")
        count_time(spent, LPIPS, "__call__", "LPIPS")
        count_time(spent, available, "ms_ssim", "MS-SSIM")
        count_time(spent, examine, "palette_distance", "palettes")
        before, cpu, wall = peak(), time.process_time(), time.monotonic()
        evaluate(
            EvaluateConfig(
                checkpoint=folder / "generator.safetensors",
                data=folder / "data",
                output=folder / "report",
                measure=MeasureConfig(config.modes, config.metrics, config.batch_size),
            )
        )
        cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    spent["all else"] = cpu - sum(spent.values())
    rows = [[name, f"{t:.0f}", f"{100 * t / cpu:.0f} %"] for name, t in spent.most_common()]
    console.table("Where the CPU time goes", ["step", "seconds", "share"], rows)
    console.facts(
        [
            ("pictures", f"{config.count}, each coloured {len(config.modes)} times"),
            ("time", console.duration(wall)),
            ("peak memory", f"{peak():.1f} GB, {before:.1f} GB before"),
        ]
    )


def peak() -> float:
    """Most memory this process has had, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    console.run(main)
