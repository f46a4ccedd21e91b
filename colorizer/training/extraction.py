"""The line extraction task (Sec. 3.1): its batches, its losses, its samples."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor, nn

from colorizer.augmentation.degradation import (
    DegradationParameters,
    Degraded,
    degrade,
    draw_parameters,
)
from colorizer.augmentation.distortion import to_signed, to_uint8
from colorizer.config.augmentation import DegradeConfig
from colorizer.config.training import ExtractorTraining
from colorizer.networks.extractor import LineExtractor
from colorizer.shards.index import Shape
from colorizer.training.held_out import Case, HeldOut
from colorizer.training.samples import SampleGrid
from colorizer.training.task import DiscriminatorInput, Task


class Extraction(Task[ExtractorTraining, DegradationParameters, Degraded, Tensor]):
    """Draws the lines of a picture, however badly it has been treated."""

    def __init__(self, config: ExtractorTraining, accelerator: Accelerator) -> None:
        super().__init__(config, accelerator, LineExtractor)

    def draw_parameters(self, numbers: list[int], shape: Shape) -> DegradationParameters:
        """What happens to the pictures."""
        return draw_parameters(self.config.degrade, self.config.seed, numbers)

    def augmented(self, color: Tensor, line: Tensor, *parameters: Tensor) -> Degraded:
        """Degraded pictures and their true lines."""
        return degrade(DegradationParameters(*parameters), color, line)

    def generate(self, pictures: Degraded) -> Tensor:
        """The picture's line drawing."""
        return self.generator.network(pictures.color)

    def real(self, pictures: Degraded) -> DiscriminatorInput:
        """The picture with its true line."""
        return DiscriminatorInput(pictures.color, pictures.line)

    def fake(self, pictures: Degraded, result: Tensor) -> DiscriminatorInput:
        """The picture with the line that was drawn."""
        return DiscriminatorInput(pictures.color, result)

    def losses(self, pictures: Degraded, result: Tensor) -> dict[str, Tensor]:
        """How far the drawing is from the true line."""
        if self.config.loss.l1 > 0:
            return {"l1": F.l1_loss(result.float(), pictures.line)}
        return {}

    def sample_grid(self) -> "ExtractionSamples":
        """Columns: colour | its result | degraded | its result | truth."""
        return ExtractionSamples(self.config, self.accelerator.device)

    def held_out(self) -> "ExtractionHeldOut":
        """Pictures as they are, and degraded as in training."""
        return ExtractionHeldOut(self.config, self.accelerator)


class ExtractionSamples(SampleGrid):
    """Draws the lines of a fixed batch, as it is and degraded as in training."""

    columns = ("colour", "result", "degraded", "its result", "truth")

    def __init__(self, config: ExtractorTraining, device: torch.device) -> None:
        super().__init__(config, device)
        self.degraded: dict[int, tuple[Tensor, Tensor]] = {}  # place → colour and line, 1×C×H×W
        for batch in self.batches():
            parameters = draw_parameters(_in_place(config), config.seed, batch.numbers)
            made = degrade(parameters, batch.color, batch.line)
            for row, place in enumerate(batch.places):
                self.degraded[place] = made.color[row : row + 1], made.line[row : row + 1]

    def row(self, generator: nn.Module, place: int) -> list[np.ndarray]:
        """One picture, drawn twice."""
        color = to_signed(self.color[place][None].permute(0, 3, 1, 2)).to(self.device)
        degraded, line = (picture.to(self.device) for picture in self.degraded[place])
        pictures = (color, generator(color), degraded, generator(degraded), line)
        return [to_uint8(picture[0]) for picture in pictures]


class ExtractionHeldOut(HeldOut):
    """Draws the lines of pictures, as they are and degraded as in training."""

    rows = ("degraded", "clean")

    def __init__(self, config: ExtractorTraining, accelerator: Accelerator) -> None:
        self._degrade = _in_place(config)
        self._seed = config.seed
        super().__init__(config, accelerator)

    def cases_of(self, number: int) -> Iterator[Case]:
        """The picture, twice."""
        sample = self.reader[number]
        color, truth = torch.from_numpy(sample.color), sample.line[..., None]
        parameters = draw_parameters(self._degrade, self._seed, [number])
        degraded = degrade(parameters, color[None], torch.from_numpy(sample.line)[None])
        yield Case((degraded.color[0],), {"degraded": truth})
        yield Case((to_signed(color.permute(2, 0, 1)),), {"clean": truth})

    def result_of(self, generator: nn.Module, inputs: Sequence[Tensor]) -> Tensor:
        """The picture's line drawing."""
        return generator(*inputs)


def _in_place(config: ExtractorTraining) -> DegradeConfig:
    """The degradation, but with every line where it is in the truth."""
    return replace(config.degrade, flip=0.0, zoom=(1.0, 1.0))
