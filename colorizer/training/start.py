"""What comes before the first step: processes, precision, and saying what is about to run."""

import json
import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.tracking import get_available_trackers
from accelerate.utils import (
    DDPCommunicationHookType,
    DistributedDataParallelKwargs,
    InitProcessGroupKwargs,
)

from colorizer.config.bounds import check_bounds
from colorizer.config.serialization import to_json
from colorizer.config.training import ColorizationConfig, TrainConfig
from colorizer.loading.dataset import TrainingData, say
from colorizer.networks.kernels import missing_for_kernels
from colorizer.networks.sizes import DISCRIMINATOR_SIDE
from colorizer.pictures.buckets import least_size
from colorizer.shards.index import Shape
from colorizer.system import console
from colorizer.system.errors import LostConnection, UserError
from colorizer.system.processes import is_lost_connection, join_group
from colorizer.system.version import code_version
from colorizer.training.freezing import check_freezing
from colorizer.training.launcher import (
    check_gpus,
    check_launcher,
    choose_precision,
    launcher_precision,
    wants_gpu,
)
from colorizer.training.origin import FoundOrigin

EXCHANGES = {"float32": DDPCommunicationHookType.NO, "bf16": DDPCommunicationHookType.BF16}
NCCL_PATIENCE = 2  # its watchdog aborts a process, so watch.py speaks long before


def start_accelerator(config: TrainConfig) -> Accelerator:
    """Accelerate on the GPUs there are, else on the CPU, in the processes the launcher started."""
    check_bounds(config)
    gpu = wants_gpu()
    check_launcher(config)
    precision = choose_precision(config, gpu)
    trackers = {str(tracker.value) for tracker in get_available_trackers()}
    for name in config.log_with:
        if name not in trackers:
            usable = ", ".join(sorted(trackers)) or "none"
            raise UserError(f"--log-with {name}: not installed or not known (usable: {usable}).")
    # torch 2.15 renames this setting of DDP, and Accelerate does not know the new name yet.
    warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)
    timeout = timedelta(seconds=config.timeout)
    if not torch.distributed.is_initialized():  # by another training in this program
        # Accelerate drops a time limit that equals its own default: torch's 30 minutes hold then.
        try:
            if gpu:
                check_gpus()
                join_group("cpu:gloo,cuda:nccl", NCCL_PATIENCE * timeout)
            else:
                join_group("gloo", timeout)
        except RuntimeError as error:
            if not is_lost_connection(error):
                raise
            raise LostConnection(
                f"process {os.environ['RANK']} stops: only some of the {os.environ['WORLD_SIZE']}"
                f" processes started within {config.timeout:g} s; see the others' messages."
            ) from error
    try:
        return Accelerator(
            cpu=not gpu,
            mixed_precision=precision,
            gradient_accumulation_steps=config.accumulate,
            log_with=list(config.log_with) or None,
            project_dir=config.output,
            kwargs_handlers=[
                # D sees two batches before its backward; buffers broadcast in between break
                # autograd. Gradients live in the buckets that are sent, and are there once.
                DistributedDataParallelKwargs(
                    broadcast_buffers=False,
                    gradient_as_bucket_view=True,
                    comm_hook=EXCHANGES[config.exchange],
                ),
                InitProcessGroupKwargs(timeout=timeout),  # of processes that MPI has started
            ],
        )
    except (ImportError, ValueError) as error:
        names = ", ".join(sorted(n for n in os.environ if n.startswith("ACCELERATE_"))) or "none"
        raise UserError(
            f"Accelerate cannot start ({error}). Check the environment variables that it follows:"
            f" {names}."
        ) from error


