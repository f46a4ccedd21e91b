"""Writing checkpoints: each is there whole or not at all, whatever happens."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from colorizer.errors import UserError
from colorizer.storage import flush, writing
from colorizer.training.checkpoint import STATE, State, saved_steps
from colorizer.weights import sha256_of


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
    with writing(target):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        files = {name: _write(partial / name, t, metadata) for name, t in _named(tensors)}
        text = json.dumps({**asdict(state), "files": files}, indent=2)
        (partial / STATE).write_text(text + "\n")
        flush(partial / STATE)
        flush(partial)
        if target.exists():  # the same step, saved before
            shutil.rmtree(target)
        os.replace(partial, target)
        flush(folder)
    return target


def _named(
    tensors: Mapping[str, Mapping[str, Tensor]],
) -> Iterator[tuple[str, Mapping[str, Tensor]]]:
    return ((f"{name}.safetensors", content) for name, content in tensors.items())


def _write(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """Write one file; gives its sha256."""
    # safetensors refuses channels_last and other strided tensors.
    plain = {key: t.detach().cpu().contiguous() for key, t in tensors.items()}
    try:
        save_file(plain, path, metadata=dict(metadata))
    except SafetensorError as error:  # how a full disk comes through
        raise UserError(f"cannot write {path}: {error}.") from error
    flush(path)
    return sha256_of(path)


def set_aside(checkpoint: Path) -> Path:
    """Rename a damaged checkpoint: nothing takes it for a good one, its owner can look."""
    target = checkpoint.with_suffix(".damaged")
    shutil.rmtree(target, ignore_errors=True)
    return checkpoint.rename(target)


def prune(folder: Path, keep: int) -> None:
    """Delete all but the newest checkpoints, and what an interrupted save has left."""
    for path in [*saved_steps(folder)[keep:], *folder.glob("step-*.partial")]:
        shutil.rmtree(path)
