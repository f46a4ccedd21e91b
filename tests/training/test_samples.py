"""The sample grid: the same held-out pictures every time, by a generator that does not learn."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from colorizer.augmentation.distortion import to_uint8
from colorizer.config.augmentation import AugmentConfig
from colorizer.config.presets import PRESETS
from colorizer.pictures.grid import GAP, LABEL
from colorizer.shards.writer import ShardWriter
from colorizer.training.colorization import ColorizationSamples
from colorizer.training.samples import SampleGrid


class Inverter(nn.Module):
    """Inverts a line drawing, and remembers how it was called."""

    def forward(self, line: Tensor) -> Tensor:
        self.called = (self.training, torch.is_grad_enabled())
        return 255 - line


class LineAndInverse(SampleGrid):
    columns = ("line", "inverse", "colour")

    def row(self, generator: nn.Module, place: int) -> list[np.ndarray]:
        line = self.line[place]
        return [line.numpy(), generator(line).numpy(), self.color[place].numpy()]


@pytest.fixture
def make_grid(tmp_path, shard_folder):
    """`make_grid(count, held_out=True)` -> its grid; the held-out pictures are `shard_folder`'s."""

    def make(count: int, held_out: bool = True) -> SampleGrid:
        full, empty = ("held-out", "train") if held_out else ("train", "held-out")
        data = tmp_path / "data"
        data.mkdir()
        shard_folder.rename(data / full)
        _write_empty(data / empty)
        config = replace(PRESETS["demo"](data, tmp_path / "run"), sample_count=count)
        return LineAndInverse(config, torch.device("cpu"))

    return make


def _write_empty(folder: Path) -> None:
    with ShardWriter(folder, 32, 4, {"source": "test"}):
        pass


def lines_of(sheet: np.ndarray) -> list[np.ndarray]:
    """The pictures of the first column, as small as they were."""
    return [sheet[top : top + 128 : 4, :128:4, 0] for top in range(LABEL, len(sheet), 128 + GAP)]


def test_each_picture_has_a_row_and_they_are_spread_over_all(make_grid):
    samples = make_grid(4)
    sheet = samples.draw(Inverter())
    assert sheet.shape == (LABEL + 4 * (128 + GAP), 3 * (128 + GAP) - GAP, 3)
    shown = lines_of(sheet)
    every = [samples.reader[n].line for n in range(10)]
    numbers = [next(n for n in range(10) if np.array_equal(every[n], line)) for line in shown]
    assert numbers == sorted(set(numbers)) and numbers[0] < 3 and numbers[-1] > 6
    assert np.array_equal(samples.draw(Inverter()), sheet)


def test_more_than_there_are_is_all(make_grid):
    assert len(lines_of(make_grid(99).draw(Inverter()))) == 10


def test_the_generator_neither_learns_nor_stays_in_another_mode(make_grid):
    samples, generator = make_grid(1), Inverter()
    for training in (True, False):
        generator.train(training)
        samples.draw(generator)
        assert generator.called == (False, False) and generator.training == training


def test_where_nothing_is_held_out_training_pictures_are_shown_and_it_is_said(make_grid, capsys):
    samples = make_grid(2, held_out=False)
    assert "nothing is held out; the samples show training pictures" in capsys.readouterr().err
    assert [len(line) for line in lines_of(samples.draw(Inverter()))] == [32, 32]


def test_the_colorizers_pictures_are_neither_zoomed_nor_mirrored(shard_folder, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    shard_folder.rename(data / "held-out")
    config = PRESETS["demo"](data, tmp_path / "run")
    augment = AugmentConfig("grid", border="white", flip=1.0, zoom=(0.25, 0.5), hue=0.5)
    samples = ColorizationSamples(replace(config, augment=augment), torch.device("cpu"))
    for place, number in enumerate(samples.numbers):
        sample = samples.reader[number]
        line, reference, truth = samples.pictures[place]
        assert np.array_equal(to_uint8(truth[0]), sample.color)
        assert np.array_equal(to_uint8(line[0])[..., 0], sample.line)
        assert (reference == 1).float().mean() < 0.3  # not shrunk either