def with_accumulation(config: TrainConfig) -> TrainConfig:
    """The settings with the `accumulate` that `at_once` asks for in as many processes as started.

    Raises:
        UserError: both are set.
    """
    if not config.at_once:
        return config
    if config.accumulate > 1:
        raise UserError("--accumulate and --at-once say the same; give one of them.")
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    return replace(config, accumulate=-(-config.batch_size // (processes * config.at_once)))


def check_sets(config: TrainConfig) -> None:
    """Refuse sets and shares that do not belong together.

    Raises:
        UserError: naming the setting, what is wrong and what to do.
    """
    sets, shares = len(config.data), len(config.shares)
    if not sets:
        raise UserError("--data names no folder; give at least one.")
    distinct = {f.resolve() if isinstance(f, Path) else f for f in config.data}
    if len(distinct) < sets:
        raise UserError(f"--data names a folder twice ({say(config.data)}); give each once.")
    if shares and sets == 1:
        raise UserError("--shares is for several sets, but --data names one; leave --shares out.")
    if shares and shares != sets:
        raise UserError(
            f"--shares has {shares} values, but --data names {sets} folders; give a share for each."
        )
    if not all(share > 0 for share in config.shares):
        raise UserError("--shares must all be above 0; leave a set that gives nothing out of both.")


def check_settings(config: TrainConfig, processes: int) -> None:
    """Refuse settings that cannot run, before anything is built.

    Args:
        config: What was asked for.
        processes: Training processes that really run.

    Raises:
        UserError: naming the setting, what is wrong and what to do.
    """
    check_sets(config)
    if config.batch_size < (runs := processes * config.accumulate):
        raise UserError(
            f"--batch-size is {config.batch_size}; give at least {runs}, a picture for each of"
            f" {processes} processes times --accumulate ({config.accumulate})."
        )
    if config.batch_size % config.lanes and config.lanes % config.batch_size:
        raise UserError(
            f"--lanes is {config.lanes}; give a multiple or a divisor of --batch-size,"
            f" {config.batch_size}."
        )
    if config.compile and config.recompute:
        raise UserError("--compile and --recompute do not go together; give one of them.")
    if (
        config.exchange == "bf16"
        and processes > 1
        and not (torch.version.cuda or torch.version.hip)
    ):
        raise UserError("--exchange bf16 needs a torch that was built for GPUs.")
    if config.compile and wants_gpu() and (missing := missing_for_kernels()):
        raise UserError(f"--compile cannot write kernels on this machine: {missing}.")
    if isinstance(config, ColorizationConfig):
        _check_copying(config)
    if not config.loss.teaches:
        raise UserError(
            "every --loss is 0, so nothing would be learned; give at least one a weight."
        )
    check_freezing(config)


def _check_copying(config: ColorizationConfig) -> None:
    network, loss = config.network, config.loss
    for name in ("copying", "place"):
        if getattr(loss, name) > 0 and not network.copying:
            raise UserError(f"--loss.{name} judges what is copied; give --network.copying as well.")
    if network.attention == "none":
        if not network.copying:
            raise UserError(
                "--network.attention none takes nothing from the reference unless colours are"
                " copied; give --network.copying as well."
            )
        if loss.triplet > 0:
            raise UserError(
                "--loss.triplet teaches the attention, but --network.attention is none; set"
                " --loss.triplet 0."
            )


def check_size(config: TrainConfig, shapes: Sequence[Shape]) -> None:
    """Refuse pictures that the networks cannot take.

    Args:
        config: The networks and losses.
        shapes: Of all pictures that the run learns from or is judged by.

    Raises:
        UserError: naming the folder, the size and what would do.
    """
    for shape in shapes:
        _check_shape(config, shape)


def _check_shape(config: TrainConfig, shape: Shape) -> None:
    height, width = shape
    stride, folders = config.network.stride, say(config.data)
    side = DISCRIMINATOR_SIDE if config.loss.adversarial > 0 else 1
    pixels = f"{width} pixels a side" if height == width else f"{width}x{height} pixels"
    if height % stride or width % stride:
        raise UserError(
            f"{folders}: pictures have {pixels}, but --network.stages"
            f" {config.network.stages} needs a multiple of {stride};"
            f" {_other_shards(shape, stride, side)}."
        )
    of_triplet = isinstance(config, ColorizationConfig) and config.loss.triplet > 0
    if of_triplet and height == width == stride:
        raise UserError(
            f"{folders}: --loss.triplet needs more than one token a picture; give fewer"
            " --network.stages, or make larger pictures."
        )
    if min(shape) < side:
        raise UserError(
            f"{folders}: pictures have {pixels}, but the discriminator needs sides of"
            f" {side}; {_other_shards(shape, stride, side)}, or set"
            " --loss.adversarial 0."
        )


def _other_shards(shape: Shape, stride: int, side: int) -> str:
    """How to make shards whose sides are multiples of `stride`, and at least `side` pixels."""
    if shape[0] == shape[1]:
        return "make the shards with another --size"
    size = least_size(stride, side)
    return f"make the shards with --fit buckets --size {size}, or with --fit pad"


def describe(
    config: TrainConfig, accelerator: Accelerator, data: TrainingData, origin: FoundOrigin | None
) -> None:
    """Print the run in a table; with `dry_run` every setting too."""
    cuda = accelerator.device.type == "cuda"
    device = torch.cuda.get_device_name() if cuda else "CPU"
    processes = accelerator.num_processes
    rows = [
        ("code", code_version()),
        ("processes", f"{processes} on {device}"),
        ("precision", _say_precision(config, accelerator)),
        ("batch", _say_batch(config, processes)),
        *_say_data(config, data),
        *_say_references(data),
        ("steps", str(config.steps)),
        ("output", str(config.output)),
    ]
    if origin is not None:
        rows.append(("starts from", origin.described_for(config)))
    if config.freeze:
        rows.append(("frozen", ", ".join(config.freeze)))
    if cuda:
        rows.append(("kernels", _say_kernels(config)))
    console.facts(rows)
    if config.dry_run:
        resolved = replace(config, mixed_precision=accelerator.mixed_precision)
        console.say(json.dumps(to_json(resolved), indent=2))


def _say_data(config: TrainConfig, data: TrainingData) -> list[tuple[str, str]]:
    """Each set: what it holds, and how often the run goes through it."""
    rows = []
    for reader, share in zip(data.reader.readers, data.shares, strict=True):
        index = reader.index
        epochs = config.steps * config.batch_size * share / len(reader)
        size = f"{index.size}x{index.size}"
        if len(index.shapes) > 1:
            size = f"about {size} in {len(index.shapes)} shapes"
        text = f"{len(reader)} pictures of {size} in {index.folder}"
        of_all = f"{share:.1%} of the samples, " if len(data.shares) > 1 else ""
        rows.append(("data", f"{text} ({of_all}{epochs:.1f} epochs)"))
    return rows


def _say_references(data: TrainingData) -> list[tuple[str, str]]:
    """How many samples can have another picture's colours; nothing where none is to have them."""
    if data.partners is None:
        return []
    if data.partners.count == 0:
        said = "each picture itself, as no two belong to one group (make shards with --group-by)"
        return [("references", said)]
    said = (
        f"{data.same_group:.0%} another picture of the group, which {data.partners.count} pictures"
        " have"
    )
    return [("references", said)]


def _say_batch(config: TrainConfig, processes: int) -> str:
    """`16 pictures`, or `16 pictures = 4 x 2 processes x 2 added up`."""
    runs = processes * config.accumulate
    share = config.batch_size // runs
    if config.batch_size % runs:
        share = f"{share} or {share + 1}"
    factors = [f"{processes} processes"] * (processes > 1)
    factors += [f"{config.accumulate} added up"] * (config.accumulate > 1)
    shares = " x ".join([f"{share}", *factors])
    return f"{config.batch_size} pictures" + (f" = {shares}" if factors else "")


def _say_precision(config: TrainConfig, accelerator: Accelerator) -> str:
    precision, wished = accelerator.mixed_precision, launcher_precision()
    other = f", not the launcher's {wished}" if wished not in (None, precision) else ""
    return {"no": "float32"}.get(precision, precision) + other


def _say_kernels(config: TrainConfig) -> str:
    missing = missing_for_kernels()
    if config.compile:
        return "torch.compile writes them: the first step takes minutes"
    if isinstance(config, ColorizationConfig) and config.network.convolutional_attention:
        if missing:
            return f"torch's own, so that convolutional attention is slower: {missing}"
        return "torch.compile writes those of convolutional attention, before the first step ends"
    return "torch's own"
