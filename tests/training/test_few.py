"""The preset for a few drawings of one's own: what it starts from, and how it ends."""

import shutil
from dataclasses import replace

import pytest

from colorizer.checkpoints.generator_file import find_generator
from colorizer.config.networks import GeneratorConfig
from colorizer.config.presets import demo, few
from colorizer.config.shipped import SHIPPED
from colorizer.shards.writer import ShardWriter
from colorizer.system.errors import UserError
from colorizer.training.train import train
from tests.helpers.runs import metrics_of
from tests.helpers.shipping import ship, ship_into

SMALL = {"steps": 3, "batch_size": 4, "workers": 0, "evaluate_every": 1, "evaluate_count": 2}


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """What the package ships is an untrained network of the preset's kind."""
    folder = ship_into(tmp_path / "shipped", monkeypatch)
    ship(folder, few().network)
    return folder


@pytest.fixture
def flat_shards(tmp_path, draw_scene):
    """Eight scenes to train on and two held out, none of a group."""
    for split, numbers in (("train", range(8)), ("held-out", range(8, 10))):
        with ShardWriter(tmp_path / "flat" / split, 32, 4, {}) as writer:
            for number in numbers:
                scene = draw_scene(number, 32, 32)
                writer.write(f"scene-{number}", scene, scene[..., 0], {})
    return tmp_path / "flat"


@pytest.mark.slow
def test_it_starts_from_the_shipped_colorizer(shipped, character_shards, tmp_path, capsys):
    train(config := replace(few(character_shards, tmp_path / "run"), **SMALL))
    said = " ".join(capsys.readouterr().out.split())
    assert f"starts from {shipped}/colorizer.safetensors, step 7" in said
    assert "references 40% another picture of the group" in said
    looks = [line["step"] for line in metrics_of(config) if "held-out/cross/psnr" in line]
    assert looks == [0, 1, 2, 3]
    assert (config.output / "best").is_dir()


def test_it_has_the_network_that_the_demo_trains():
    assert (few().network, few().loss) == (demo().network, demo().loss)


def test_it_starts_from_a_file_or_from_nothing_if_that_is_asked_for(
    shipped, character_shards, tmp_path, capsys
):
    config = replace(few(character_shards, tmp_path / "run"), **SMALL, dry_run=True)
    mine = tmp_path / "mine.safetensors"
    shutil.copy(shipped / "colorizer.safetensors", mine)
    shutil.rmtree(shipped)
    for start_from, words in ((mine, f"starts from {mine}"), (None, "")):
        train(replace(config, start_from=start_from))
        said = " ".join(capsys.readouterr().out.split())
        assert words in said and ("starts from" in said) == bool(words)
    with pytest.raises(UserError, match="comes without a trained colorizer"):
        train(config)


def test_drawings_without_groups_will_do(shipped, flat_shards, tmp_path, capsys):
    train(config := replace(few(flat_shards, tmp_path / "run"), **(SMALL | {"steps": 1})))
    said = " ".join(capsys.readouterr().out.split())
    assert "references each picture itself, as no two belong to one group" in said
    looks = [line for line in metrics_of(config) if "held-out/self/psnr" in line]
    assert [look["step"] for look in looks] == [0, 1]


def test_it_ends_by_itself_when_it_gains_no_more(shipped, flat_shards, tmp_path):
    config = replace(few(flat_shards, tmp_path / "run"), **(SMALL | {"steps": 60}))
    assert config.patience > 0
    config = replace(config, patience=3, optimizer=replace(config.optimizer, generator_lr=0.0))
    assert train(config)
    steps = max(line["step"] for line in metrics_of(config))
    assert config.patience <= steps < 60
    assert (config.output / "best").is_dir()


def test_the_shipped_colorizer_fits():
    assert find_generator(SHIPPED, GeneratorConfig).network == few().network
