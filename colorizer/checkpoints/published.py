"""Where published weights come from: a path, $COLORIZER_WEIGHTS, torch hub's cache, a download."""

import hashlib
import os
import shutil
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, IncompleteRead
from pathlib import Path
from threading import get_ident
from typing import BinaryIO
from urllib.error import URLError
from urllib.request import Request, urlopen

import torch
from torch import Tensor, nn

from colorizer.checkpoints.tensor_file import read_tensors
from colorizer.system import console
from colorizer.system.errors import UserError
from colorizer.system.storage import PARTIAL

MB = 1_000_000  # bytes
PATIENCE = 30.0  # seconds for an answer, and for each piece of it
PAUSES = (1.0, 5.0, 20.0)  # seconds before a broken download goes on; after the last it is given up
PRECISIONS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)  # of usable files


@dataclass(frozen=True)
class PublishedWeights:
    """A file that its makers publish."""

    title: str
    file: str
    url: str
    sha256: str
    used_for: str
    torchscript: bool = False  # holds a program: nothing but the published file will do

    @property
    def files(self) -> tuple[str, ...]:
        """Names it may have in a searched folder, the preferred one first."""
        if self.torchscript:
            return (self.file,)
        return (self.file, Path(self.file).with_suffix(".safetensors").name)


VGG19 = PublishedWeights(
    "VGG-19",
    "vgg19-dcbb9e9d.pth",
    "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
    "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
    "training: perceptual and style losses",
)
ALEXNET = PublishedWeights(
    "AlexNet",
    "alexnet-owt-7be5be79.pth",
    "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
    "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
    "evaluation: LPIPS (alex)",
)
VGG16 = PublishedWeights(
    "VGG-16",
    "vgg16-397923af.pth",
    "https://download.pytorch.org/models/vgg16-397923af.pth",
    "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
    "evaluation: LPIPS (vgg)",
)
INCEPTION = PublishedWeights(
    "Inception",
    "inception-2015-12-05.pt",
    "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/"
    "inception-2015-12-05.pt",  # where clean-fid fetches it
    "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4",
    "evaluation: FID and KID",
    torchscript=True,
)


class MissingWeights(UserError):
    """Published weights that are nowhere and cannot be downloaded."""


def load_weights(weights: PublishedWeights, path: Path | None) -> dict[str, Tensor]:
    """Find and read published weights.

    Args:
        weights: Which; not TorchScript.
        path: A file to use instead of looking for one: the published one, or a .safetensors file
            with the same tensors.

    Returns:
        The state dict, on the CPU.

    Raises:
        MissingWeights: no file found and no download possible.
        UserError: the file is not what it should be. Of a pickled file (.pth), known by its
            sha256, only the tensors are read.
    """
    found = locate(weights, path)
    if found.suffix == ".safetensors":
        return read_tensors(found)
    return torch.load(found, map_location="cpu", weights_only=True)


def weights_of(
    network: nn.Module, published: Mapping[str, str], state: Mapping[str, Tensor], title: str
) -> dict[str, Tensor]:
    """A network's own weights out of a published state dict, all float32.

    Half precision is taken, since many keep such files, and float64: they become float32.

    Args:
        network: What they are for.
        published: Its parameters' names → their names in the state dict.
        state: As `load_weights` gives it; what else it has is passed over.
        title: Whose weights they are, for messages.

    Raises:
        UserError: one is missing, of another shape, quantised or not finite; names it.
    """
    own = {}
    for name, parameter in network.named_parameters():
        entry, shape = published[name], tuple(parameter.shape)
        if entry not in state:
            raise UserError(f"{title} weights: {entry} is missing, expected {shape}.")
        tensor = state[entry]
        if tensor.shape != shape:
            got = tuple(tensor.shape)
            raise UserError(f"{title} weights: {entry} has shape {got}, expected {shape}.")
        if tensor.dtype not in PRECISIONS:
            kind = str(tensor.dtype).removeprefix("torch.")
            raise UserError(
                f"{title} weights: {entry} is {kind}; give a file in float32 or half precision."
            )
        own[name] = tensor.float()
        if not own[name].isfinite().all():
            raise UserError(
                f"{title} weights: {entry} has values that are not finite; give another file."
            )
    return own


def locate(weights: PublishedWeights, path: Path | None) -> Path:
    """The file to read: the one found, else downloaded.

    Raises:
        MissingWeights: no file found and no download possible.
        UserError: nothing is at the path given; or a file that can hold a program (anything but
            .safetensors) has another sha256 than the published one.
    """
    found = find_weights(weights, path) or download(weights)
    if _is_safe(found, weights):
        return found
    way_out = "" if weights.torchscript else ", or a .safetensors file"
    raise UserError(
        f"{found}: sha256 is not that of the published {weights.file} ({weights.sha256}), so it is"
        f" not read; give the file of {weights.url}{way_out}."
    )


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
        for name in weights.files:
            if (folder / name).is_file():
                return folder / name
    return None


