"""Looking at checkpoints: what they are, and whether they are intact."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from colorizer.checkpoints.best import Best
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
    check_whole,
    generator_of,
    read_header,
)
from colorizer.checkpoints.tensor_file import read_tensors
from colorizer.config.serialization import flatten
from colorizer.config.shipped import SHIPPED, shipped_files
from colorizer.system import console
from colorizer.system.errors import UserError

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
            *([("best so far", _best(state.best))] if state.best else []),
            *([("started from", str(state.origin))] if state.origin else []),
            *((k.removeprefix("network."), str(settings[k])) for k in settings if "network." in k),
            *((name, f"{_count(path / name):,} numbers") for name in sorted(state.files)),
        ]
    )


def _best(best: Best) -> str:
    return f"step {best.step}: {best.figure} {best.value:.4g}"


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
            check_whole(file)
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
