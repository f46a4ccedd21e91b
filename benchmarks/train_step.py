"""How fast a training step is, against the released code's way of computing the same.

    python benchmarks/train_step.py --batch-size 4

Both have the same weights and batch and take turns in one process; their losses are compared first.
VGG-19 has random weights: none are needed to see how fast it is.
"""

import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
import tyro
from gpu_traffic import Work, count
from measuring import memory_now, memory_peak, timed
from released_recipe import ReleasedStep
from standing_in import augmented, build_task, noise, write_vgg
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from colorizer.config.losses import LossConfig
from colorizer.config.presets import PRESETS
from colorizer.system.memory import keep_freed_memory
from colorizer.training.colorization import Colorization

WARM_UP = 2


@dataclass(frozen=True)
class TrainStepConfig:
    """Time training steps: ours, and the released code's way of computing them."""

    preset: Literal["attention-aware", "sga"] = "attention-aware"
    """Whose networks and losses."""
    batch_size: int = 16
    """Pictures a step."""
    size: int = 256
    """Their sides, in pixels."""
    width: float = 1.0
    """Multiplies every channel count of the generator."""
    mixed_precision: Literal["auto", "bf16", "fp16", "no"] = "auto"
    """Ours; the released way is float32 always."""
    rounds: int = 5
    """How often the two take turns."""
    frozen: bool = False
    """Let the released way freeze VGG too, so that the truth has no graph."""
    recompute: bool = False
    """Ours with --recompute; its arithmetic then counts what is computed again."""
    compile: bool = False
    """Ours with --compile."""
    profile: bool = False
    """Print where the time of our step goes, instead of comparing."""


def main() -> None:
    config = tyro.cli(TrainStepConfig, description=__doc__)
    if not torch.cuda.is_available():
        keep_freed_memory()  # as training does; the released way has it too
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        task = build(config, Path(folder))
    batch = augmented(task, noise(config.batch_size, config.size))
    pictures = task.augmented(*task.on_device(batch))
    networks = task.generator.unwrapped, task.discriminator.unwrapped, task.vgg_losses.vgg
    released = ReleasedStep(task.config, *networks, config.frozen)

    def ours() -> dict[str, torch.Tensor]:
        return task.step(batch).losses

    def theirs() -> dict[str, float]:
        return released(pictures)

    if config.profile:
        print_profile(ours)
        return
    for number in (1, 2):  # the second shows that the updates are the same as well
        compare(number, ours(), theirs())
    work = count(ours)
    times = {"ours": [], "released": []}
    peaks = {}
    for number in range(WARM_UP + config.rounds):
        for name, step in (("ours", ours), ("released", theirs)):
            before = memory_now()
            seconds = timed(step)
            peaks[name] = (memory_peak() - before) / 1e9
            if number >= WARM_UP:
                times[name].append(seconds)
    report(config, times, peaks, work)


def build(config: TrainStepConfig, folder: Path) -> Colorization:
    """The task of a preset, as training builds it, with a random VGG-19 in a file."""
    settings = replace(
        PRESETS[config.preset](folder, folder),
        batch_size=config.batch_size,
        mixed_precision=config.mixed_precision,
        recompute=config.recompute,
        compile=config.compile,
        loss=LossConfig(vgg_weights=write_vgg(folder / "vgg19.safetensors")),
    )
    settings = replace(settings, network=replace(settings.network, width=config.width))
    return build_task(settings)


def compare(number: int, ours: dict[str, torch.Tensor], released: dict[str, float]) -> None:
    """Print a step's losses.

    Raises:
        AssertionError: they differ by more than precision, and the fake's spectral norm, explain.
    """
    for name, value in released.items():
        mine = ours[name].item()
        off = abs(mine - value) / value
        print(f"step {number}, {name}: ours {mine:.6f}, released {value:.6f} ({off:.1e})")
        assert off <= 0.02, name


