"""What a run starts from (`--start-from`): finding it, seeing that it fits, reading its weights."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import torch
from accelerate import Accelerator
from torch import Tensor

from colorizer.checkpoints.checkpoint import Damaged, Origin, State
from colorizer.checkpoints.generator_file import (
    MODULES,
    GeneratorFile,
    NetworkConfig,
    find_generator,
    generator_of,
    load_generator,
    locate_checkpoint,
    misfits,
    unfilled,
)
from colorizer.checkpoints.published import sha256_of
from colorizer.checkpoints.saving import BEST
from colorizer.checkpoints.tensor_file import Pickle, read_tensors
from colorizer.config.shipped import SHIPPED, shipped_file
from colorizer.config.training import TrainConfig
from colorizer.networks.discriminator import Discriminator
from colorizer.system.errors import UserError
from colorizer.system.programs import command
from colorizer.training.run import difference
from colorizer.training.together import TensorsOfFiles, sent_by_first


class TrainedDiscriminator(NamedTuple):
    """A discriminator in a checkpoint."""

    path: Path
    sha256: str  # of the file
    width: float


class FoundOrigin(NamedTuple):
    """Trained networks that fit this run; their checksums are right."""

    generator: GeneratorFile[NetworkConfig]
    sha256: str  # of the generator's file
    discriminator: TrainedDiscriminator | None  # None: none is there, or this run has none

    @property
    def record(self) -> Origin:
        """What checkpoints keep of it."""
        return Origin(str(self.generator.path), self.generator.step, self.sha256)

    def described_for(self, config: TrainConfig) -> str:
        """Which file, of which step, and what becomes of this run's discriminator."""
        step = f", step {self.generator.step}" if self.generator.step else ""
        discriminator = ""
        if self.discriminator is not None:
            discriminator = ", with its discriminator"
        elif config.loss.adversarial > 0:
            discriminator = "; no discriminator is with it, so this run's begins anew"
        return f"{self.generator.path}{step}{discriminator}"


class TrainedWeights(NamedTuple):
    """What a run begins with, on the CPU."""

    generator: dict[str, Tensor]
    discriminator: dict[str, Tensor] | None


# ---- Finding


def find_origin(path: Path, config: TrainConfig) -> FoundOrigin:
    """What a `--start-from` means.

    Args:
        path: Run folder (its best checkpoint if it has one, else its newest intact), checkpoint
            folder, .safetensors file of a generator, or `shipped`: the package's own.
        config: Of the run that starts.

    Raises:
        UserError: nothing usable is there, or other networks than this run's: says in what.
    """
    with _naming_setting():
        if path == SHIPPED:
            file, discriminator = shipped_file(config.task), None
        elif path.is_file():
            file, discriminator = path, None
        else:
            checkpoint, state = locate_checkpoint(_best_of(path))
            file = generator_of(checkpoint, state)
            discriminator = _discriminator_of(checkpoint, state, config)
        generator = find_generator(file, type(config.network))
        _check_same_networks(generator, discriminator, config)
        return FoundOrigin(generator, sha256_of(file), discriminator)


def _best_of(path: Path) -> Path:
    """Of a run that has a best checkpoint, that; else the path itself."""
    best = path / BEST
    return best.resolve() if best.is_dir() else path


def _discriminator_of(
    checkpoint: Path, state: State, config: TrainConfig
) -> TrainedDiscriminator | None:
    """Of a verified checkpoint, for a run that has a discriminator too."""
    name = "discriminator.safetensors"
    if config.loss.adversarial == 0 or name not in state.files:
        return None
    return TrainedDiscriminator(
        checkpoint / name, state.files[name], state.config["discriminator_width"]
    )


def _check_same_networks(
    generator: GeneratorFile[NetworkConfig],
    discriminator: TrainedDiscriminator | None,
    config: TrainConfig,
) -> None:
    differences = difference(asdict(generator.network), asdict(config.network), "network.")
    if discriminator is not None:
        differences |= difference(
            {"discriminator_width": discriminator.width},
            {"discriminator_width": config.discriminator_width},
        )
    if differences:
        unfit = misfits(
            unfilled(generator.network).state_dict(), unfilled(config.network).state_dict()
        )
        raise UserError(
            f"{generator.path} belongs to other networks than this run's"
            f" ({'; '.join(differences.values())}{unfit and f': {unfit}'}). Give this run the same"
            " settings, or start from another."
        )


@contextmanager
def _naming_setting() -> Iterator[None]:
    """Begin every message, which begins with a path, with the setting."""
    try:
        yield
    except Pickle as error:
        raise UserError(
            f"--start-from {error} What the paper's authors released becomes such a file by"
            f" {command('checkpoint')} import FILE --method METHOD."
        ) from error
    except Damaged as error:
        raise UserError(
            f"--start-from {error} Give another checkpoint, a run folder or a .safetensors file."
        ) from error
    except UserError as error:
        raise UserError(f"--start-from {error}") from error


# ---- Reading


def read_origin(accelerator: Accelerator, found: FoundOrigin) -> TrainedWeights:
    """The weights that the first process has found, in each process; the others read no file.

    Raises:
        UserError: in every process, if the first cannot read just these.
    """

    def read() -> TensorsOfFiles:
        with _naming_setting():
            return _read(found)

    sent = sent_by_first(accelerator, read)
    return TrainedWeights(sent["generator"], sent.get("discriminator"))


def _read(found: FoundOrigin) -> TensorsOfFiles:
    """Raises: UserError or Damaged: these are not the tensors that were found."""
    file, cpu = found.generator, torch.device("cpu")
    generator = load_generator(file, MODULES[type(file.network)], cpu).state_dict()
    if found.discriminator is None:
        return {"generator": generator}
    path, sha256, width = found.discriminator
    discriminator = read_tensors(path)
    if sha256_of(path) != sha256:
        raise Damaged(f"{path}: damaged (its sha256 is not the one in the checkpoint's state).")
    with torch.device("meta"):
        wanted = Discriminator(width=width).state_dict()
    if unfit := misfits(discriminator, wanted):
        raise UserError(f"{path}: the tensors do not fit a discriminator ({unfit}).")
    return {"generator": generator, "discriminator": discriminator}
