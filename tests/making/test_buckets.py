"""`--fit buckets`: pictures of several shapes in one set, each shard of one shape."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from colorizer.commands.make_shards import print_report
from colorizer.lines.xdog import XDoG
from colorizer.making import extractor_drawing
from colorizer.making.checks import check
from colorizer.making.config import CharactersConfig, FolderConfig, PairedConfig
from colorizer.making.extractor_drawing import ExtractorDrawer
from colorizer.making.line_methods import ExtractorLines, Fitted, XDoGLines
from colorizer.making.pipeline import make_shards
from colorizer.pictures.grid import LABEL, MIN_CELL
from colorizer.shards.encoding import decode_line
from colorizer.shards.index import read_index
from colorizer.shards.reader import ShardReader
from colorizer.shards.writer import ShardWriter
from colorizer.system.errors import UserError
from tests.helpers.making import (
    files_of,
    noise,
    samples_of,
    save,
    with_small_pieces,
    without_workers,
)

SIZES = ((60, 40), (40, 60), (50, 50), (120, 45), (90, 70), (300, 30))
SHAPES = ((24, 40), (40, 24), (32, 32), (20, 52), (28, 36), (20, 56))  # of 32, nearest to these


@pytest.fixture
def config(tmp_path: Path, draw_scene, monkeypatch: pytest.MonkeyPatch) -> FolderConfig:
    """Thirty pictures of six shapes, into shards of three, prepared in this process."""
    with_small_pieces(monkeypatch)
    for number in range(30):
        save(tmp_path / "pictures" / f"{number:02d}.png", draw_scene(number, *SIZES[number % 6]))
    return FolderConfig(
        folder=tmp_path / "pictures",
        output=tmp_path / "made",
        size=32,
        fit="buckets",
        held_out=0.2,
        samples_per_shard=3,
        workers=1,
    )


def test_each_picture_gets_its_bucket_and_each_shard_has_one_shape(config, capsys) -> None:
    report = make_shards(config)
    found = set()
    for _, color, line, sample in samples_of(config.output):
        wanted = SHAPES[int(sample["source"][:2]) % 6]
        assert color.shape == (*wanted, 3) and line.shape == wanted
        found.add(wanted)
    assert found == set(SHAPES)
    index = read_index(config.output / "train")
    assert index.size == 32 and set(index.shapes) <= set(SHAPES)
    reader, place = ShardReader(config.output / "train"), 0
    for shard in index.shards:
        for _ in range(shard.samples):
            assert reader[place].line.shape == reader.color(place)[1].shape[:2] == shard.shape
            place += 1
    per_shape = Counter(shard.shape for shard in index.shards)
    samples = Counter(reader[n].line.shape for n in range(len(reader)))
    assert all(per_shape[shape] == -(-samples[shape] // 3) for shape in samples)  # few shards
    print_report(report)
    assert "5 of 40x24" in capsys.readouterr().out


def test_the_middle_is_shown_neither_padded_nor_stretched(config, tmp_path) -> None:
    """Of 96×48 the bucket of 44×24 shows 88 columns."""
    picture = np.zeros((48, 96, 3), np.uint8)
    picture[:, 4:92] = (10, 200, 30)
    cv2.circle(picture, (48, 24), 12, (250, 250, 250), -1)
    save(tmp_path / "one" / "a.png", picture)
    make_shards(replace(config, folder=tmp_path / "one", held_out=0.0))
    ((_, color, _, _),) = samples_of(config.output)
    assert color.shape == (24, 44, 3)
    assert (color[0] == (10, 200, 30)).all()
    disc = (color[..., 0] > 130).nonzero()
    rows, columns = (places.max() - places.min() + 1 for places in disc)
    assert rows == columns == 12


def test_a_given_line_is_cropped_alike(tmp_path, monkeypatch) -> None:
    without_workers(monkeypatch)
    picture = noise(0, 40, 16)
    picture = picture.repeat(6, 0).repeat(6, 1)
    save(tmp_path / "pairs" / "colour" / "a.png", picture)
    save(tmp_path / "pairs" / "line" / "a.png", picture)
    config = PairedConfig(
        folder=tmp_path / "pairs",
        output=tmp_path / "made",
        size=32,
        fit="buckets",
        held_out=0,
        workers=1,
    )
    make_shards(config)
    ((_, color, line, _),) = samples_of(config.output)
    assert line.shape == (20, 52)
    grey = cv2.cvtColor(color, cv2.COLOR_RGB2GRAY).astype(int)
    assert np.abs(grey - line).mean() < 2


def test_a_stopped_run_ends_with_the_same_bytes(config, tmp_path) -> None:
    make_shards(replace(config, output=tmp_path / "whole"))
    write, written = ShardWriter.write_encoded, []

    def stop(self, *arguments: object) -> None:
        if len(written) == 14:
            raise KeyboardInterrupt
        written.append(arguments)
        write(self, *arguments)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(ShardWriter, "write_encoded", stop)
        make_shards(config)
    left = [path.name for path in (config.output / "train").iterdir()]
    assert sum(name.endswith(".partial") for name in left) > 1
    assert "index.json" not in left
    make_shards(config)
    assert files_of(config.output) == files_of(tmp_path / "whole")


@pytest.mark.slow
def test_workers_change_nothing(config, tmp_path, monkeypatch) -> None:
    make_shards(config)
    monkeypatch.undo()
    make_shards(replace(config, output=tmp_path / "again", workers=2))
    assert files_of(config.output) == files_of(tmp_path / "again")


def test_drawn_characters_stay_square(tmp_path, monkeypatch) -> None:
    without_workers(monkeypatch)
    config = CharactersConfig(output=tmp_path / "made", count=3, size=32, fit="buckets", workers=1)
    make_shards(config)
    assert read_index(tmp_path / "made" / "train").shapes == ((32, 32),)


def test_lines_are_as_thick_in_every_bucket() -> None:
    """XDoG's sigma is of the longer side, which differs."""
    inked = []
    for shape in ((128, 128), (80, 208), (208, 80)):
        picture = np.full((*shape, 3), 200, np.uint8)
        picture[:, shape[1] // 2 :] = 60
        line = XDoGLines(XDoG()).line_of(Fitted(picture, None, *reversed(shape), shape))
        inked.append((255 - decode_line(line).astype(float)).sum(1).mean())
    assert max(inked) < 1.05 * min(inked)


def test_an_extractor_draws_each_shape_by_itself(config, monkeypatch) -> None:
    class Red:
        sha256 = "5e" * 32

        def draw_batch(self, pictures: np.ndarray) -> np.ndarray:
            return pictures[..., 0].copy()

    def start(drawer: ExtractorDrawer, checkpoint: Path, scale: int, rank: int) -> None:
        drawer._extractor, drawer.lines = Red(), ExtractorLines(Red.sha256, scale)

    monkeypatch.setattr(extractor_drawing.ExtractorDrawer, "__init__", start)
    make_shards(replace(config, lines="extractor", extractor=Path("run"), extractor_scale=2))
    seen = 0
    for _, color, line, _ in samples_of(config.output):
        assert line.shape == color.shape[:2]
        assert np.abs(line.astype(int) - color[..., 0]).mean() < 6
        seen += 1
    assert seen == 30


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (100, "--size is 100; --fit buckets needs a multiple of 8, as 96 or 104."),
        (8192, "--size is 8192, and its widest bucket is 14336 pixels wide, more than 10000"),
    ],
)
def test_a_size_without_buckets_is_refused(config, size, words) -> None:
    with pytest.raises(UserError) as refused:
        make_shards(replace(config, size=size))
    assert words in str(refused.value)
    assert not config.output.exists()