def print_profile(step: Callable[[], object]) -> None:
    """Milliseconds of a step that each operation takes itself, the largest first."""
    for _ in range(WARM_UP):
        step()
    activities = [ProfilerActivity.CPU]
    if torch.cuda.is_available():
        activities.append(ProfilerActivity.CUDA)
    with profile(activities=activities) as found:
        seconds = timed(step)
    if torch.cuda.is_available():  # kernels alone: what the host does goes on beside them
        kernels = (e for e in found.key_averages() if e.device_type == DeviceType.CUDA)
        own = {e.key: e.self_device_time_total for e in kernels}
    else:
        own = {e.key: e.self_cpu_time_total for e in found.key_averages()}
    print(f"a step: {1e3 * seconds:.0f} ms with the profiler")
    for name in sorted(own, key=own.get, reverse=True)[:15]:
        print(f"{name}: {own[name] / 1e3:.1f} ms, {own[name] / 1e6 / seconds:.1%}")


def arithmetic_ceiling(device: str, dtype: torch.dtype, shrink: int = 1) -> float:
    """FLOP/s of a large matrix product or convolution, whichever has more.

    `shrink` divides their sizes, to rehearse this.
    """
    size, pictures = (8192, 64) if device == "cuda" else (2048, 8)
    size, channels = size // shrink, 256 // shrink
    matrix = torch.randn(size, size, device=device, dtype=dtype)
    picture = torch.randn(pictures, channels, 64, 64, device=device, dtype=dtype)
    picture = picture.to(memory_format=torch.channels_last)
    kernel = torch.randn(channels, channels, 3, 3, device=device, dtype=dtype)
    kernel = kernel.to(memory_format=torch.channels_last)
    product = min(timed(lambda: matrix @ matrix) for _ in range(10))
    convolution = min(timed(lambda: F.conv2d(picture, kernel, padding=1)) for _ in range(10))
    return max(2 * size**3 / product, 2 * picture.numel() * 9 * channels / convolution)


def copy_ceiling(device: str, shrink: int = 1) -> float:
    """Bytes/s, read and written, of a large copy; of one that is smaller to rehearse this."""
    source = torch.randn((2**28 if device == "cuda" else 2**26) // shrink, device=device)
    target = torch.empty_like(source)
    return 2 * source.nbytes / min(timed(lambda: target.copy_(source)) for _ in range(10))


def report(
    config: TrainStepConfig, times: dict[str, list[float]], peaks: dict[str, float], work: Work
) -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    half = {"bf16": torch.bfloat16, "fp16": torch.float16, "auto": torch.bfloat16, "no": None}
    dtype = (half[config.mixed_precision] if device == "cuda" else None) or torch.float32
    ceiling = arithmetic_ceiling(device, dtype)
    for name, seconds in times.items():
        median = statistics.median(seconds)
        # A CPU's process keeps what it frees, so that its memory tells nothing.
        taken = f", {peaks[name]:.2f} GB beyond weights and optimizers" if device == "cuda" else ""
        print(
            f"{name}: {1e3 * median:.1f} ms (min {1e3 * min(seconds):.1f}),"
            f" {config.batch_size / median:.2f} pictures/s{taken}"
        )
    ratios = [r / o for o, r in zip(times["ours"], times["released"], strict=True)]
    ours = statistics.median(times["ours"])
    print(f"ratio, median of {len(ratios)}: {statistics.median(ratios):.2f}")
    share = work.flops / ceiling / ours
    print(f"ours: {work.operations} operations, which move {work.bytes / 1e9:.2f} GB;")
    print(f"arithmetic {work.flops / 1e12:.3f} TFLOP; this {device} in {dtype}:")
    print(f"{ceiling / 1e12:.3f} TFLOP/s, {copy_ceiling(device) / 1e9:.0f} GB/s of copying")
    print(f"share of the arithmetic's floor: {share:.0%}")


if __name__ == "__main__":
    main()
