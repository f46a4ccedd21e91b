"""What comes before the first step: processes, precision, and saying what is about to run."""

import hashlib
import json
import os
import signal
import time
import warnings
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Self

import torch
from accelerate import Accelerator
from accelerate.tracking import get_available_trackers
from accelerate.utils import (
    DistributedDataParallelKwargs,
    InitProcessGroupKwargs,
    parse_flag_from_env,
)

from colorizer import console
from colorizer.config import ColorizationConfig, TrainConfig
from colorizer.data.dataset import TrainingData
from colorizer.errors import UserError
from colorizer.networks.discriminator import SMALLEST_SIDE
from colorizer.processes import meet_again
from colorizer.settings import check_bounds, to_json
from colorizer.training import checkpoint

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
SAME_SIGNAL_SECONDS = 2.0  # a scheduler's signal comes from the launcher as well


def start_accelerator(config: TrainConfig) -> Accelerator:
    """Accelerate on the GPUs there are, else on the CPU, in the processes the launcher started."""
    check_bounds(to_json(config))
    gpu = torch.cuda.is_available() and not parse_flag_from_env("ACCELERATE_USE_CPU")
    precision = config.mixed_precision
    if precision == "auto":
        half = "bf16" if gpu and torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
        precision = half if gpu else "no"
    if precision == "fp16" and not gpu:
        raise UserError("--mixed-precision fp16 needs a GPU; use no, bf16 or auto.")
    if precision == "fp16" and config.accumulate > 1 and config.loss.adversarial > 0:
        # The scaler that D and G share may change its scale between G's accumulated batches.
        raise UserError("fp16 cannot --accumulate with the adversarial loss; use bf16 or no.")
    trackers = {str(tracker.value) for tracker in get_available_trackers()}
    for name in config.log_with:
        if name not in trackers:
            usable = ", ".join(sorted(trackers)) or "none"
            raise UserError(f"--log-with {name}: not installed or not known (usable: {usable}).")
    # torch 2.15 renames this setting of DDP, and Accelerate does not know the new name yet.
    warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)
    timeout = timedelta(seconds=config.timeout)
    if not torch.distributed.is_initialized():  # by another training in this program
        meet_again("cpu:gloo,cuda:nccl" if gpu else "gloo", timeout)
    accelerator = Accelerator(
        cpu=not gpu,
        mixed_precision=precision,
        gradient_accumulation_steps=config.accumulate,
        log_with=list(config.log_with) or None,
        project_dir=config.output,
        kwargs_handlers=[
            # D sees two batches before its backward; buffers broadcast in between break autograd.
            # Gradients live in the buckets that are sent, and are there once.
            DistributedDataParallelKwargs(broadcast_buffers=False, gradient_as_bucket_view=True),
            InitProcessGroupKwargs(timeout=timeout),
        ],
    )
    if accelerator.gradient_accumulation_steps != config.accumulate:  # the environment goes first
        raise UserError(
            "ACCELERATE_GRADIENT_ACCUMULATION_STEPS is set to another value than --accumulate;"
            " unset it."
        )
    return accelerator


def check_settings(config: TrainConfig, processes: int) -> None:
    """Refuse settings that cannot run, before anything is built.

    Args:
        config: What was asked for.
        processes: Training processes that really run.

    Raises:
        UserError: naming the setting, what is wrong and what to do.
    """
    share = processes * config.accumulate
    if config.batch_size % share:
        raise UserError(
            f"--batch-size {config.batch_size} is not a multiple of {processes} process(es) x"
            f" --accumulate {config.accumulate}; give a multiple of {share}."
        )
    if config.compile and config.recompute:
        raise UserError("--compile and --recompute do not go together; give one of them.")
    if not config.loss.teaches:
        raise UserError("every --loss is 0, so there is nothing to learn; give one a weight.")


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
    if isinstance(config, ColorizationConfig) and config.loss.triplet > 0 and size == stride:
        raise UserError(f"{config.data}: --loss.triplet needs more than one token a picture.")
    if config.loss.adversarial > 0 and size < SMALLEST_SIDE:
        raise UserError(
            f"{config.data}: pictures of {size} pixels are too small for the discriminator,"
            " which needs"
            f" {SMALLEST_SIDE}; make larger ones, or set --loss.adversarial 0."
        )


def check_same(accelerator: Accelerator, newest: checkpoint.Newest | None, output: Path) -> None:
    """Compare what the processes found to continue from, once all have looked.

    Raises:
        UserError: not the same.
    """
    text = checkpoint.dump_state(newest.state) if newest else ""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")
    numbers = accelerator.gather(torch.tensor([number], device=accelerator.device))
    if (numbers != number).any():
        raise UserError(
            f"{output}: not all processes find the same checkpoint there; give an --output that is"
            " one folder for all machines."
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
        resolved = replace(config, mixed_precision=accelerator.mixed_precision)
        console.say(json.dumps(to_json(resolved), indent=2))


class StopRequest:
    """Within `with`, Ctrl-C or SIGTERM only asks to stop; a second one ends the program at once."""

    def __enter__(self) -> Self:
        self._since: float | None = None
        self._handlers = {n: signal.signal(n, self._receive) for n in STOP_SIGNALS}
        return self

    @property
    def received(self) -> bool:
        """Whether to stop."""
        return self._since is not None

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._since is None:
            self._since = time.monotonic()
        elif time.monotonic() - self._since > SAME_SIGNAL_SECONDS:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
