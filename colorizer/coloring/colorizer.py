"""Colour drawings with a trained generator."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from colorizer.augmentation.distortion import to_signed, to_uint8
from colorizer.checkpoints.generator_file import find_generator, load_generator
from colorizer.checkpoints.hub import found_or_fetched, push_generator
from colorizer.coloring.any_colorizer import AnyColorizer
from colorizer.config.networks import GeneratorConfig
from colorizer.config.shipped import SHIPPED
from colorizer.networks.generator import Features, Generator
from colorizer.system.device import choose_device, exact_float32


class Colorizer(AnyColorizer[Features]):
    """A trained generator at work, run by torch."""

    def __init__(
        self, checkpoint: Path | str = SHIPPED, device: torch.device | str | None = None
    ) -> None:
        """Load the generator that `checkpoint` means (see `find_generator`).

        Args:
            checkpoint: Run folder, checkpoint folder or exported file; default: the shipped one.
            device: Default: the accelerator if there is one (see `choose_device`).

        Raises:
            UserError: it cannot be found or read.
        """
        self.file = find_generator(Path(checkpoint), GeneratorConfig)
        self.device = choose_device() if device is None else torch.device(device)
        self.generator = load_generator(self.file, Generator, self.device)
        self.size, self.buckets = self.file.size, self.file.buckets
        self.stride = self.generator.stride

    @classmethod
    def from_pretrained(
        cls,
        path_or_repo_id: Path | str,
        device: torch.device | str | None = None,
        revision: str | None = None,
    ) -> "Colorizer":
        """Load a generator by a local path, which always wins, or from the Hugging Face Hub.

        Args:
            path_or_repo_id: As `checkpoint` above; or NAME/MODEL.
            device: As above.
            revision: Branch, tag or commit of the repository.

        Raises:
            UserError: it cannot be found, fetched or read.
        """
        return cls(found_or_fetched(path_or_repo_id, revision), device)

    def push_to_hub(
        self, repo_id: str, license: str = "", private: bool = False, token: str | None = None
    ) -> str:
        """Send the generator and its model card to the Hugging Face Hub; see `push_generator`.

        Returns:
            The repository's address.

        Raises:
            UserError: the Hub does not take it.
        """
        return push_generator(self.file.path, repo_id, license, private, token)

    def features_of(self, reference: np.ndarray) -> Features:
        """See `AnyColorizer`."""
        with torch.inference_mode(), exact_float32():
            return self.generator.read(self._signed(reference[None]))

    def joined(self, several: Sequence[Features]) -> Features:
        """See `AnyColorizer`."""
        return Features.joined(several)

    def colored(self, line: np.ndarray, features: Features) -> np.ndarray:
        """See `AnyColorizer`."""
        with torch.inference_mode(), exact_float32():
            result = self.generator.color(self._signed(line), features.repeated(len(line))).image
        return to_uint8(result)

    def color_batch(self, line: Tensor, reference: Tensor) -> Tensor:
        """What the network makes of drawings and a reference each, at the size they have.

        Args:
            line: B×H×W uint8, white 255, any size.
            reference: B×H'×W'×3 uint8 RGB, any size.

        Returns:
            B×H×W×3 uint8 RGB, on the CPU.
        """
        height, width = line.shape[1:]
        signed, guide = (self._signed(self.padded(each.numpy())) for each in (line, reference))
        with torch.inference_mode(), exact_float32():
            result = self.generator(signed, guide).image
        return torch.from_numpy(to_uint8(result[:, :, :height, :width]))

    def _signed(self, pictures: np.ndarray) -> Tensor:
        """B×H×W or B×H×W×3 uint8 → B×C×H×W in [-1, 1], on the device."""
        tensor = torch.from_numpy(pictures).to(self.device)
        return to_signed(tensor.unsqueeze(1) if tensor.ndim == 3 else tensor.permute(0, 3, 1, 2))
