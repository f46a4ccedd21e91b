"""The loop: what it learns and writes."""

import gzip
import json

import cv2
import pytest
import torch

from colorizer.config.losses import LossConfig
from colorizer.config.presets import PRESETS
from colorizer.config.run import OptimizerConfig
from colorizer.training.train import train
from tests.helpers.runs import metrics_of, tensors_of


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
        losses |= {"loss/copying", "loss/place"}
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


def test_dry_run_prints_the_run_and_builds_nothing(tiny, capsys):
    config = tiny(dry_run=True, batch_size=6, accumulate=3)
    train(config)
    shown = capsys.readouterr().out
    assert "6 pictures = 2 x 3 added up" in shown
    assert '"width": 0.125' in shown
    assert not config.output.exists()


@pytest.mark.slow
def test_bf16_trains(tiny):
    config = tiny(mixed_precision="bf16")
    train(config)
    assert len(metrics_of(config)) == 3
    assert all(t.dtype != torch.bfloat16 for t in tensors_of(config, 3, "generator").values())
