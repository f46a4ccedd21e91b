"""The loop: what it refuses, and the sentence that it says."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from colorizer.config.augmentation import AugmentConfig
from colorizer.config.losses import LossConfig
from colorizer.config.networks import GeneratorConfig
from colorizer.config.run import OptimizerConfig
from colorizer.making.config import CharactersConfig
from colorizer.making.pipeline import make_shards
from colorizer.system.errors import UserError
from colorizer.training.colorization import Colorization
from colorizer.training.train import train
from tests.helpers.runs import metrics_of


def test_vgg_weights_that_are_not_there_are_one_sentence_before_anything_is_written(tiny, tmp_path):
    config = tiny(loss=LossConfig(vgg_weights=tmp_path / "none.safetensors"))
    with pytest.raises(UserError, match="no such VGG-19 file"):
        train(config)
    assert not config.output.exists()


def test_another_configuration_is_refused_with_the_difference(trained):
    config = trained
    other = replace(
        config, network=replace(config.network, attention="scft"), augment=AugmentConfig(hue=0.1)
    )
    with pytest.raises(UserError) as error:
        train(replace(other, steps=3))
    assert "network.attention was none, is now scft" in str(error.value)
    assert "augment.hue was 0.0, is now 0.1" in str(error.value)
    assert json.loads((config.output / "config.json").read_text())["augment"]["hue"] == 0.0


def test_settings_that_cannot_run_are_refused_before_anything_is_built(tiny):
    for changes, words in [
        ({"batch_size": 1, "accumulate": 2}, "--batch-size is 1; give at least 2, a picture for"),
        ({"at_once": 2, "accumulate": 2}, "--accumulate and --at-once say the same; give one"),
        ({"batch_size": 6, "lanes": 4}, "--lanes is 4; give a multiple or a divisor of --batch-s"),
        ({"accumulate": 0}, "--accumulate is 0"),
        ({"log_every": 0}, "--log-every is 0; it must be at least 1"),
        ({"seed": -1}, "--seed is -1"),
        ({"timeout": float("inf")}, "--timeout is inf; it must be from 1 to"),
        ({"optimizer": OptimizerConfig(float("inf"))}, "generator-lr is inf; it must be finite"),
        ({"sample_every": -1}, "--sample-every is -1"),
        ({"network": GeneratorConfig(width=float("nan"))}, "--network.width is nan"),
        ({"network": GeneratorConfig(residual_blocks=-1)}, "--network.residual-blocks is -1"),
        ({"loss": LossConfig(l1=-5.0)}, "--loss.l1 is -5"),
        ({"loss": LossConfig(0.0, 0.0, 0.0, 0.0, 0.0)}, "every --loss is 0"),
        ({"loss": LossConfig(copying=1.0)}, "give --network.copying as well"),
        ({"network": GeneratorConfig("none")}, "none takes nothing from the reference"),
        (
            {
                "network": GeneratorConfig("none", copying=True),
                "loss": LossConfig(triplet=1.0, perceptual=0.0, style=0.0),
            },
            "--network.attention is none; set --loss.triplet 0",
        ),
        ({"optimizer": OptimizerConfig(betas=(0.5, 1.0))}, "--optimizer.betas is 1"),
        ({"augment": AugmentConfig(flip=2.0)}, "--augment.flip is 2"),
        ({"log_with": ("nonesuch",)}, "--log-with nonesuch"),
        ({"network": GeneratorConfig(stages=8)}, "multiple of 128"),
        ({"mixed_precision": "fp16"}, "needs a GPU"),
    ]:
        config = tiny("attention-aware", **changes)
        with pytest.raises(UserError, match=words):
            train(config)
        assert not config.output.exists()


def test_missing_shards_are_refused(tiny, tmp_path, character_shards):
    with pytest.raises(UserError, match="nowhere"):
        train(tiny(data=(tmp_path / "nowhere",)))
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "train").symlink_to(character_shards / "train")
    with pytest.raises(UserError, match="half/held-out"):
        train(tiny(data=(tmp_path / "half",)))
    assert not (tmp_path / "run").exists()


def test_an_output_that_cannot_be_a_folder_is_refused_before_weights_are_looked_for(tiny, tmp_path):
    (tmp_path / "run").touch()
    with pytest.raises(UserError, match="run is a file"):
        train(tiny(loss=LossConfig(vgg_weights=tmp_path / "none.safetensors")))


def test_a_second_training_in_the_same_folder_is_refused(tiny):
    config = tiny("extractor-demo", steps=1)
    config.output.mkdir()
    hold = (
        "import fcntl, sys; file = open(sys.argv[1], 'w'); fcntl.lockf(file, fcntl.LOCK_EX);"
        " print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", hold, str(config.output / ".lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(UserError, match="another process is training"):
            train(config)
        other.communicate()
    train(config)


def test_a_run_whose_checkpoints_are_all_damaged_is_not_started_anew(tiny):
    config = tiny("extractor-demo", steps=1)
    train(config)
    (config.output / "checkpoints" / "step-00000001" / "state.json").unlink()
    with pytest.raises(UserError, match="no checkpoint is intact"):
        train(replace(config, steps=2))
    assert len(metrics_of(config)) == 1


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a"),
            "2.00",
        ),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you"), "you"),
        (MemoryError(), "out of memory"),
    ],
)
def test_full_memory_is_a_sentence_that_says_what_needs_less(tiny, monkeypatch, error, words):
    def full(self, pictures):
        raise error

    monkeypatch.setattr(Colorization, "generate", full)
    with pytest.raises(
        UserError, match=r"memory is full .*--accumulate 2 .* or --recompute"
    ) as said:
        train(tiny())
    assert words in str(said.value) and "GPU 0" not in str(said.value)


def test_other_errors_are_not_taken_for_full_memory(tiny, monkeypatch):
    def broken(self, pictures):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(Colorization, "generate", broken)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        train(tiny())


def test_other_shards_under_the_same_run_are_refused(trained_extractor, tmp_path):
    make_shards(CharactersConfig(output=tmp_path / "other", count=4, size=64, seed=9, workers=1))
    with pytest.raises(UserError, match="other shards"):
        train(replace(trained_extractor, data=(tmp_path / "other",), steps=3))
