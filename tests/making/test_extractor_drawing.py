"""Lines of the extraction network land on the right sample and place; a fake draws here."""

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from colorizer.making import pipeline
from colorizer.making.config import CharactersConfig, FolderConfig, PairedConfig
from colorizer.making.extractor_drawing import BATCH
from colorizer.making.pipeline import make_shards
from colorizer.shards.index import read_index
from colorizer.system.errors import UserError
from tests.helpers.making import (
    files_of,
    read_rejected,
    samples_of,
    save,
    ten_pictures,
    with_small_pieces,
)


class RedExtractor:
    """Its "lines" are the red channel."""

    sha256 = "5e" * 32
    batches: list[np.ndarray]

    def __init__(self, checkpoint: Path, device: object) -> None:
        self.checkpoint = checkpoint

    def draw_batch(self, pictures: np.ndarray) -> np.ndarray:
        assert pictures.dtype == np.uint8 and pictures.ndim == 4
        RedExtractor.batches.append(pictures)
        return pictures[..., 0].copy()


@pytest.fixture
def config(tmp_path: Path, draw_scene, monkeypatch: pytest.MonkeyPatch) -> FolderConfig:
    """Forty pictures, wide and tall, with a broken one after every fifth; pieces of 20."""
    with_small_pieces(monkeypatch, items=20)
    RedExtractor.batches = []
    fake = SimpleNamespace(Extractor=RedExtractor)
    monkeypatch.setitem(sys.modules, "colorizer.lines.extractor", fake)
    for number in range(40):
        width, height = ((60, 40), (40, 60), (50, 50), (90, 31))[number % 4]
        save(tmp_path / "pictures" / f"{number:02d}.png", draw_scene(number, width, height))
        if number % 5 == 0:
            (tmp_path / "pictures" / f"{number:02d} broken.png").write_bytes(b"")
    config = ten_pictures(tmp_path / "pictures", tmp_path / "made")
    return replace(config, lines="extractor", extractor=tmp_path / "run", samples_per_shard=50)


def test_lines_land_on_their_sample_and_place(config: FolderConfig) -> None:
    report = make_shards(config)
    assert (report.train + report.held_out, dict(report.rejected)) == (40, {"broken": 8})
    assert len(read_rejected(config.output)) == 8
    for _, color, line, sample in samples_of(config.output):
        assert np.array_equal(line, color[..., 0])  # white where the picture is padded
        number = int(sample["source"][:2])
        wide, tall = number % 4 in (0, 3), number % 4 == 1
        assert (line[:3] == 255).all() == wide
        assert (line[:, :3] == 255).all() == tall


def test_characters_get_lines_of_the_network_too(config: FolderConfig) -> None:
    of_network = {"lines": "extractor", "extractor": config.extractor, "extractor_scale": 2}
    drawn = CharactersConfig(output=config.output, count=3, size=64, art="varied", **of_network)
    make_shards(replace(drawn, workers=1))
    samples = list(samples_of(config.output))
    assert len(samples) == 6
    for _, color, line, sample in samples:
        assert sample["lines"]["method"] == "extractor"
        assert np.abs(line.astype(int) - color[..., 0]).max() <= 1  # shrunk in two steps


def test_network_sees_no_edge_where_padding_begins(config: FolderConfig) -> None:
    make_shards(config)
    assert sum(map(len, RedExtractor.batches)) == 40
    for batch in RedExtractor.batches:
        assert 0 < len(batch) <= BATCH and batch.shape[1:] == (48, 48, 3)
        assert not (batch == 255).all(axis=3).any()  # the scenes have no white


def test_larger_drawing_is_shrunk_into_its_place(config: FolderConfig) -> None:
    make_shards(replace(config, extractor_scale=2))
    assert {batch.shape[1:] for batch in RedExtractor.batches} == {(96, 96, 3)}
    for _, color, line, _ in samples_of(config.output):
        assert line.shape == (48, 48)
        assert (line[(color == 255).all(axis=2)] == 255).all()  # padding
        assert np.abs(line.astype(int) - color[..., 0]).mean() < 3


def test_extractor_is_in_the_settings_and_the_metadata(config: FolderConfig) -> None:
    make_shards(config)
    expected = {"method": "extractor", "sha256": RedExtractor.sha256, "scale": 1}
    assert read_index(config.output / "train").settings["lines"] == expected
    assert all(sample["lines"] == expected for _, _, _, sample in samples_of(config.output))
    with pytest.raises(UserError, match="lines was "), pytest.MonkeyPatch.context() as patch:
        patch.setattr(RedExtractor, "sha256", "00" * 32)
        make_shards(config)


def test_drawn_lines_replace_given_ones(config: FolderConfig, tmp_path: Path) -> None:
    flat = np.full((32, 32, 3), (10, 200, 200), np.uint8)
    save(tmp_path / "pairs" / "colour" / "a.png", flat)
    save(tmp_path / "pairs" / "line" / "a.png", flat + 50)
    pairs = PairedConfig(
        folder=tmp_path / "pairs",
        output=tmp_path / "made",
        size=32,
        held_out=0.0,
        lines="extractor",
        extractor=tmp_path / "run",
    )
    make_shards(pairs)
    ((_, _, line, sample),) = samples_of(pairs.output)
    assert (line == 10).all() and sample["lines"]["method"] == "extractor"


def test_stopped_run_draws_the_same_batches(config: FolderConfig, tmp_path: Path) -> None:
    make_shards(replace(config, output=tmp_path / "whole"))
    whole = [batch.tobytes() for batch in RedExtractor.batches]
    RedExtractor.batches = []
    prepared = []

    def stop(how: object, item: object) -> object:
        prepared.append(item)
        if len(prepared) == 30:
            raise KeyboardInterrupt
        return prepare(how, item)

    prepare = pipeline.prepare
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(pipeline, "prepare", stop)
        make_shards(config)
    make_shards(config)
    assert files_of(config.output) == files_of(tmp_path / "whole")
    assert set(whole) == {batch.tobytes() for batch in RedExtractor.batches}


def test_duplicate_is_found_however_it_was_drawn(config: FolderConfig, monkeypatch) -> None:
    """A network's lines may differ in the last digits with the place in a batch."""

    def draw_batch(self: RedExtractor, pictures: np.ndarray) -> np.ndarray:
        return pictures[..., 0] ^ np.arange(len(pictures), dtype=np.uint8)[:, None, None]

    monkeypatch.setattr(RedExtractor, "draw_batch", draw_batch)
    twin = config.folder / "zz.png"
    twin.write_bytes((config.folder / "01.png").read_bytes())
    report = make_shards(config)
    assert report.rejected == {"broken": 8, "duplicate: same bytes": 1}
