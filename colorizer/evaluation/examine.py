"""Colours one held-out drawing with each of its references, and takes its figures."""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from colorizer.characters import Drawing
from colorizer.coloring.colorizer import Colorizer
from colorizer.evaluation.available import Compare, LoadedMetrics
from colorizer.evaluation.config import Mode
from colorizer.evaluation.constant_colors import constant_terms
from colorizer.evaluation.metrics.palette import palette_distance
from colorizer.evaluation.protocol import Column, Protocol
from colorizer.loading.characters_truth import in_colors_of, redraw
from colorizer.shards.reader import Sample, ShardReader
from colorizer.system.errors import UserError


@dataclass
class Examined:
    """What is kept of a picture."""

    values: dict[Column, float] = field(default_factory=dict)
    features: dict[str, Tensor] = field(default_factory=dict)  # mode or "references" → 2048
    constant: np.ndarray | None = None  # `constant_terms`


class Examiner:
    """Takes the figures of pictures, each on its own: they depend on nothing else."""

    def __init__(
        self,
        reader: ShardReader,
        colorizer: Colorizer,
        protocol: Protocol,
        metrics: LoadedMetrics,
    ) -> None:
        self.reader = reader
        self.colorizer = colorizer
        self.protocol = protocol
        self.metrics = metrics

    def __call__(self, number: int, sample: Sample, with_references: bool) -> Examined:
        """Colour a sample in every mode.

        Args:
            number: The sample's number.
            sample: The sample.
            with_references: Whether to take the features of its own picture, too.

        Raises:
            UserError: a figure is not a number, or a reference cannot be read.
        """
        examined = Examined()
        if with_references:
            self._take_features(examined, "references", torch.from_numpy(sample.color))
        drawing = redraw(sample) if self.protocol.redrawn else None
        for mode in self.protocol.modes:
            reference = self.protocol.references[mode][number]
            if reference is not None:
                given = sample if reference == number else self.reader[reference]
                self._examine(examined, mode, sample, given, reference, drawing)
        return examined

    def _examine(
        self,
        examined: Examined,
        mode: Mode,
        sample: Sample,
        given: Sample,
        reference: int,
        drawing: Drawing | None,
    ) -> None:
        values, columns = examined.values, self.protocol.columns
        truth, guide = torch.from_numpy(sample.color), torch.from_numpy(given.color)
        result = self.colorize(sample, given)
        self._take_features(examined, mode, result)
        values |= self._against(mode, sample.key, result, truth)
        if (column := Column(mode, "palette")) in columns:
            values[column] = _of_pair(palette_distance, result, guide)
        if (column := Column(mode, "palette-wrong")) in columns:
            values[column] = _of_pair(palette_distance, result, self._wrong(reference))
        if mode == "cross":
            values |= self._against("as_it_stands", sample.key, guide, truth)
            if drawing is not None and Column("constant", "psnr") in columns:
                examined.constant = constant_terms(drawing)
        if mode == "random" and drawing is not None:
            known = torch.from_numpy(in_colors_of(drawing, given))
            values |= self._against("recolored", sample.key, result, known)

    def colorize(self, sample: Sample, reference: Sample) -> Tensor:
        """H×W×3 uint8: a drawing in another sample's colours.

        One picture at a time: with several, the last bits would depend on how many.
        """
        line, guide = torch.from_numpy(sample.line), torch.from_numpy(reference.color)
        return self.colorizer.color_batch(line[None], guide[None])[0]

    def _wrong(self, reference: int) -> Tensor:
        """A picture whose palette a result should not have: the reference's random reference."""
        wrong = self.protocol.reference_of("random", reference)
        return torch.from_numpy(self.reader[wrong].color)

    def _take_features(self, examined: Examined, name: str, picture: Tensor) -> None:
        """Keep Inception's features of a picture, if a figure needs them."""
        if self.metrics.inception is not None:
            examined.features[name] = self.metrics.inception.features(picture[None])[0]

    def _against(self, row: str, key: str, result: Tensor, truth: Tensor) -> dict[Column, float]:
        """The figures that a row has of a result and its truth."""
        values = {}
        for metric, compare in self.metrics.of_pairs.items():
            if (column := Column(row, metric)) in self.protocol.columns:
                values[column] = _of_pair(compare, result, truth)
                if math.isnan(values[column]):
                    raise UserError(f"{metric} of {key} is not a number; are its weights damaged?")
        return values


def _of_pair(compare: Compare, picture: Tensor, other: Tensor) -> float:
    """A metric of two H×W×3 uint8 pictures."""
    return float(compare(picture[None], other[None])[0])
