"""A trained generator on its own: what its header says, and how it is found and loaded."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import nn

from colorizer.config import ExtractorConfig, NetworkConfig
from colorizer.errors import UserError
from colorizer.training.checkpoint import newest_intact, verify

HEADER = "colorizer"  # safetensors writes several metadata keys in no fixed order, so there is one

Network = TypeVar("Network", NetworkConfig, ExtractorConfig)


@dataclass(frozen=True)
class GeneratorFile(Generic[Network]):
    """A generator on disk, and what its header says of it."""

    path: Path
    network: Network
    size: int  # side of the pictures it was trained on
    step: int


def describe_generator(task: str, network: dict[str, Any], size: int, step: int) -> dict[str, str]:
    """The header that makes a generator file enough to load it."""
    content = {"task": task, "network": network, "size": size, "step": step}
    return {HEADER: json.dumps(content)}


def find_generator(path: Path, network: type[Network]) -> GeneratorFile[Network]:
    """The generator that a `--checkpoint` means.

    Args:
        path: Run folder (its newest intact checkpoint), checkpoint folder, or .safetensors file.
        network: Settings of the kind of network that is needed.

    Raises:
        UserError: nothing usable is there, or a network for another task; says why.
    """
    if path.is_file():
        return _read_header(path, network)
    if not path.is_dir():
        raise UserError(f"{path}: no such run folder, checkpoint folder or .safetensors file.")
    if (path / "checkpoints").is_dir():
        newest = newest_intact(path / "checkpoints")
        if newest is None:
            raise UserError(f"{path}: the run has no checkpoint yet.")
        path, state = newest.path, newest.state
    else:
        state = verify(path)
    # The running average is what a run with one is trained for.
    name = "average" if "average.safetensors" in state.files else "generator"
    return _read_header(path / f"{name}.safetensors", network)


def _read_header(path: Path, network: type[Network]) -> GeneratorFile[Network]:
    try:
        with safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {})[HEADER])
        # Files from before there was a second task do not name theirs.
        task = header.get("task", NetworkConfig.task)
        if task != network.task:
            raise UserError(f"{path} was trained for {task}; give a network for {network.task}.")
        return GeneratorFile(path, network(**header["network"]), header["size"], header["step"])
    except SafetensorError as error:
        raise UserError(f"{path}: not a readable .safetensors file ({error}).") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path}: its header does not describe a generator of this program ({error!r})."
        ) from error


def load_generator(generator: nn.Module, path: Path, device: torch.device) -> None:
    """Fill a generator with a file's tensors and make it ready for use on a device.

    Raises:
        UserError: the tensors are not the generator's.
    """
    try:
        generator.load_state_dict(load_file(path))
    except RuntimeError as error:
        raise UserError(f"{path}: the tensors do not fit the network in its header.") from error
    generator.eval().requires_grad_(False).to(device)


def default_device() -> torch.device:
    """The accelerator if there is one, else the CPU."""
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return accelerator or torch.device("cpu")
