"""Checkpoints: safetensors and JSON, never half-written, never read unverified."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from colorizer.errors import UserError
from colorizer.weights import sha256_of

FORMAT = 1
STEP_FOLDER = re.compile(r"step-(\d{8})")
STATE = "state.json"
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


class Damaged(UserError):
    """A checkpoint that is not as it was written."""


def verify(checkpoint: Path) -> State:
    """Check every file of a checkpoint against its sha256.

    Raises:
        Damaged: naming the file and what is wrong with it.
        UserError: it is of another format.
    """
    path = checkpoint / STATE
    try:
        content = json.loads(path.read_text())
        if content["format"] != FORMAT:
            raise UserError(
                f"{path}: format {content['format']}, this program reads format {FORMAT}."
            )
        state = State(**content)
    except FileNotFoundError as error:
        raise Damaged(f"{checkpoint}: not a checkpoint, it has no {STATE}.") from error
    except (ValueError, TypeError, KeyError) as error:
        raise Damaged(f"{path}: not a checkpoint's state ({error}).") from error
    for name, digest in state.files.items():
        if not (checkpoint / name).is_file():
            raise Damaged(f"{checkpoint / name}: missing, so the checkpoint is not used.")
        if sha256_of(checkpoint / name) != digest:
            raise Damaged(f"{checkpoint / name}: damaged (its sha256 is not the one in {STATE}).")
    return state


def saved_steps(folder: Path) -> list[Path]:
    """Checkpoints in a run's checkpoint folder, newest first, whether intact or not."""
    if not folder.is_dir():
        return []
    return sorted((p for p in folder.iterdir() if STEP_FOLDER.fullmatch(p.name)), reverse=True)


class Newest(NamedTuple):
    """The newest checkpoint whose files are all as written."""

    path: Path
    state: State
    faults: dict[Path, str]  # newer ones, and what is wrong with them


def newest_intact(folder: Path) -> Newest | None:
    """The checkpoint to use of a run's checkpoint folder; None if there never was one.

    Raises:
        UserError: there are checkpoints, but none is intact; or one is of another format.
    """
    faults = {}
    for path in saved_steps(folder):
        try:
            return Newest(path, verify(path), faults)
        except Damaged as error:
            faults[path] = str(error)
    if faults:
        raise UserError(f"{folder}: no checkpoint is intact. {' '.join(faults.values())}")
    return None


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
    """Adam's state under its parameters' names: `exp_avg.decoder.head.weight`, ...

    A parameter that was never updated has none: fp16's scaler may skip the first steps.
    """
    return {
        f"{kind}.{name}": optimizer.state[parameter][kind]
        for name, parameter in network.named_parameters()
        if parameter in optimizer.state
        for kind in ADAM_STATE
    }


def load_optimizer(
    network: nn.Module, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]
) -> None:
    """Put back what `optimizer_tensors` gave.

    Raises:
        UserError: a part of a parameter's state is missing.
    """
    for name, parameter in network.named_parameters():
        there = [kind for kind in ADAM_STATE if f"{kind}.{name}" in tensors]
        if len(there) == len(ADAM_STATE):
            optimizer.state[parameter] = {
                kind: tensors[f"{kind}.{name}"].to(parameter.device) for kind in ADAM_STATE
            }
        elif there:
            raise UserError(f"the checkpoint's optimizer has only {', '.join(there)} of {name}.")
