"""Runs on a GPU that are saved and continued."""

import json
from dataclasses import replace

import pytest
import torch

from colorizer.checkpoints import checkpoint
from colorizer.training.train import train
from tests.helpers.steps import build


def _losses(config):
    lines = (config.output / "metrics.jsonl").read_text().splitlines()
    named = ({k: v for k, v in json.loads(line).items() if "l1" in k} for line in lines)
    return list(named)


@pytest.mark.parametrize("precision", ["no", "bf16", "fp16"])
def test_a_continued_run_learns_what_an_undisturbed_one_does(tiny, precision):
    small = {"mixed_precision": precision, "workers": 1}
    train(tiny("attention-aware", output="stopped", steps=3, **small))
    train(stopped := tiny("attention-aware", output="stopped", steps=6, **small))
    train(whole := tiny("attention-aware", output="whole", steps=6, **small))
    assert len(_losses(stopped)) == 6
    for found, wanted in zip(_losses(stopped), _losses(whole), strict=True):
        assert found == pytest.approx(wanted, rel=1e-2)  # some kernels add in any order


def test_what_is_saved_from_the_gpu_is_put_back_to_the_bit(tiny):
    config = tiny("attention-aware", steps=2)
    config = replace(config, optimizer=replace(config.optimizer, ema_decay=0.9))
    train(config)
    newest = checkpoint.newest_intact(config.output / "checkpoints")
    names = [name.removesuffix(".safetensors") for name in newest.state.files]
    saved = {name: checkpoint.read(newest.path, name) for name in names}
    assert "average" in saved and "discriminator_optimizer" in saved
    task = build(config)
    task.load_state(saved, newest.state.step)
    for name, tensors in task.state().items():
        for key, tensor in tensors.items():
            assert tensor.device.type == "cuda", (name, key)
            assert torch.equal(tensor.cpu(), saved[name][key]), (name, key)
    weight = task.generator.network.decoder.second[0][0].weight
    moment = task.generator.optimizer.optimizer.state[weight]["exp_avg"]
    assert moment.stride() == weight.stride()  # fused Adam takes that for granted


def test_the_scale_of_fp16_goes_on(tiny):
    """It counts the updates since its last change, and doubles after 2,000."""
    small = {"mixed_precision": "fp16"}
    train(tiny("attention-aware", output="stopped", steps=3, **small))
    train(stopped := tiny("attention-aware", output="stopped", steps=6, **small))
    train(whole := tiny("attention-aware", output="whole", steps=6, **small))
    found, wanted = (
        checkpoint.newest_intact(config.output / "checkpoints").state.scaler
        for config in (stopped, whole)
    )
    assert wanted["_growth_tracker"] > 3 or wanted["scale"] < 2**16
    assert (found["scale"], found["_growth_tracker"]) == (
        wanted["scale"],
        wanted["_growth_tracker"],
    )