def test_sides_that_the_discriminator_does_not_take_are_said_before_the_work(config, capsys):
    for size in (64, 104):
        check(replace(config, size=size))
    check(CharactersConfig(output=config.output, size=64, fit="buckets"))
    said = " ".join(capsys.readouterr().err.split())
    words = (
        "warning: --size 64 --fit buckets can make sides of 40 pixels, and the discriminator needs"
        " 64: give --size 104 or more, or --fit pad, or train with --loss.adversarial 0."
    )
    assert words in said and said.count("discriminator") == 1
    assert not config.output.exists()


# ---- The index


def test_a_shape_that_is_not_the_pictures_is_a_sentence(config) -> None:
    make_shards(config)
    path = config.output / "train" / "index.json"
    index = json.loads(path.read_bytes())
    rows, columns = index["shards"][0]["shape"]
    index["shards"][0]["shape"] = [32, 64]
    path.write_text(json.dumps(index))
    with pytest.raises(UserError) as refused:
        ShardReader(path.parent)[0]
    assert f"cannot be read (a picture is {columns}x{rows}, not 64x32)" in str(refused.value)


@pytest.mark.parametrize("shape", [[32], [32, 0], [32, "32"], [32, 10_001], {"height": 32}, None])
def test_a_shape_that_is_none_is_a_sentence(config, shape) -> None:
    make_shards(config)
    path = config.output / "train" / "index.json"
    index = json.loads(path.read_bytes())
    index["shards"][0]["shape"] = shape
    path.write_text(json.dumps(index))
    with pytest.raises(UserError, match=r"index.json is damaged \(shape is "):
        read_index(path.parent)


def test_shards_without_a_shape_are_squares(shard_folder) -> None:
    """As sets that were made before there were buckets."""
    path = shard_folder / "index.json"
    index = json.loads(path.read_bytes())
    for shard in index["shards"]:
        assert shard.pop("shape") == [32, 32]
    path.write_text(json.dumps(index))
    assert read_index(shard_folder).shapes == ((32, 32),)
    assert ShardReader(shard_folder)[9].line.shape == (32, 32)


def test_the_preview_stretches_nothing(config, tmp_path) -> None:
    for number, size in enumerate(((90, 40), (40, 90), (50, 50))):
        save(tmp_path / "flat" / f"{number}.png", np.full((*size, 3), 60, np.uint8))
    make_shards(replace(config, folder=tmp_path / "flat", held_out=0.0))
    with Image.open(config.output / "preview.png") as preview:
        dark = np.asarray(preview.convert("L"))[LABEL:] == 60
    scale, pixels = -(-MIN_CELL // 48), 48 * 20 + 48 * 20 + 32 * 32  # the widest is 48
    assert dark.sum() == scale**2 * pixels
