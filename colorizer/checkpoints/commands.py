"""Looking at checkpoints: what they are, whether they are intact, and the generator alone."""

import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import tyro
from torch import Tensor

from colorizer.checkpoints.checkpoint import (
    STATE,
    Damaged,
    State,
    newest_intact,
    read_state,
    saved_steps,
    verify,
)
from colorizer.checkpoints.generator_file import (
    BUCKETS,
    MODULES,
    find_generator,
    generator_of,
    load_generator,
    locate_generator,
    read_header,
    without_commit,
)
from colorizer.checkpoints.tensor_file import read_metadata, read_tensors, write_tensors
from colorizer.config.networks import ExtractorConfig, GeneratorConfig
from colorizer.config.serialization import flatten
from colorizer.config.shipped import SHIPPED, shipped_files
from colorizer.system import console
from colorizer.system.errors import UserError
from colorizer.system.programs import command
from colorizer.system.storage import check_writable, partial_name, writing

CheckpointPath = Annotated[Path, tyro.conf.Positional]


@dataclass(frozen=True)
class InspectConfig:
    """Say what a run, a checkpoint or a generator file holds."""

    path: CheckpointPath
    """Inspect this run folder, checkpoint folder or .safetensors file of a generator.
    shipped: every generator that comes with the program."""


@dataclass(frozen=True)
class VerifyConfig:
    """Read every byte and compare it with its checksum; exit status 1 if anything is damaged."""

    path: CheckpointPath
    """Verify this run folder (all its checkpoints), checkpoint folder or .safetensors file.
    shipped: every generator that comes with the program."""


@dataclass(frozen=True)
class ExportConfig:
    """Write the generator alone: one .safetensors file, all that colouring needs."""

    path: CheckpointPath
    """Export from this run folder (its newest intact checkpoint) or checkpoint folder."""
    output: Path = Path("generator.safetensors")
    """Write this file."""
    weights: Literal["best", "average", "generator"] = "best"
    """Export the running average, the generator itself, or the average if the run has one."""
    overwrite: bool = False
    """Replace the output if it exists already."""
    commit: bool = True
    """Say in the file which commit of the code trained it.
    Without it, with --no-commit, equal trainings give equal bytes."""


# ---- inspect


def inspect(config: InspectConfig) -> None:
    """Print what is there.

    Raises:
        UserError: nothing readable is there.
    """
    path = config.path
    if files := _files_of(path):
        for file in files:
            _inspect_file(file)
        return
    if not _is_run(path):
        _inspect_checkpoint(path, read_state(path))
        return
    rows = [_row(found) for found in saved_steps(path / "checkpoints")]
    console.table(f"{path}", ("checkpoint", "step", "size", "written"), rows)
    newest = newest_intact(path / "checkpoints")
    if newest is None:
        raise UserError(f"{path}: the run has no checkpoint yet.")
    for fault in newest.faults.values():
        console.warn(fault)
    _inspect_checkpoint(newest.path, newest.state)


def _files_of(path: Path) -> list[Path]:
    """The generators' files that are meant; none if the path is that of a folder."""
    if path == SHIPPED:
        return shipped_files()
    return [path] if path.is_file() else []


def _inspect_file(path: Path) -> None:
    content = read_header(path)
    network = ", ".join(f"{k} {v}" for k, v in content["network"].items())
    console.facts(
        [
            ("file", str(path)),
            ("task", content["task"]),
            ("step", str(content["step"])),
            ("pictures", _pictures(content)),
            ("network", network),
            ("parameters", f"{_count(path):,}"),
            ("size", _megabytes(path)),
            ("sha256", content["sha256"]),
        ]
    )


def _row(checkpoint: Path) -> tuple[str, str, str, str]:
    age = console.duration(time.time() - checkpoint.stat().st_mtime)
    try:
        step = str(read_state(checkpoint).step)
    except Damaged:
        step = "damaged"
    return checkpoint.name, step, _megabytes(checkpoint), f"{age} ago"


def _inspect_checkpoint(path: Path, state: State) -> None:
    settings = flatten(state.config)
    console.facts(
        [
            ("checkpoint", str(path)),
            ("task", state.config["task"]),
            ("step", f"{state.step} of {state.config['steps']}"),
            ("pictures", _pictures(read_header(generator_of(path, state)))),
            ("processes", str(state.processes)),
            *([("started from", str(state.origin))] if state.origin else []),
            *((k.removeprefix("network."), str(settings[k])) for k in settings if "network." in k),
            *((name, f"{_count(path / name):,} numbers") for name in sorted(state.files)),
        ]
    )


