"""The loop: what it learns, writes, continues and refuses."""

import gzip
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import cv2
import pytest
import torch

from colorizer.checkpoints import checkpoint
from colorizer.config.augmentation import AugmentConfig
from colorizer.config.losses import LossConfig
from colorizer.config.networks import GeneratorConfig
from colorizer.config.presets import PRESETS
from colorizer.config.run import OptimizerConfig
from colorizer.making.config import CharactersConfig
from colorizer.making.pipeline import make_shards
from colorizer.system.errors import UserError
from colorizer.training.colorization import Colorization
from colorizer.training.train import train
from colorizer.training.trainer import Trainer
from tests.helpers.runs import metrics_of, tensors_of


def _same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


FILES = ("generator", "average", "discriminator", "generator_optimizer", "discriminator_optimizer")


@pytest.mark.parametrize("preset", ["demo", "extractor-demo"])
def test_a_run_stopped_and_continued_is_the_run_it_would_have_been(tiny, preset):
    whole = tiny(preset, output="whole", steps=3)
    train(whole)
    parts = tiny(preset, output="parts", steps=1)
    train(parts)
    train(replace(parts, steps=3))
    for name in FILES:
        assert _same(tensors_of(whole, 3, name), tensors_of(parts, 3, name)), name
    keys = ("step", *(f"loss/{name}" for name in ("l1", "adversarial", "discriminator")))
    assert [[m[k] for k in keys] for m in metrics_of(parts)] == [
        [m[k] for k in keys] for m in metrics_of(whole)
    ]


@pytest.mark.parametrize(
    "preset",
    [
        pytest.param(name, marks=[] if name.endswith("demo") else pytest.mark.slow)
        for name in PRESETS
    ],
)
def test_every_preset_trains_and_every_loss_is_reported(tiny, preset):
    config = tiny(preset, steps=2)
    train(config)
    losses = {"loss/l1", "loss/adversarial", "loss/discriminator"}
    if preset in ("scft", "scft-ca"):
        losses.add("loss/triplet")
    if preset in ("ours", "demo", "few"):
        losses.add("loss/copying")
    networks = ("generator", "discriminator")
    others = {f"{figure}/{name}" for figure in ("gradient", "learning-rate") for name in networks}
    others |= {"step", "images_per_second", "waiting", "memory/host_gb"}
    assert [set(m) for m in metrics_of(config)] == [losses | others] * 2


@pytest.mark.slow
def test_vgg_losses_train_with_weights_from_a_file(tiny, vgg_file):
    loss = LossConfig(vgg_weights=vgg_file)
    config = tiny(steps=1, batch_size=2, loss=loss)
    train(config)
    assert {"loss/perceptual", "loss/style"} <= set(metrics_of(config)[0])


def test_vgg_weights_that_are_not_there_are_one_sentence_before_anything_is_written(tiny, tmp_path):
    config = tiny(loss=LossConfig(vgg_weights=tmp_path / "none.safetensors"))
    with pytest.raises(UserError, match="no such VGG-19 file"):
        train(config)
    assert not config.output.exists()


@pytest.mark.slow
def test_it_learns(tiny):
    loss = LossConfig(perceptual=0.0, style=0.0, adversarial=0.0)
    config = tiny(steps=30, loss=loss, optimizer=OptimizerConfig(generator_lr=5e-3))
    train(config)
    l1 = [m["loss/l1"] for m in metrics_of(config)]
    assert sum(l1[-5:]) < 0.8 * sum(l1[:5])


