"""Colours one held-out drawing with each of its references, and takes its figures."""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from colorizer.characters import Drawing
from colorizer.coloring.colorizer import Colorizer
from colorizer.evaluation.config import Mode
from colorizer.evaluation.constant_colors import constant_terms
from colorizer.evaluation.measures import Measures, palettes
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
        measures: Measures,
    ) -> None:
        self.reader = reader
        self.colorizer = colorizer
        self.protocol = protocol
        self.measures = measures

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
            examined.features["references"] = self._features(torch.from_numpy(sample.color))
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
        values = examined.values
        truth, guide = torch.from_numpy(sample.color), torch.from_numpy(given.color)
        result = self.colorize(sample, given)
        if self.measures.inception is not None:
            examined.features[mode] = self._features(result)
        self._compare(values, mode, sample.key, result, truth)
        if Column(mode, "palette") in self.protocol.columns:
            values[Column(mode, "palette")] = palettes(result, guide)
        if Column(mode, "palette-wrong") in self.protocol.columns:
            values[Column(mode, "palette-wrong")] = palettes(result, self._wrong(reference))
        if mode == "cross":
            self._compare(values, "as_it_stands", sample.key, guide, truth)
            if Column("constant", "psnr") in self.protocol.columns:
                examined.constant = constant_terms(drawing)
        if mode == "random" and drawing is not None:
            known = torch.from_numpy(in_colors_of(drawing, given))
            self._compare(values, "recolored", sample.key, result, known)

    def colorize(self, sample: Sample, reference: Sample) -> Tensor:
        """H×W×3 uint8: a drawing in another sample's colours.

        One picture at a time: with several, the last bits would depend on how many.
        """
        line, guide = torch.from_numpy(sample.line), torch.from_numpy(reference.color)
        return self.colorizer.color_batch(line[None], guide[None])[0]

    def _wrong(self, reference: int) -> Tensor:
        """A picture whose palette a result should not have: the reference's random reference."""
        return torch.from_numpy(self.reader[self.protocol.references["random"][reference]].color)

    def _features(self, picture: Tensor) -> Tensor:
        return self.measures.inception.features(picture[None])[0]

    def _compare(
        self, values: dict[Column, float], row: str, key: str, result: Tensor, truth: Tensor
    ) -> None:
        for metric, compare in self.measures.of_pairs.items():
            if (column := Column(row, metric)) in self.protocol.columns:
                values[column] = float(compare(result[None], truth[None])[0])
                if math.isnan(values[column]):
                    raise UserError(f"{metric} of {key} is not a number; are its weights damaged?")
