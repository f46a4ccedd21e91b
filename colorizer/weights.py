"""Where the VGG-19 weights come from: a path, $COLORIZER_WEIGHTS, torch hub's cache, a download."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from colorizer.errors import UserError


@dataclass(frozen=True)
class PublishedWeights:
    """A file that its makers publish."""

    title: str
    file: str
    url: str
    sha256_prefix: str  # all that torchvision publishes of it, in the file's name


VGG19 = PublishedWeights(
    "VGG-19",
    "vgg19-dcbb9e9d.pth",
    "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
    "dcbb9e9d",
)


def load_weights(weights: PublishedWeights, path: Path | None) -> dict[str, Tensor]:
    """Find and read published weights.

    Args:
        weights: Which.
        path: A file to use instead of looking for one: the published one, or a .safetensors file
            with the same tensors.

    Returns:
        The state dict, on the CPU.

    Raises:
        UserError: no file found and no download possible, or the file is not what it should be. A
            pickled file (.pth) is read only if its sha256 begins as the published one does, and
            then only its tensors.
    """
    found = find_weights(weights, path) or download(weights)
    if found.suffix == ".safetensors":
        try:
            return load_file(found)
        except SafetensorError as error:
            raise UserError(f"{found}: not a readable safetensors file ({error}).") from error
    digest = sha256_of(found)
    if not digest.startswith(weights.sha256_prefix):
        raise UserError(
            f"{found}: sha256 {digest} is not that of the published {weights.file}"
            f" ({weights.sha256_prefix}...), so it is not read; give the published file, or a"
            " .safetensors file."
        )
    return torch.load(found, map_location="cpu", weights_only=True)


def find_weights(weights: PublishedWeights, path: Path | None) -> Path | None:
    """The file to use, or None if it has to be downloaded.

    Raises:
        UserError: a path was given and nothing is there.
    """
    if path is not None:
        if not path.is_file():
            raise UserError(f"{path}: no such {weights.title} file.")
        return path
    for folder in searched_folders():
        if (folder / weights.file).is_file():
            return folder / weights.file
    return None


def searched_folders() -> list[Path]:
    """$COLORIZER_WEIGHTS if set, then torch hub's cache."""
    own = os.environ.get("COLORIZER_WEIGHTS")
    return [*([Path(own)] if own else []), Path(torch.hub.get_dir()) / "checkpoints"]


def download(weights: PublishedWeights) -> Path:
    """Fetch into the first searched folder; the sha256 is checked before the file gets its name."""
    folder = searched_folders()[0]
    target = folder / weights.file
    try:
        folder.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(
            weights.url, str(target), hash_prefix=weights.sha256_prefix, progress=False
        )
    except (OSError, RuntimeError) as error:  # no network or disk; another sha256
        places = " or ".join(map(str, searched_folders()))
        raise UserError(
            f"{weights.title} weights are needed and were not found in {places}; the download"
            f" failed ({error}). Put {weights.url} (sha256 {weights.sha256_prefix}...) into one of"
            " these folders."
        ) from error
    return target


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file, read in pieces."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
