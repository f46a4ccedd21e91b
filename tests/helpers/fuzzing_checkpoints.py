"""Damages a checkpoint at random: what is then used is what was written, or the one before."""

import random
import shutil
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from colorizer.checkpoints.checkpoint import STATE, newest_intact, read, read_state, saved_steps
from colorizer.checkpoints.generator_file import find_generator, load_generator
from colorizer.config.networks import GeneratorConfig
from colorizer.networks.generator import Generator
from colorizer.system.errors import UserError
from tests.helpers.fuzzing_shards import damage

CPU = torch.device("cpu")


def fuzz_checkpoint(folder: Path, work: Path, seed: int) -> str:
    """Copy a run's two checkpoints, damage one file of the newer one, and use what is there.

    Args:
        folder: The run's checkpoint folder.
        work: Folder for the copy, which is made anew.
        seed: Decides the file and the damage.

    Returns:
        "intact", or "refused: " and the sentence; for a generator file alone "alone, intact" and
        "alone, refused: ".

    Raises:
        AssertionError: something else than what was written came out.
        Exception: whatever is raised but UserError.
    """
    rng = random.Random(seed)
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(folder, work)
    newer, older = saved_steps(work)
    path = rng.choice(sorted(newer.iterdir()))
    if path.stem in ("generator", "average") and rng.random() < 0.5:
        return _fuzz_alone(path, rng)
    whole = path.read_bytes()
    match rng.choice(("damage",) * 8 + ("remove", "older")):
        case "damage":
            path.write_bytes(damage(whole, rng))
        case "remove":
            path.unlink()
        case "older":
            shutil.copy(older / path.name, path)
    unchanged = path.exists() and path.read_bytes() == whole
    newest = newest_intact(work)
    assert newest is not None
    if newest.path == newer:
        # JSON may have more white space and say the same.
        assert unchanged or path.name == STATE, f"{path}: used though it was damaged"
        assert newest.state == read_state(folder / newer.name), f"{path}: read as something else"
        return "intact"
    assert newest.path == older and list(newest.faults) == [newer] and not unchanged
    assert same(contents(older), _originals(folder)), "the older one was changed"
    return f"refused: {newest.faults[newer]}"


def _fuzz_alone(path: Path, rng: random.Random) -> str:
    """A generator file that somebody has taken out of its checkpoint."""
    written = _generator(path)
    lone = path.parents[1] / "lone.safetensors"
    lone.write_bytes(damage(path.read_bytes(), rng))
    try:
        found = _generator(lone)
    except UserError as error:
        refusal = str(error)
    else:
        assert same(found, written), f"{lone}: other weights than were written"
        return "alone, intact"
    assert str(lone) in refusal
    return f"alone, refused: {refusal}"


def _generator(path: Path) -> dict[str, Tensor]:
    return load_generator(find_generator(path, GeneratorConfig), Generator, CPU).state_dict()


def contents(checkpoint: Path) -> dict[str, Tensor]:
    """Every tensor of a checkpoint, under file and name."""
    return {
        f"{path.stem}.{name}": tensor
        for path in checkpoint.glob("*.safetensors")
        for name, tensor in read(checkpoint, path.stem).items()
    }


def same(tensors: dict[str, Tensor], others: dict[str, Tensor]) -> bool:
    """Whether names and values are equal."""
    return tensors.keys() == others.keys() and all(
        torch.equal(tensors[name], others[name]) for name in tensors
    )


@lru_cache(1)
def _originals(folder: Path) -> dict[str, Tensor]:
    return contents(saved_steps(folder)[1])
