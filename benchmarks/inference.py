"""How long a drawing takes to colour, and in how much memory, at several sizes.

    python benchmarks/inference.py --sizes 256 512 1024 2048

The generator at full width with random weights; reference and drawing have
the same size. Each figure comes from a process of its own.
"""

import statistics
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Literal

import torch
import tyro
from measuring import apart, memory_now, memory_peak, timed

from colorizer.config.presets import PRESETS
from colorizer.networks.generator import Generator
from colorizer.system.device import choose_device
from colorizer.system.memory import keep_freed_memory, keep_nothing

HALF = {"float32": None, "bf16": torch.bfloat16, "fp16": torch.float16}  # of autocast


@dataclass(frozen=True)
class InferenceConfig:
    """Time the generator on one drawing."""

    preset: Literal["attention-aware", "sga", "scft-ca", "scft"] = "attention-aware"
    """Whose network."""
    sizes: tuple[int, ...] = (256, 512, 1024, 2048)
    """Sides of the drawing, in pixels."""
    precision: Literal["float32", "bf16", "fp16"] = "float32"
    """In which the network computes."""
    rounds: int = 3
    """Times each is coloured; the median counts."""


def main() -> None:
    config = tyro.cli(InferenceConfig, description=__doc__)
    for size in config.sizes:
        seconds = apart(seconds_of, config, size)
        memory = apart(gigabytes_of, config, size)
        tokens = (size // PRESETS[config.preset]().network.stride) ** 2
        print(f"{size}x{size}, {tokens} tokens: {seconds:.2f} s, {memory:.2f} GB", flush=True)


def seconds_of(config: InferenceConfig, size: int) -> float:
    """Median time to colour one."""
    if choose_device().type == "cpu":
        keep_freed_memory()
    color = prepare(config, size)
    timed(color)
    return statistics.median(timed(color) for _ in range(config.rounds))


def gigabytes_of(config: InferenceConfig, size: int) -> float:
    """The most memory in use beyond network and pictures."""
    if choose_device().type == "cpu":
        keep_nothing()
    prepare(config, 64)()  # libraries take memory once
    color = prepare(config, size)
    before = memory_now()
    color()
    return (memory_peak() - before) / 1e9


def prepare(config: InferenceConfig, size: int) -> Callable[[], object]:
    """What colours a drawing of this size."""
    torch.manual_seed(0)
    device, half = choose_device(), HALF[config.precision]
    with device:
        generator = Generator(**asdict(PRESETS[config.preset]().network)).eval()
        line, reference = (torch.rand(1, c, size, size) * 2 - 1 for c in (1, 3))

    def color() -> None:
        autocast = torch.autocast(device.type, half) if half else nullcontext()
        with torch.inference_mode(), autocast:
            generator(line, reference)

    return color


if __name__ == "__main__":
    main()
