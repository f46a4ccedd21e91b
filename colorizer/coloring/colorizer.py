"""Colour a drawing with a trained generator."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from colorizer.augmentation.distortion import to_signed, to_uint8
from colorizer.checkpoints.generator_file import (
    MAX_SIDE,
    about_shipped,
    find_generator,
    load_generator,
)
from colorizer.config.commands import ColorizeConfig
from colorizer.config.networks import GeneratorConfig
from colorizer.config.shipped import SHIPPED
from colorizer.networks.generator import Generator
from colorizer.pictures.decode import UnusablePicture, decode_file, to_grey
from colorizer.pictures.geometry import fitted_area, fitted_size, resize
from colorizer.pictures.grid import write_picture
from colorizer.system import console
from colorizer.system.device import choose_device, exact_float32
from colorizer.system.errors import UserError
from colorizer.system.memory import naming_lack_of_memory
from colorizer.system.storage import check_writable


class Colorizer:
    """A trained generator: loads it, pads what it is given, crops what it gives back."""

    def __init__(
        self, checkpoint: Path = SHIPPED, device: torch.device | str | None = None
    ) -> None:
        """Load the generator that `checkpoint` means (see `find_generator`).

        Args:
            checkpoint: Run folder, checkpoint folder or exported file; default: the shipped one.
            device: Default: the accelerator if there is one (see `choose_device`).

        Raises:
            UserError: it cannot be found or read.
        """
        self.file = find_generator(checkpoint, GeneratorConfig)
        self.device = choose_device() if device is None else torch.device(device)
        self.generator = load_generator(self.file, Generator, self.device)

    def color_batch(self, line: Tensor, reference: Tensor) -> Tensor:
        """Colour drawings at the size they have.

        Args:
            line: B×H×W uint8, white 255, any size.
            reference: B×H'×W'×3 uint8 RGB, any size.

        Returns:
            B×H×W×3 uint8 RGB, on the CPU.
        """
        height, width = line.shape[1:]
        line = self._pad(to_signed(line.to(self.device).unsqueeze(1)))
        reference = self._pad(to_signed(reference.to(self.device).permute(0, 3, 1, 2)))
        with torch.inference_mode(), exact_float32():
            result = self.generator(line, reference).image
        return torch.from_numpy(to_uint8(result[:, :, :height, :width]))

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
            size: Longer side at which the network works or, if it was trained on buckets, side of
                a square of as many pixels; default: the side it was trained at.

        Returns:
            H×W×3 uint8 RGB.
        """
        size = size or self.file.size
        height, width = line.shape
        small = torch.from_numpy(self._scaled(line, size))
        guide = torch.from_numpy(self._scaled(reference, size))
        result = self.color_batch(small[None], guide[None])[0].numpy()
        return resize(result, width, height)

    def _scaled(self, picture: np.ndarray, size: int) -> np.ndarray:
        """H×W(×3) uint8 at the size that the network has seen such a picture at."""
        fit = fitted_area if self.file.buckets else fitted_size
        return resize(picture, *fit(picture.shape[1], picture.shape[0], size))


def colorize(config: ColorizeConfig) -> None:
    """Colour one drawing and write the result.

    Raises:
        UserError: the checkpoint or a picture cannot be read, or the result cannot be written.
    """
    suffix = config.output.suffix.lower()
    if suffix not in (".png", ".jpg", ".jpeg", ".webp"):
        raise UserError(f"{config.output}: the result's name must end in .png, .jpg or .webp.")
    if config.size is not None and not 1 <= config.size <= MAX_SIDE:
        raise UserError(f"--size is {config.size}; it must be from 1 to {MAX_SIDE}.")
    check_writable(config.output.parent)
    line = to_grey(read_picture(config.line))
    reference = read_picture(config.reference)
    colorizer = Colorizer(config.checkpoint)
    if config.checkpoint == SHIPPED:
        console.say(about_shipped(colorizer.file))
    with naming_lack_of_memory("give a smaller --size."):
        result = colorizer.color(line, reference, config.size)
    write_picture(config.output, result)
    console.say(f"{config.output}: {config.line} in the colours of {config.reference}")


def read_picture(path: Path) -> np.ndarray:
    """A picture file as H×W×3 uint8 RGB.

    Raises:
        UserError: it cannot be read; says why.
    """
    try:
        return decode_file(path).pixels
    except UnusablePicture as rejection:
        detail = f" ({rejection.detail})" if rejection.detail else ""
        raise UserError(f"{path}: {rejection.reason}{detail}.") from rejection
