"""A trained generator on its own: what its header says, and how it is found and loaded."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from colorizer.checkpoints.checkpoint import State, newest_intact, verify
from colorizer.checkpoints.tensor_file import read_metadata, read_tensors
from colorizer.config.bounds import check_bounds
from colorizer.config.networks import ExtractorConfig, GeneratorConfig
from colorizer.config.serialization import from_json
from colorizer.config.shipped import KINDS, SHIPPED, shipped_file
from colorizer.networks.extractor import LineExtractor
from colorizer.networks.generator import Generator
from colorizer.system.errors import UserError
from colorizer.system.json_file import parse_json
from colorizer.system.version import code_version

FORMAT = 3  # that of checkpoints; files of format 2 did not say theirs
HEADER = "colorizer"  # safetensors writes several metadata keys in no fixed order, so there is one
ENTRIES = ("format", "version", "task", "network", "size", "step", "sha256")
BUCKETS = "buckets"  # an entry more, in files that were trained on them
MAX_SIDE = 16_384  # pixels, of the pictures it may have been trained on
MODULES: dict[type, type[nn.Module]] = {GeneratorConfig: Generator, ExtractorConfig: LineExtractor}
NAMES_SHOWN = 3  # of tensors that do not fit

NetworkConfig = GeneratorConfig | ExtractorConfig
Network = TypeVar("Network", bound=NetworkConfig, covariant=True)
Module = TypeVar("Module", bound=nn.Module)


@dataclass(frozen=True)
class GeneratorFile(Generic[Network]):
    """A generator on disk, and what its header says of it."""

    path: Path
    network: Network
    size: int  # side of the pictures it was trained on
    step: int
    version: str  # of the code that trained it
    sha256: str  # of the description and the tensors, by `_digest`
    buckets: bool = False  # the pictures had about as many pixels as a square of that side

    @property
    def content(self) -> dict[str, Any]:
        """What the sha256 is of, beside the tensors."""
        network, version = asdict(self.network), self.version
        return _content(self.network.task, network, self.size, self.step, version, self.buckets)


def _content(
    task: str, network: dict[str, Any], size: int, step: int, version: str, buckets: bool
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": version,
        "task": task,
        "network": network,
        "size": size,
        "step": step,
        **({BUCKETS: True} if buckets else {}),
    }


def describe_generator(
    task: str,
    network: dict[str, Any],
    size: int,
    step: int,
    tensors: Mapping[str, Tensor],
    buckets: bool = False,
) -> dict[str, str]:
    """The header that makes a generator file enough to load it, and to see that it is whole.

    Args:
        task: Colorization or extraction.
        network: Its settings, as JSON.
        size: Side of the pictures it was trained on.
        step: Steps it was trained for.
        tensors: On the CPU.
        buckets: The pictures had several shapes, of about as many pixels as a square of that side.
    """
    network = asdict(from_json(_network_of(task), network))  # 1 and 1.0 are one width
    return _header(_content(task, network, size, step, code_version(), buckets), tensors)


def without_commit(content: dict[str, Any], tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """The header of a file with this content, its version the release alone.

    Equal trainings then give equal bytes, from whichever commit they were started.

    Args:
        content: As `read_header` gives it.
        tensors: Of the same file.
    """
    release = content["version"].partition(" at ")[0]
    content = {name: value for name, value in content.items() if name != "sha256"}
    return _header({**content, "version": release}, tensors)


def _header(content: dict[str, Any], tensors: Mapping[str, Tensor]) -> dict[str, str]:
    return {HEADER: json.dumps({**content, "sha256": _digest(content, tensors)})}


def _digest(content: dict[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """The sha256, as safetensors has no checksum: a flipped bit would be read as another weight."""
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(f"\n{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def find_generator(path: Path, network: type[Network]) -> GeneratorFile[Network]:
    """The generator that a `--checkpoint` means.

    Args:
        path: Run folder (its newest intact checkpoint), checkpoint folder, .safetensors file, or
            `shipped`: the package's own.
        network: Settings of the kind of network that is needed.

    Raises:
        UserError: nothing usable is there, or a network for another task; says why.
    """
    file = shipped_file(network.task) if path == SHIPPED else locate_generator(path)
    content = read_header(file)
    if content["task"] != network.task:
        raise UserError(
            f"{file} was trained for {content['task']}; give a network for {network.task}."
        )
    settings = from_json(network, content["network"])
    return GeneratorFile(
        file,
        settings,
        content["size"],
        content["step"],
        content["version"],
        content["sha256"],
        BUCKETS in content,
    )


def about_shipped(file: GeneratorFile[NetworkConfig]) -> str:
    """What a user has to know of a result that a shipped file made."""
    return (
        f"Using the {KINDS[file.network.task]} that comes with the program, trained on drawn"
        f" characters alone at {file.size}x{file.size}: for a first look; train your own for real"
        " work."
    )


def locate_generator(path: Path) -> Path:
    """The file that a `--checkpoint` means: of a run, one in its newest intact checkpoint.

    Raises:
        UserError: there is none.
    """
    return path if path.is_file() else generator_of(*locate_checkpoint(path))


def locate_checkpoint(path: Path) -> tuple[Path, State]:
    """The checkpoint that a folder means, every byte of it checked: of a run, its newest intact.

    Raises:
        UserError: there is none.
    """
    if not path.is_dir():
        raise UserError(f"{path}: no such run folder, checkpoint folder or .safetensors file.")
    if not (path / "checkpoints").is_dir():
        return path, verify(path)
    newest = newest_intact(path / "checkpoints")
    if newest is None:
        raise UserError(f"{path}: the run has no checkpoint yet.")
    return newest.path, newest.state


def generator_of(checkpoint: Path, state: State) -> Path:
    """The file in a checkpoint that results are made with."""
    # The running average is what a run with one is trained for.
    name = "average" if "average.safetensors" in state.files else "generator"
    return checkpoint / f"{name}.safetensors"


def read_header(path: Path) -> dict[str, Any]:
    """What a generator file says of itself: its ENTRIES, all checked.

    Raises:
        UserError: it is no generator file of this program.
    """
    metadata = read_metadata(path)
    try:
        content = parse_json(metadata[HEADER])
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise ValueError(f"not format {FORMAT}: another version of the program wrote it")
        if content.keys() - {BUCKETS} != set(ENTRIES):
            raise ValueError(f"other entries than {', '.join(ENTRIES)}")
        if content.get(BUCKETS, True) is not True:
            raise ValueError(f"{BUCKETS} is {content[BUCKETS]!r}")
        settings = from_json(_network_of(content["task"]), content["network"])
        check_bounds(settings, "network.")
        size, step = (from_json(int, content[name]) for name in ("size", "step"))
        for name in ("sha256", "version"):
            from_json(str, content[name])
        if not 0 < size <= MAX_SIDE or size % settings.stride or step < 0:
            raise ValueError(f"size {size}, step {step}")
    except (KeyError, ValueError, UserError) as error:
        why = str(error).removesuffix(".")
        raise UserError(
            f"{path}: its header does not describe a generator of this program ({why})."
        ) from error
    return content


def _network_of(task: Any) -> type[NetworkConfig]:
    for kind in (GeneratorConfig, ExtractorConfig):
        if task == kind.task:
            return kind
    raise ValueError(f"task {task!r}")


def load_generator(
    file: GeneratorFile[Network], kind: type[Module], device: torch.device
) -> Module:
    """Build the network that a file describes, ready for use on a device.

    Raises:
        UserError: the tensors are not the network's, not those that were written, or not finite.
    """
    with torch.device("meta"):  # a header can ask for any size; memory is taken for the file alone
        generator = kind(**asdict(file.network))
    tensors = read_tensors(file.path)
    if unfit := misfits(tensors, generator.state_dict()):
        raise UserError(f"{file.path}: the tensors do not fit the network in its header ({unfit}).")
    if _digest(file.content, tensors) != file.sha256:
        raise UserError(
            f"{file.path}: damaged (its sha256 is not that in its header); export it again."
        )
    if not all(t.isfinite().all() for t in tensors.values()):
        raise UserError(
            f"{file.path}: not all of its weights are finite; use an earlier checkpoint."
        )
    generator.load_state_dict(tensors, assign=True)
    return generator.eval().requires_grad_(False).to(device)


def load_any(path: Path) -> tuple[GeneratorFile[Any], nn.Module]:
    """The network of a generator file, for whatever task, on the CPU.

    Raises:
        UserError: the file is not a whole generator of this program.
    """
    kind = _network_of(read_header(path)["task"])
    file = find_generator(path, kind)
    return file, load_generator(file, MODULES[kind], torch.device("cpu"))  # a GPU may be in use


def check_whole(path: Path) -> None:
    """Raises: UserError: the file is not a whole generator of this program."""
    load_any(path)


def unfilled(network: NetworkConfig) -> nn.Module:
    """The network that settings describe, on the meta device: without weights or memory."""
    with torch.device("meta"):
        return MODULES[type(network)](**asdict(network))


def misfits(tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> str:
    """The first tensors that are not as wanted, in words; empty if all have the shapes and types.

    Args:
        tensors: By name.
        wanted: Tensors like those that there should be.
    """
    found, right = ({n: _said(t) for n, t in some.items()} for some in (tensors, wanted))
    unfit = [
        f"{name} is {found.get(name, 'missing')}, not {right.get(name, 'of this network')}"
        for name in sorted(found.keys() | right.keys())
        if found.get(name) != right.get(name)
    ]
    more = [f"and {len(unfit) - NAMES_SHOWN} more"] if len(unfit) > NAMES_SHOWN else []
    return "; ".join(unfit[:NAMES_SHOWN] + more)


def _said(tensor: Tensor) -> str:
    """`float32 3×16×1×1`."""
    return f"{tensor.dtype} {'×'.join(map(str, tensor.shape))}".removeprefix("torch.").rstrip()