def _pictures(content: dict[str, Any]) -> str:
    """Of which size a generator was trained, by its header."""
    about = "buckets of about " if BUCKETS in content else ""
    return f"{about}{content['size']}x{content['size']}"


def _count(path: Path) -> int:
    return sum(tensor.numel() for tensor in read_tensors(path).values())


def _megabytes(path: Path) -> str:
    files = path.iterdir() if path.is_dir() else [path]
    return f"{sum(file.stat().st_size for file in files) / 1e6:,.1f} MB"


def _is_run(path: Path) -> bool:
    if not path.is_dir():
        raise UserError(f"{path}: no such run folder, checkpoint folder or .safetensors file.")
    return not (path / STATE).exists() and (path / "checkpoints").is_dir()


# ---- verify


def verify_all(config: VerifyConfig) -> None:
    """Print a line for each checkpoint, intact or not; nothing is changed.

    Raises:
        UserError: one is damaged.
    """
    path = config.path
    if files := _files_of(path):
        for file in files:
            _load(file)
            console.say(f"{file}: intact, {_megabytes(file)}")
        return
    checkpoints = saved_steps(path / "checkpoints") if _is_run(path) else [path]
    if not checkpoints:
        raise UserError(f"{path}: the run has no checkpoint yet.")
    intact = [checkpoint for checkpoint in checkpoints if _is_intact(checkpoint)]
    if len(intact) < len(checkpoints):
        way_out = f"training continues from {intact[0].name}" if intact else "none can be used"
        damaged = len(checkpoints) - len(intact)
        raise UserError(f"{damaged} of {len(checkpoints)} checkpoints are damaged; {way_out}.")


def _is_intact(checkpoint: Path) -> bool:
    try:
        files = len(verify(checkpoint).files)
    except Damaged as error:
        console.say(str(error))
        return False
    console.say(f"{checkpoint.name}: intact, {files} files, {_megabytes(checkpoint)}")
    return True


# ---- export


def export(config: ExportConfig) -> None:
    """Write the generator alone, and read it back.

    Raises:
        UserError: there is none, it is damaged, or the file cannot be written.
    """
    source = locate_generator(config.path)
    if config.weights != "best":
        source = source.with_name(f"{config.weights}.safetensors")
    if not source.is_file():
        raise UserError(f"{source}: this run has no {config.weights}; give other --weights.")
    check_output(config.output, config.overwrite)
    _load(source)
    tensors = read_tensors(source)
    header = (
        read_metadata(source) if config.commit else without_commit(read_header(source), tensors)
    )
    publish(config.output, tensors, header)
    console.say(f"{config.output}: {source.stem} of {source.parent.name}, {_megabytes(source)}")
    colors = read_header(source)["task"] == GeneratorConfig.task
    console.say(f"Use it: {how_to_use(config.output, colors)}")


def how_to_use(generator: Path, colors: bool = True) -> str:
    """The command that colours with a generator's file, or else draws lines."""
    path = shlex.quote(str(generator))
    if colors:
        rest = "--line DRAWING --reference PICTURE --output RESULT"
        return f"{command('colorize')} --checkpoint {path} {rest}"
    return f"{command('extract')} --checkpoint {path} --picture PICTURE --output RESULT"


def check_output(output: Path, overwrite: bool) -> None:
    """Before long work: whether a generator file may be written there.

    Raises:
        UserError: it may not.
    """
    if output.suffix != ".safetensors":
        raise UserError(f"{output}: the name must end in .safetensors.")
    if output.exists() and not overwrite:
        raise UserError(f"{output} exists already; give --overwrite or another --output.")
    check_writable(output.parent)


def publish(output: Path, tensors: Mapping[str, Tensor], header: dict[str, str]) -> None:
    """Write a generator file, whole or not at all, and read it back.

    Raises:
        UserError: it cannot be written.
    """
    partial = partial_name(output)
    with writing(output):
        output.parent.mkdir(parents=True, exist_ok=True)
        write_tensors(partial, tensors, header)
        partial.replace(output)
    _load(output)


def _load(path: Path) -> None:
    """Raises: UserError: the file is not a whole generator of this program."""
    device = torch.device("cpu")  # the GPU may be full of a training
    kind = GeneratorConfig if read_header(path)["task"] == GeneratorConfig.task else ExtractorConfig
    load_generator(find_generator(path, kind), MODULES[kind], device)
