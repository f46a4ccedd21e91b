"""The loop: a run that was stopped or damaged goes on, and a finished one is left alone."""

import os
import signal
from dataclasses import replace

import pytest
import torch

from colorizer.checkpoints import checkpoint
from colorizer.training.train import train
from colorizer.training.trainer import Trainer
from tests.helpers.runs import metrics_of, tensors_of

FILES = ("generator", "average", "discriminator", "generator_optimizer", "discriminator_optimizer")


def _same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


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


def test_a_finished_run_is_left_alone(trained, capsys):
    config = trained
    before = sorted((p, p.stat().st_mtime_ns) for p in config.output.rglob("*"))
    train(config)
    assert "is complete at step 2" in capsys.readouterr().out
    assert sorted((p, p.stat().st_mtime_ns) for p in config.output.rglob("*")) == before


def test_a_damaged_newest_checkpoint_is_set_aside_and_the_one_before_continues(
    trained_extractor, capsys
):
    config = trained_extractor
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


def test_a_log_with_a_damaged_line_does_not_keep_a_run_from_going_on(trained_extractor, capsys):
    config = trained_extractor
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
    config = tiny("extractor-demo", steps=50, checkpoint_every=1000)
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


def test_a_checkpoint_is_read_for_its_checksum_once(trained_extractor, monkeypatch):
    hashed = []
    sha256_of = checkpoint.sha256_of
    monkeypatch.setattr(checkpoint, "sha256_of", lambda p: hashed.append(p.name) or sha256_of(p))
    train(replace(trained_extractor, steps=3, checkpoint_every=9))
    assert sorted(hashed) == sorted(f"{name}.safetensors" for name in FILES)
