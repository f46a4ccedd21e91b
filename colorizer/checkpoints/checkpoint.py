"""Checkpoints: safetensors and JSON, never half-written, never read unverified."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from colorizer.checkpoints.best import Best
from colorizer.checkpoints.published import sha256_of
from colorizer.checkpoints.tensor_file import read_tensors
from colorizer.config.bounds import check_bounds
from colorizer.config.serialization import from_json
from colorizer.config.training import ColorizationConfig, ExtractorTraining, TrainConfig
from colorizer.system.errors import UserError
from colorizer.system.json_file import read_json
from colorizer.system.version import code_version

FORMAT = 3  # 2: the generator's decoder did not align corners
STEP_FOLDER = re.compile(r"step-(\d{8})")
FILE = re.compile(r"[a-z_]+\.safetensors")
STATE = "state.json"
MAX_STATE = 1_000_000  # bytes
ADAM_STATE = ("step", "exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class Origin:
    """The trained generator that a run began with."""

    path: str
    step: int  # that it had been trained for; 0: not known
    sha256: str  # of its file

    def __str__(self) -> str:
        step = f", step {self.step}" if self.step else ""
        return f"{self.path}{step}, sha256 {self.sha256}"


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
    looked: int = 0  # step of the last look at the held-out pictures
    best: Best | None = None  # of these looks
    origin: Origin | None = None  # None: random weights
    version: str = field(default_factory=code_version)  # of the code that wrote it
    format: int = FORMAT


class Damaged(UserError):
    """A checkpoint that is not as it was written."""


def dump_state(state: State) -> str:
    """The text of state.json, which holds a checksum of its own."""
    content = asdict(state)
    return json.dumps({**content, "sha256": _digest(content)}, indent=2) + "\n"


def _digest(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def verify(checkpoint: Path) -> State:
    """Check every file of a checkpoint against its sha256.

    Raises:
        Damaged: naming the file and what is wrong with it.
        UserError: it is as it was written, but by another program than this one.
    """
    state = read_state(checkpoint)
    for name, digest in state.files.items():
        path = checkpoint / name
        try:
            found = sha256_of(path)
        except FileNotFoundError as error:
            raise Damaged(f"{path}: missing, so the checkpoint is not used.") from error
        except OSError as error:
            raise Damaged(f"{path} cannot be read: {error.strerror}.") from error
        if found != digest:
            raise Damaged(f"{path}: damaged (its sha256 is not the one in {STATE}).")
    return state


def read_state(checkpoint: Path) -> State:
    """What state.json says; the other files are not looked at.

    Raises:
        Damaged: it is not as it was written.
        UserError: it is, but by another program than this one.
    """
    path = checkpoint / STATE
    try:
        content = read_json(path, MAX_STATE)
        if not isinstance(content, dict):
            raise ValueError("no object")
        if content.pop("sha256", None) != _digest(content):
            raise ValueError("its sha256 is not that of its content")
    except FileNotFoundError as error:
        raise Damaged(f"{checkpoint}: not a checkpoint, it has no {STATE}.") from error
    except OSError as error:
        raise Damaged(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise Damaged(f"{path}: not a checkpoint's state ({error}).") from error
    found = STEP_FOLDER.fullmatch(checkpoint.name)
    if found and int(found[1]) != content.get("step"):
        raise Damaged(
            f"{checkpoint} holds step {content.get('step')!r}, not that of its name, so it is not"
            " used."
        )
    try:
        return _parse_state(content)
    except (ValueError, UserError) as error:
        why = str(error).removesuffix(".")
        raise UserError(
            f"{path}: not written by this version of the program ({why}); train anew, or use the"
            " version that wrote it."
        ) from error


def _parse_state(content: dict[str, Any]) -> State:
    """Raises: ValueError or UserError: naming what is not as `dump_state` writes it."""
    if content.get("format") != FORMAT:
        raise ValueError(f"format {content.get('format')!r}, not {FORMAT}")
    state = from_json(State, content)
    check_bounds(from_json(_settings_of(state.config.get("task")), state.config))
    if state.step < 0 or state.size < 1 or state.processes < 1:
        raise ValueError("a number in it is too small")
    for name, digest in state.files.items():
        if not FILE.fullmatch(name) or not re.fullmatch(r"[0-9a-f]{64}", str(digest)):
            raise ValueError(f"{name!r} is no file of a checkpoint, or {digest!r} no sha256")
    if "generator.safetensors" not in state.files:
        raise ValueError("no generator among its files")
    return state


def _settings_of(task: Any) -> type[TrainConfig]:
    for kind in (ColorizationConfig, ExtractorTraining):
        if task == kind.task:
            return kind
    raise ValueError(f"task {task!r}")


def step_name(step: int) -> str:
    """What the checkpoint of a step is called."""
    return f"step-{step:08d}"


def step_of(checkpoint: Path) -> int:
    """The step that a checkpoint's name says."""
    return int(checkpoint.name.removeprefix("step-"))


def saved_steps(folder: Path) -> list[Path]:
    """Checkpoints in a run's checkpoint folder, newest first, whether intact or not."""
    if not folder.is_dir():
        return []
    return sorted((p for p in folder.iterdir() if STEP_FOLDER.fullmatch(p.name)), reverse=True)


class FoundCheckpoint(NamedTuple):
    """The newest checkpoint whose files are all as written."""

    path: Path
    state: State
    faults: dict[Path, str]  # newer ones, and what is wrong with them


def newest_intact(folder: Path) -> FoundCheckpoint | None:
    """The checkpoint to use of a run's checkpoint folder; None if there never was one.

    Raises:
        UserError: there are checkpoints, but none is intact; or one is of another format.
    """
    faults = {}
    for path in saved_steps(folder):
        try:
            return FoundCheckpoint(path, verify(path), faults)
        except Damaged as error:
            faults[path] = str(error)
    if faults:
        raise UserError(
            f"{folder}: no checkpoint is intact. {' '.join(faults.values())} Train into another"
            " folder, or delete this one to start again."
        )
    return None


def read(checkpoint: Path, name: str) -> dict[str, Tensor]:
    """The tensors of one file of a verified checkpoint.

    Raises:
        UserError: the checkpoint has no such file.
    """
    path = checkpoint / f"{name}.safetensors"
    if not path.is_file():
        raise UserError(f"{path}: missing, so the checkpoint is not used.")
    return read_tensors(path)


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
        UserError: a tensor of a parameter's state is missing, or has another shape.
    """
    for name, parameter in network.named_parameters():
        there = [kind for kind in ADAM_STATE if f"{kind}.{name}" in tensors]
        if len(there) == len(ADAM_STATE):
            optimizer.state[parameter] = {
                "step": _laid_out_as(
                    torch.empty((), device=parameter.device), tensors[f"step.{name}"], name
                ),
                "exp_avg": _laid_out_as(parameter, tensors[f"exp_avg.{name}"], name),
                "exp_avg_sq": _laid_out_as(parameter, tensors[f"exp_avg_sq.{name}"], name),
            }
        elif there:
            raise UserError(f"the checkpoint's optimizer has only {', '.join(there)} of {name}.")


def _laid_out_as(parameter: Tensor, tensor: Tensor, name: str) -> Tensor:
    """A copy on the parameter's device, in its memory layout: fused Adam takes that for granted."""
    if tensor.shape != parameter.shape:
        raise UserError(
            f"the checkpoint's optimizer has shape {tuple(tensor.shape)} for {name}, not"
            f" {tuple(parameter.shape)}."
        )
    return torch.empty_like(parameter).copy_(tensor)
