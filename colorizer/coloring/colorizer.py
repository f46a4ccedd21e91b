"""Colour drawings with a trained generator."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from colorizer.augmentation.distortion import to_signed, to_uint8
from colorizer.checkpoints.generator_file import MAX_SIDE, find_generator, load_generator
from colorizer.checkpoints.hub import found_or_fetched, push_generator
from colorizer.coloring.opened import Picture, opened, opened_all
from colorizer.coloring.painting import Painting, paint
from colorizer.coloring.preparing import WorkingSize, prepare, prepare_reference
from colorizer.config.networks import GeneratorConfig
from colorizer.config.shipped import SHIPPED
from colorizer.drawings.corrections import Point
from colorizer.drawings.palette import palette_of
from colorizer.drawings.regions import GAP
from colorizer.networks.generator import Features, Generator
from colorizer.system.device import choose_device, exact_float32
from colorizer.system.errors import UserError


@dataclass(frozen=True)
class References:
    """What was read from pictures of a character; colours any number of drawings."""

    features: Features
    palette: np.ndarray  # K×3 uint8

    @staticmethod
    def joined(several: "Sequence[References]") -> "References":
        """All of them as one; the palette is that of the first."""
        return References(Features.joined([r.features for r in several]), several[0].palette)


class Colorizer:
    """A trained generator at work, on drawings of any size and kind."""

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

    def __call__(
        self,
        line: Picture,
        references: "Picture | Sequence[Picture] | References",
        working_size: int | None = None,
        points: Sequence[Point] = (),
        gap: float = GAP,
    ) -> Painting:
        """Colour a drawing like pictures of the same character.

        Args:
            line: The drawing, of any size.
            references: One or more pictures, in any order and of any sizes, or what `read` gave.
            working_size: The network sees pictures with about as many pixels as a square of this
                side; default: what it was trained at.
            points: The regions there have their colours.
            gap: Close gaps in the lines up to this share of the longer side.

        Raises:
            UserError: a picture cannot be read, or the working size is out of bounds.
        """
        size = self.working_size(working_size)
        if not isinstance(references, References):
            references = self.read(references, working_size)
        drawing = opened(line)
        prepared = prepare(drawing.pixels, size, drawing.alpha, gap)
        (small,) = self.color_small(torch.from_numpy(prepared.small)[None], references)
        return paint(prepared, small, references.palette).corrected(points)

    def working_size(self, side: int | None = None) -> WorkingSize:
        """The size that the network sees pictures at; default: what it was trained at.

        Raises:
            UserError: it is out of bounds.
        """
        if side is not None and not self.generator.stride <= side <= MAX_SIDE:
            least = self.generator.stride
            raise UserError(f"working size {side}: it must be from {least} to {MAX_SIDE}.")
        return WorkingSize(side or self.file.size, self.file.buckets)

    def read(
        self, references: "Picture | Sequence[Picture]", working_size: int | None = None
    ) -> References:
        """Read pictures of a character once, to colour several drawings with them.

        Raises:
            UserError: none is given, one cannot be read, or the working size is out of bounds.
        """
        size = self.working_size(working_size)
        pictures = opened_all(references)
        with torch.inference_mode(), exact_float32():
            features = [
                self.generator.read(self._padded(self._planes(prepare_reference(picture, size))))
                for picture in pictures
            ]
            return References(Features.joined(features), palette_of(pictures))

    def color_small(self, line: Tensor, references: References) -> list[np.ndarray]:
        """Colour drawings of one size, which is not changed.

        Args:
            line: B×h×w uint8, white 255.
            references: The same for all.

        Returns:
            B of h×w×3 uint8 RGB.
        """
        height, width = line.shape[1:]
        features = references.features.repeated(len(line))
        with torch.inference_mode(), exact_float32():
            signed = self._padded(to_signed(line.to(self.device).unsqueeze(1)))
            result = self.generator.color(signed, features).image
        return list(to_uint8(result[:, :, :height, :width]))

    def color_batch(self, line: Tensor, reference: Tensor) -> Tensor:
        """What the network makes of drawings and a reference each, at the size they have.

        Args:
            line: B×H×W uint8, white 255, any size.
            reference: B×H'×W'×3 uint8 RGB, any size.

        Returns:
            B×H×W×3 uint8 RGB, on the CPU.
        """
        height, width = line.shape[1:]
        with torch.inference_mode(), exact_float32():
            signed = self._padded(to_signed(line.to(self.device).unsqueeze(1)))
            guide = self._padded(to_signed(reference.to(self.device).permute(0, 3, 1, 2)))
            result = self.generator(signed, guide).image
        return torch.from_numpy(to_uint8(result[:, :, :height, :width]))

    def _planes(self, picture: np.ndarray) -> Tensor:
        """H×W×3 uint8 → 1×3×H×W in [-1, 1], on the device."""
        return to_signed(torch.from_numpy(picture).to(self.device).permute(2, 0, 1)[None])

    def _padded(self, picture: Tensor) -> Tensor:
        """White on the right and below, up to the generator's stride."""
        height, width = picture.shape[2:]
        stride = self.generator.stride
        return F.pad(picture, (0, -width % stride, 0, -height % stride), value=1.0)