@pytest.mark.slow
def test_accumulation_makes_steps_of_the_same_samples(tiny):
    whole, parts = (tiny(output=str(k), steps=2, accumulate=k, log_samples=True) for k in (1, 2))
    for config in (whole, parts):
        train(config)
    logs = [(c.output / "order" / "rank-0.jsonl").read_text() for c in (whole, parts)]
    assert logs[0] == logs[1]
    samples = [json.loads(line) for line in logs[0].splitlines()]
    assert [(s["step"], s["n"]) for s in samples] == [(1 + n // 4, n) for n in range(8)]
    assert len({s["augmentation"] for s in samples}) == 8
    assert len(metrics_of(parts)) == 2  # a step is an update, not a batch


@pytest.mark.slow
@pytest.mark.curves
def test_what_a_run_writes(tiny):
    config = tiny(steps=4, sample_every=2, checkpoint_every=1, keep_checkpoints=2, sample_count=3)
    train(config)
    assert sorted(p.name for p in (config.output / "checkpoints").iterdir()) == [
        "step-00000003",
        "step-00000004",
    ]
    grid = cv2.imread(str(config.output / "samples" / "step-00000004.png"))
    assert grid.shape == (
        22 + 3 * 132,
        4 * 132 - 4,
        3,
    )  # three rows of four 64-pixel pictures, twice
    curves = cv2.imread(str(config.output / "curves.png"))
    assert curves.shape[1] == 1200 and curves.std() > 1
    log = (config.output / "log.txt").read_text()
    assert "INFO: precision  float32" in log
    saved = json.loads((config.output / "config.json").read_text())
    assert saved["steps"] == 4 and saved["network"]["width"] == 0.125


@pytest.mark.slow
def test_a_profile_of_a_run_has_its_steps(tiny):
    config = tiny(steps=9, profile=2, log_every=9)
    train(config)
    (path,) = (config.output / "profile").iterdir()
    blocks = {
        event.get("name") for event in json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]
    }
    assert path.name == "rank-0-step-6.json.gz" and {"step 6", "step 7"} <= blocks


def test_a_finished_run_is_left_alone(trained, capsys):
    config = trained
    before = sorted((p, p.stat().st_mtime_ns) for p in config.output.rglob("*"))
    train(config)
    assert "is complete at step 2" in capsys.readouterr().out
    assert sorted((p, p.stat().st_mtime_ns) for p in config.output.rglob("*")) == before


def test_dry_run_prints_the_run_and_builds_nothing(tiny, capsys):
    config = tiny(dry_run=True, batch_size=6, accumulate=3)
    train(config)
    shown = capsys.readouterr().out
    assert "6 pictures = 2 x 3 added up" in shown
    assert '"width": 0.125' in shown
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


def test_a_damaged_newest_checkpoint_is_set_aside_and_the_one_before_continues(trained, capsys):
    config = trained
    wanted = tensors_of(config, 2, "generator")
    path = config.output / "checkpoints" / "step-00000002" / "generator.safetensors"
    data = bytearray(path.read_bytes())
    data[-3] ^= 4
    path.write_bytes(data)
    train(config)
    output = capsys.readouterr()
    assert "Continuing" in output.out and "from step 1" in output.out
    assert "damaged" in output.err and "step-00000002.damaged" in output.err
    assert _same(tensors_of(config, 2, "generator"), wanted)
    assert [m["step"] for m in metrics_of(config)] == [1, 2]


def test_a_log_with_a_damaged_line_does_not_keep_a_run_from_going_on(trained, capsys):
    config = trained
    log = config.output / "metrics.jsonl"
    log.write_bytes(log.read_bytes() + b'{"step": 2, \xff\x00')  # a power cut
    train(replace(config, steps=3))
    assert "a damaged line is dropped" in capsys.readouterr().err
    assert [m["step"] for m in metrics_of(config)] == [1, 2, 3]


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_a_request_to_stop_saves_the_step_and_the_same_command_continues(
    tiny, capsys, monkeypatch, number
):
    config = tiny(steps=50, checkpoint_every=1000)
    log = Trainer._log

    def interrupt(trainer):
        if trainer.step == 3:
            os.kill(os.getpid(), number)
        return log(trainer)

    monkeypatch.setattr(Trainer, "_log", interrupt)
    handler = signal.getsignal(number)
    train(config)
    assert signal.getsignal(number) == handler
    assert "Stopped and saved at step 4" in capsys.readouterr().out
    assert (config.output / "checkpoints" / "step-00000004").is_dir()
    train(replace(config, steps=5))
    assert "from step 4" in capsys.readouterr().out
    assert "Stopped and saved at step 4" in (config.output / "log.txt").read_text()


def test_settings_that_cannot_run_are_refused_before_anything_is_built(tiny):
    for changes, words in [
        ({"batch_size": 5, "accumulate": 2}, "--batch-size is 5; give a multiple of 2"),
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
    config = tiny(steps=1)
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
    config = tiny(steps=1)
    train(config)
    (config.output / "checkpoints" / "step-00000001" / "state.json").unlink()
    with pytest.raises(UserError, match="no checkpoint is intact"):
        train(replace(config, steps=2))
    assert len(metrics_of(config)) == 1


@pytest.mark.slow
def test_bf16_trains(tiny):
    config = tiny(mixed_precision="bf16")
    train(config)
    assert len(metrics_of(config)) == 3
    assert all(t.dtype != torch.bfloat16 for t in tensors_of(config, 3, "generator").values())


def test_a_checkpoint_is_read_for_its_checksum_once(trained, monkeypatch):
    hashed = []
    sha256_of = checkpoint.sha256_of
    monkeypatch.setattr(checkpoint, "sha256_of", lambda p: hashed.append(p.name) or sha256_of(p))
    train(replace(trained, steps=3, checkpoint_every=9))
    assert sorted(hashed) == sorted(f"{name}.safetensors" for name in FILES)


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


def test_other_shards_under_the_same_run_are_refused(trained, tmp_path):
    make_shards(CharactersConfig(output=tmp_path / "other", count=4, size=64, seed=9, workers=1))
    with pytest.raises(UserError, match="other shards"):
        train(replace(trained, data=(tmp_path / "other",), steps=3))