def searched_folders() -> list[Path]:
    """$COLORIZER_WEIGHTS if set, then torch hub's cache."""
    own = os.environ.get("COLORIZER_WEIGHTS")
    return [*([Path(own)] if own else []), Path(torch.hub.get_dir()) / "checkpoints"]


def download(weights: PublishedWeights) -> Path:
    """Fetch into the first searched folder, and show how far it is.

    Until its sha256 is found right the file has a name of its own, so that several processes may
    do this at once.

    Raises:
        MissingWeights: there is no network, no room, or another file at that address.
    """
    folder = searched_folders()[0]
    target = folder / weights.file
    partial = folder / f"{weights.file}.{os.getpid()}-{get_ident()}{PARTIAL}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("wb") as file:
                _fetch(weights, file)
                file.flush()
                os.fsync(file.fileno())
            if not is_published(partial, weights):
                raise OSError(f"the file at this address has sha256 {sha256_of(partial)}")
            os.replace(partial, target)
        finally:
            partial.unlink(missing_ok=True)
    except (OSError, HTTPException) as error:
        places = " or ".join(map(str, searched_folders()))
        raise MissingWeights(
            f"{weights.title} weights are needed, are not in {places}, and could not be downloaded"
            f" ({error}). Put {weights.url} (sha256 {weights.sha256}) into one of these folders."
        ) from error
    return target


def _fetch(weights: PublishedWeights, file: BinaryIO) -> None:
    """Write what lies at the address; where the connection breaks, go on from there.

    Raises:
        OSError, HTTPException: there is no network or no room, or it breaks again and again.
    """
    with ExitStack() as stack:
        advance = None
        for pause in (*PAUSES, None):
            try:
                with _ask(weights.url, file) as answer:
                    total = file.tell() + int(answer.headers["Content-Length"] or 0)
                    if advance is None:
                        _check_room(Path(file.name).parent, total)
                        bar = console.progress(f"downloading {weights.file}", -(-total // MB), "MB")
                        advance = stack.enter_context(bar)
                    while piece := answer.read(MB):
                        file.write(piece)
                        advance(file.tell() // MB)
                if file.tell() < total:
                    raise ConnectionError(f"it ended after {file.tell():,} of {total:,} bytes")
                advance(-(-total // MB))
                return
            except (URLError, ConnectionError, TimeoutError, IncompleteRead):
                if pause is None or not file.tell():
                    raise
                time.sleep(pause)


def _ask(url: str, file: BinaryIO) -> HTTPResponse:
    """Ask for all that a file does not hold yet.

    Raises:
        OSError, HTTPException: nobody answers, or nothing is at that address.
    """
    request = Request(url, headers={"User-Agent": "colorizer"})
    if held := file.tell():
        request.add_header("Range", f"bytes={held}-")
    answer = urlopen(request, timeout=PATIENCE)
    if held and answer.status != HTTPStatus.PARTIAL_CONTENT:  # it sends all of it again
        file.seek(0)
        file.truncate()
    return answer


def _check_room(folder: Path, needed: int) -> None:
    """Raises: OSError: so many bytes do not fit on the disk."""
    usage = shutil.disk_usage(folder)
    if usage.total and needed > usage.free:  # some network disks say 0 of everything
        raise OSError(
            f"it has {needed / MB:,.1f} MB, and {folder} has {usage.free / MB:,.1f} MB free"
        )


def is_published(path: Path, weights: PublishedWeights) -> bool:
    """Whether a file is, byte for byte, the one that its makers publish."""
    return sha256_of(path) == weights.sha256


def describe_weights() -> list[tuple[str, str]]:
    """What is needed for what, and where it is; without downloading anything."""
    rows = []
    for weights in (VGG19, ALEXNET, VGG16, INCEPTION):
        found = find_weights(weights, None)
        if found is None:
            there = f"missing; {weights.url}, sha256 {weights.sha256}"
        elif is_published(found, weights):
            there = f"{found}"
        elif _is_safe(found, weights):
            there = f"{found}, which is not the published file"
        else:
            there = f"{found} has another sha256 than {weights.sha256}, so it is not read"
        rows.append((f"{weights.used_for}: {weights.title}", there))
    return rows


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file, read in pieces."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_safe(path: Path, weights: PublishedWeights) -> bool:
    """Whether reading it runs nothing unknown."""
    only_tensors = path.suffix == ".safetensors" and not weights.torchscript
    return only_tensors or is_published(path, weights)
