"""The sample grid of a run: the same held-out pictures every time."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from colorizer import pictures
from colorizer.config import TrainConfig
from colorizer.data.augment import augment, draw_parameters
from colorizer.data.dataset import ShardReader
from colorizer.data.references import groups, same_group
from colorizer.inference import to_uint8

COLUMNS = ("line", "reference", "result", "truth")


class SampleGrid:
    """Colours a fixed batch and writes it as line | reference | result | truth.

    The reference is another picture of the same group (a character in another pose) where there is
    one, else the truth distorted as in training.
    """

    def __init__(self, config: TrainConfig, device: torch.device) -> None:
        held_out, train = (ShardReader(config.data / part) for part in ("held-out", "train"))
        reader = held_out if len(held_out) else train
        self.source = "held-out" if len(held_out) else "train"
        count = min(config.sample_count, len(reader))
        numbers = np.linspace(0, len(reader) - 1, count).round().astype(int).tolist()
        samples = [reader[n] for n in numbers]
        color = torch.from_numpy(np.stack([s.color for s in samples]))
        line = torch.from_numpy(np.stack([s.line for s in samples]))
        parameters = draw_parameters(config.augment, config.seed, numbers)
        # As in training, but without jitter and mirroring, so that the truth is the picture itself.
        parameters = parameters._replace(
            flip=torch.zeros_like(parameters.flip),
            color=torch.tensor([0.0, 1.0, 1.0]).expand_as(parameters.color),
        )
        batch = augment(config.augment, parameters, color, line)
        reference = batch.reference
        partners = same_group(groups(reader))
        for place, number in enumerate(numbers):
            if (partner := partners[number]) is not None:
                reference[place] = (
                    torch.from_numpy(reader[partner].color).permute(2, 0, 1) / 127.5 - 1
                )
        self.batch = batch._replace(reference=reference)
        self.device = device

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
            rows.append([to_uint8(line)[..., 0], *map(to_uint8, (reference, result, truth))])
        generator.train(was_training)
        pictures.write_png(path, pictures.grid(COLUMNS, rows))
