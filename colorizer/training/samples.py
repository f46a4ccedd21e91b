"""The sample grid of a run: the same held-out pictures every time."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from colorizer import console, pictures
from colorizer.config import TrainConfig
from colorizer.data.augment import Augmented, augment, draw_parameters, to_signed, to_uint8
from colorizer.data.dataset import ShardReader
from colorizer.data.references import groups, same_group

COLUMNS = ("line", "reference", "result", "truth")


class SampleGrid:
    """Colours a fixed batch and writes it as line | reference | result | truth.

    The reference is another picture of the same group (a character in another pose) where there is
    one, else the truth distorted as in training.
    """

    def __init__(self, config: TrainConfig, device: torch.device) -> None:
        reader = ShardReader(config.data / "held-out")
        if len(reader) == 0:
            console.warn(f"{config.data}: nothing is held out; the samples show training pictures.")
            reader = ShardReader(config.data / "train")
        count = min(config.sample_count, len(reader))
        self.numbers = np.linspace(0, len(reader) - 1, count).round().astype(int).tolist()
        self.batch = self._batch(config, reader)
        self.device = device

    def _batch(self, config: TrainConfig, reader: ShardReader) -> Augmented:
        samples = [reader[n] for n in self.numbers]
        color = torch.from_numpy(np.stack([s.color for s in samples]))
        line = torch.from_numpy(np.stack([s.line for s in samples]))
        # As in training, but without jitter and mirroring, so that the truth is the picture itself.
        distortion = replace(config.augment, flip=0.0, hue=0.0, saturation=0.0, brightness=0.0)
        parameters = draw_parameters(distortion, config.seed, self.numbers)
        batch = augment(distortion, parameters, color, line)
        partners = same_group(groups(reader))
        for place, number in enumerate(self.numbers):
            if (partner := partners[number]) is not None:
                picture = torch.from_numpy(reader[partner].color).permute(2, 0, 1)
                batch.reference[place] = to_signed(picture)
        return batch

    @torch.no_grad()
    def write(self, generator: nn.Module, path: Path) -> None:
        """Colour the batch, a picture at a time, and write the PNG."""
        was_training = generator.training
        generator.eval()
        rows = []
        for line, reference, truth in zip(
            self.batch.line, self.batch.reference, self.batch.truth, strict=True
        ):
            result = generator(line[None].to(self.device), reference[None].to(self.device)).image[0]
            colors = map(to_uint8, (reference, result, truth))
            rows.append([to_uint8(line)[..., 0], *colors])
        generator.train(was_training)
        pictures.write_picture(path, pictures.grid(COLUMNS, rows))
