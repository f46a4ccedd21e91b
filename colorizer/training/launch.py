"""What comes before the first step: processes, precision, and saying what is about to run."""

import json
import signal
import warnings
from types import FrameType
from typing import Self

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, parse_flag_from_env

from colorizer import console
from colorizer.config import TrainConfig, to_json
from colorizer.data.dataset import TrainingData
from colorizer.errors import UserError
from colorizer.networks.discriminator import SMALLEST_SIDE

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def start_accelerator(config: TrainConfig) -> Accelerator:
    """Accelerate on the GPUs there are, else on the CPU, in the processes the launcher started."""
    gpu = torch.cuda.is_available() and not parse_flag_from_env("ACCELERATE_USE_CPU")
    precision = config.mixed_precision
    if precision == "auto":
        half = "bf16" if gpu and torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
        precision = half if gpu else "no"
    if precision == "fp16" and not gpu:
        raise UserError("--mixed-precision fp16 needs a GPU; use no, bf16 or auto.")
    # torch 2.15 renames this setting of DDP, and Accelerate does not know the new name yet.
    warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)
    return Accelerator(
        cpu=not gpu,
        mixed_precision=precision,
        gradient_accumulation_steps=config.accumulate,
        log_with=list(config.log_with) or None,
        project_dir=config.output,
        # D sees two batches before its backward: broadcasting buffers between them would break
        # autograd.
        kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False)],
    )


def check_settings(config: TrainConfig, processes: int) -> None:
    """Refuse settings that cannot run, before anything is built.

    Args:
        config: What was asked for.
        processes: Training processes that really run.

    Raises:
        UserError: naming the setting, what is wrong and what to do.
    """
    share = processes * config.accumulate
    if config.accumulate < 1:
        raise UserError(f"--accumulate is {config.accumulate}; it must be at least 1.")
    if config.batch_size < 1 or config.batch_size % share:
        raise UserError(
            f"--batch-size {config.batch_size} is not a multiple of {processes} process(es) x"
            f" --accumulate {config.accumulate}; give a multiple of {share}."
        )
    for name in ("steps", "log_every", "checkpoint_every", "keep_checkpoints", "shard_window"):
        if getattr(config, name) < 1:
            raise UserError(
                f"--{name.replace('_', '-')} is {getattr(config, name)}; it must be at least 1."
            )
    network = config.network
    if network.stages < 2 or network.width <= 0:
        raise UserError(
            f"--network.stages {network.stages} with --network.width {network.width}: at least 2"
            " stages and a width above 0 are needed."
        )


def check_size(config: TrainConfig, data: TrainingData) -> None:
    """Refuse pictures that the networks cannot take.

    Raises:
        UserError: naming the folder, the size and what would do.
    """
    size, stride = data.reader.index.size, config.network.stride
    if size % stride:
        raise UserError(
            f"{config.data}: pictures of {size} pixels, but --network.stages"
            f" {config.network.stages} needs a"
            f" multiple of {stride}; make shards with another --size."
        )
    if config.loss.adversarial > 0 and size < SMALLEST_SIDE:
        raise UserError(
            f"{config.data}: pictures of {size} pixels are too small for the discriminator,"
            " which needs"
            f" {SMALLEST_SIDE}; make larger ones, or set --loss.adversarial 0."
        )


def describe(config: TrainConfig, accelerator: Accelerator, data: TrainingData) -> None:
    """Print the run in a table; with `dry_run` every setting too."""
    samples, size = len(data.reader), data.reader.index.size
    cuda = accelerator.device.type == "cuda"
    device = torch.cuda.get_device_name() if cuda else "CPU"
    processes = accelerator.num_processes
    share = config.batch_size // (processes * config.accumulate)
    rows = [
        ("processes", f"{processes} on {device}"),
        (
            "precision",
            {"no": "float32"}.get(accelerator.mixed_precision, accelerator.mixed_precision),
        ),
        (
            "batch",
            f"{config.batch_size} = {share} x {processes} process(es) x {config.accumulate}"
            " added up",
        ),
        ("data", f"{samples} pictures of {size}x{size} in {config.data / 'train'}"),
        ("steps", f"{config.steps} ({config.steps * config.batch_size / samples:.1f} epochs)"),
        ("output", str(config.output)),
    ]
    console.facts(rows)
    if config.dry_run:
        console.say(json.dumps(to_json(config), indent=2))


class StopRequest:
    """Within `with`, Ctrl-C or SIGTERM only asks to stop; a second one ends the program at once."""

    def __enter__(self) -> Self:
        self.received = False
        self._handlers = {n: signal.signal(n, self._receive) for n in STOP_SIGNALS}
        return self

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = True
        signal.signal(number, signal.SIG_DFL)

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
