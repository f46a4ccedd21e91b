"""Colour a drawing with a trained generator."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor

from colorizer import console
from colorizer.config import ColorizeConfig, NetworkConfig
from colorizer.data.decode import Rejected, decode_picture, to_grey
from colorizer.errors import UserError
from colorizer.networks.generator import Generator
from colorizer.training import checkpoint

METADATA_KEY = (
    "colorizer"  # safetensors writes several metadata keys in no fixed order, so there is one
)


@dataclass(frozen=True)
class GeneratorFile:
    """A generator on disk, and what its header says of it."""

    path: Path
    network: NetworkConfig
    size: int  # side of the pictures it was trained on
    step: int


def describe_generator(network: dict[str, Any], size: int, step: int) -> dict[str, str]:
    """The header that makes a generator file enough to load it."""
    return {METADATA_KEY: json.dumps({"network": network, "size": size, "step": step})}


def find_generator(path: Path) -> GeneratorFile:
    """The generator that a `--checkpoint` means.

    Args:
        path: Run folder (its newest intact checkpoint), checkpoint folder, or exported .safetensors
        file.

    Raises:
        UserError: nothing usable is there; says why.
    """
    if path.is_file():
        return _read_header(path)
    if not path.is_dir():
        raise UserError(f"{path}: no such run folder, checkpoint folder or .safetensors file.")
    if (path / "checkpoints").is_dir():
        newest, faults = checkpoint.newest_intact(path / "checkpoints")
        if newest is None:
            why = "; ".join(faults.values()) or "it is empty"
            raise UserError(f"{path / 'checkpoints'}: no intact checkpoint ({why}).")
        path = newest
    state = checkpoint.verify(path)
    # The running average is what a run with one is trained for.
    name = "average" if "average.safetensors" in state.files else "generator"
    return _read_header(path / f"{name}.safetensors")


def _read_header(path: Path) -> GeneratorFile:
    try:
        with safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {})[METADATA_KEY])
        return GeneratorFile(
            path, NetworkConfig(**header["network"]), header["size"], header["step"]
        )
    except SafetensorError as error:
        raise UserError(f"{path}: not a readable .safetensors file ({error}).") from error
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path}: its header does not describe a generator of this program ({error!r})."
        ) from error


class Colorizer:
    """A trained generator: loads it, pads what it is given, crops what it gives back."""

    def __init__(self, checkpoint: Path, device: torch.device | str | None = None) -> None:
        """Load the generator that `checkpoint` means (see `find_generator`).

        Args:
            checkpoint: Run folder, checkpoint folder or exported file.
            device: Default: the accelerator if there is one.

        Raises:
            UserError: it cannot be found or read.
        """
        self.file = find_generator(checkpoint)
        if device is None:
            accelerator = torch.accelerator.current_accelerator(check_available=True)
            device = accelerator or "cpu"
        self.device = torch.device(device)
        self.generator = Generator(**asdict(self.file.network))
        with safe_open(self.file.path, "pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        try:
            self.generator.load_state_dict(state)
        except RuntimeError as error:
            raise UserError(
                f"{self.file.path}: the tensors do not fit the network in its header."
            ) from error
        self.generator.eval().requires_grad_(False).to(self.device)

    def color_batch(self, line: Tensor, reference: Tensor) -> Tensor:
        """Colour drawings at the size they have.

        Args:
            line: B×H×W uint8, white 255, any size.
            reference: B×H'×W'×3 uint8 RGB, any size.

        Returns:
            B×H×W×3 uint8 RGB, on the CPU.
        """
        height, width = line.shape[1:]
        line = self._pad(line.to(self.device).unsqueeze(1).float() / 127.5 - 1)
        reference = self._pad(reference.to(self.device).permute(0, 3, 1, 2).float() / 127.5 - 1)
        with torch.inference_mode():
            result = self.generator(line, reference).image
        return _to_uint8_tensor(result[:, :, :height, :width]).permute(0, 2, 3, 1).cpu()

    def _pad(self, picture: Tensor) -> Tensor:
        """White on the right and below, up to the generator's stride."""
        height, width = picture.shape[2:]
        stride = self.generator.stride
        return F.pad(picture, (0, -width % stride, 0, -height % stride), value=1.0)

    def color(self, line: np.ndarray, reference: np.ndarray, size: int | None = None) -> np.ndarray:
        """Colour one drawing.

        Args:
            line: H×W uint8, white 255.
            reference: H'×W'×3 uint8 RGB.
            size: Longer side at which the network works; default: the side it was trained at.

        Returns:
            H×W×3 uint8 RGB.
        """
        size = size or self.file.size
        height, width = line.shape
        small = torch.from_numpy(scale_to(line, size))
        guide = torch.from_numpy(scale_to(reference, size))
        result = self.color_batch(small[None], guide[None])[0].numpy()
        return cv2.resize(result, (width, height), interpolation=cv2.INTER_CUBIC)


def scale_to(picture: np.ndarray, side: int) -> np.ndarray:
    """Scale H×W(×3) uint8 so that the longer side is `side`: area filter down, cubic up."""
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    target = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(
        picture, target, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    )


def _to_uint8_tensor(picture: Tensor) -> Tensor:
    return ((picture.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def to_uint8(picture: Tensor) -> np.ndarray:
    """C×H×W in [-1, 1] → H×W×C uint8, as every result is rounded."""
    return _to_uint8_tensor(picture).permute(1, 2, 0).cpu().numpy()


def colorize(config: ColorizeConfig) -> None:
    """Colour one drawing and write the result.

    Raises:
        UserError: the checkpoint or a picture cannot be read, or the result cannot be written.
    """
    suffix = config.output.suffix.lower()
    if suffix not in (".png", ".jpg", ".jpeg", ".webp"):
        raise UserError(f"{config.output}: the result's name must end in .png, .jpg or .webp.")
    if config.size is not None and config.size < 1:
        raise UserError(f"--size is {config.size}; it must be at least 1.")
    line = to_grey(read_picture(config.line))
    reference = read_picture(config.reference)
    colorizer = Colorizer(config.checkpoint)
    result = colorizer.color(line, reference, config.size)
    _, data = cv2.imencode(suffix, cv2.cvtColor(result, cv2.COLOR_RGB2BGR))
    try:
        config.output.parent.mkdir(parents=True, exist_ok=True)
        config.output.write_bytes(data.tobytes())
    except OSError as error:
        raise UserError(f"{config.output}: cannot be written ({error.strerror}).") from error
    console.say(f"{config.output}: {config.line} in the colours of {config.reference}")


def read_picture(path: Path) -> np.ndarray:
    """A picture file as H×W×3 uint8 RGB.

    Raises:
        UserError: it cannot be read; says why.
    """
    try:
        return decode_picture(path).pixels
    except Rejected as rejection:
        detail = f" ({rejection.detail})" if rejection.detail else ""
        raise UserError(f"{path}: {rejection.reason}{detail}.") from rejection
