"""Checkpoints: a folder a step, safetensors and JSON only, never half-written, never read
unverified."""

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from colorizer.errors import UserError
from colorizer.weights import sha256_of

FORMAT = 1
STEP_FOLDER = re.compile(r"step-(\d{8})")
ADAM_STATE = ("step", "exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class State:
    """What state.json says."""

    step: int  # optimisation steps done
    config: dict[str, Any]  # settings of the run, as JSON
    data: str  # digest of the shards trained on
    size: int  # side of the pictures trained on
    processes: int
    scaler: dict[str, Any] | None  # of fp16
    files: dict[str, str]  # file name → sha256
    format: int = FORMAT


def save(
    folder: Path,
    tensors: Mapping[str, Mapping[str, Tensor]],
    state: State,
    metadata: Mapping[str, str],
) -> Path:
    """Write a checkpoint, so that at every moment it is there whole or not at all.

    Args:
        folder: The run's checkpoint folder.
        tensors: For each file, without its suffix, its tensors.
        state: All but `files`.
        metadata: Written into the header of every file.

    Returns:
        The checkpoint's folder.
    """
    target = folder / f"step-{state.step:08d}"
    partial = target.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    files = {}
    for name, content in tensors.items():
        path = partial / f"{name}.safetensors"
        # safetensors refuses channels_last and other strided tensors
        plain = {key: t.detach().cpu().contiguous() for key, t in content.items()}
        save_file(plain, path, metadata=dict(metadata))
        _flush(path)
        files[path.name] = sha256_of(path)
    text = json.dumps({**asdict(state), "files": files}, indent=2)
    (partial / "state.json").write_text(text + "\n")
    _flush(partial / "state.json")
    _flush(partial)
    if target.exists():  # the same step, saved before
        shutil.rmtree(target)
    os.replace(partial, target)
    _flush(folder)
    return target


def _flush(path: Path) -> None:
    """Have a file or a folder's entries on the disk before going on."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def verify(checkpoint: Path) -> State:
    """Check every file of a checkpoint against its sha256.

    Raises:
        UserError: naming the file and what is wrong with it.
    """
    path = checkpoint / "state.json"
    try:
        state = State(**json.loads(path.read_text()))
    except FileNotFoundError as error:
        raise UserError(f"{checkpoint}: not a checkpoint, it has no state.json.") from error
    except (ValueError, TypeError) as error:
        raise UserError(f"{path}: not a checkpoint's state ({error}).") from error
    if state.format != FORMAT:
        raise UserError(f"{path}: format {state.format}, this program reads format {FORMAT}.")
    for name, digest in state.files.items():
        if not (checkpoint / name).is_file():
            raise UserError(f"{checkpoint / name}: missing, so the checkpoint is not used.")
        if sha256_of(checkpoint / name) != digest:
            raise UserError(f"{checkpoint / name}: damaged (sha256 differs from state.json).")
    return state


def saved_steps(folder: Path) -> list[Path]:
    """Checkpoints in a run's checkpoint folder, newest first, whether intact or not."""
    if not folder.is_dir():
        return []
    return sorted((p for p in folder.iterdir() if STEP_FOLDER.fullmatch(p.name)), reverse=True)


def newest_intact(folder: Path) -> tuple[Path | None, dict[Path, str]]:
    """The newest checkpoint whose files are all as written, and what is wrong with newer ones."""
    faults = {}
    for path in saved_steps(folder):
        try:
            verify(path)
        except UserError as error:
            faults[path] = str(error)
        else:
            return path, faults
    return None, faults


def set_aside(checkpoint: Path) -> Path:
    """Rename a damaged checkpoint, so that nothing takes it for a good one and its owner can look
    at it."""
    target = checkpoint.with_suffix(".damaged")
    shutil.rmtree(target, ignore_errors=True)
    return checkpoint.rename(target)


def prune(folder: Path, keep: int) -> None:
    """Delete all but the newest checkpoints, and what an interrupted save has left."""
    for path in [*saved_steps(folder)[keep:], *folder.glob("step-*.partial")]:
        shutil.rmtree(path)


def read(checkpoint: Path, name: str) -> dict[str, Tensor]:
    """The tensors of one file of a verified checkpoint.

    Raises:
        UserError: the checkpoint has no such file.
    """
    path = checkpoint / f"{name}.safetensors"
    if not path.is_file():
        raise UserError(f"{path}: missing, so the checkpoint is not used.")
    return load_file(path)


def optimizer_tensors(network: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Adam's state under its parameters' names: `exp_avg.decoder.head.weight`, ..."""
    return {
        f"{kind}.{name}": optimizer.state[parameter][kind]
        for name, parameter in network.named_parameters()
        for kind in ADAM_STATE
    }


def load_optimizer(
    network: nn.Module, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]
) -> None:
    """Put back what `optimizer_tensors` gave.

    Raises:
        UserError: the state of a parameter is missing.
    """
    for name, parameter in network.named_parameters():
        missing = [kind for kind in ADAM_STATE if f"{kind}.{name}" not in tensors]
        if missing:
            raise UserError(f"the checkpoint's optimizer has no {missing[0]}.{name}.")
        optimizer.state[parameter] = {
            kind: tensors[f"{kind}.{name}"].to(parameter.device) for kind in ADAM_STATE
        }
