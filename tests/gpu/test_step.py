"""A training step on a GPU: its precisions and switches, and that the host does not wait for it."""

import math
from dataclasses import replace

import pytest
import torch

from colorizer.config.augmentation import AugmentConfig
from colorizer.config.networks import GeneratorConfig
from colorizer.loading.dataset import TrainingData
from colorizer.loading.loader import load_batches
from colorizer.loading.order import BatchNumbers
from tests.helpers.steps import (
    METHODS,
    augmented,
    build,
    first_step,
    moved_alike,
    start_of,
    step_of,
    torch_is_warm,
)


@pytest.mark.parametrize("preset", METHODS)
def test_float32_is_the_cpus(with_vgg, batch, monkeypatch, exact, preset):
    config = with_vgg(preset, mixed_precision="no")
    found = first_step(config, batch)
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    task = build(config)
    assert task.accelerator.device.type == "cpu"
    before = start_of(task)
    wanted = step_of(task, batch)
    assert found.losses == pytest.approx(wanted.losses, rel=1e-3)
    assert found.norms == pytest.approx(wanted.norms, rel=1e-2)
    assert moved_alike(found, wanted, before) > 0.95


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("preset", METHODS)
def test_half_precision_is_finite_and_near_float32(with_vgg, batch, preset, precision):
    task = build(with_vgg(preset, mixed_precision=precision))
    assert str(task.accelerator.mixed_precision) == precision
    before = start_of(task)
    found = step_of(task, batch)
    wanted = first_step(with_vgg(preset, mixed_precision="no"), batch)
    assert all(map(math.isfinite, found.losses.values()))
    assert found.losses == pytest.approx(wanted.losses, rel=0.05)
    assert found.losses != wanted.losses  # else it was float32
    assert all(w.isfinite().all() for w in found.weights.values())
    if precision == "bf16":  # fp16's first steps are often left out, until its scale has fallen
        assert found.norms == pytest.approx(wanted.norms, rel=0.25)
        assert moved_alike(found, wanted, before) > 0.6


@pytest.mark.parametrize("preset", ["attention-aware", "scft"])
def test_recomputing_gives_the_same_step(with_vgg, batch, exact, preset):
    plain, other = (
        first_step(with_vgg(preset, mixed_precision="no", recompute=recompute), batch)
        for recompute in (False, True)
    )
    assert other.losses == pytest.approx(plain.losses, rel=1e-5)
    assert other.norms == pytest.approx(plain.norms, rel=1e-3)  # some kernels add in any order


def test_recomputing_takes_less_memory(with_vgg, batch):
    peaks = []
    for recompute in (False, True):
        network = GeneratorConfig(width=0.5, residual_blocks=1)
        task = build(with_vgg("attention-aware", network=network, recompute=recompute))
        torch_is_warm(task, batch)
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        task.step(augmented(task, batch))
        torch.cuda.synchronize()
        peaks.append(torch.cuda.max_memory_allocated() - before)
        del task
    assert peaks[1] < 0.8 * peaks[0]


def test_compiled_kernels_give_nearly_the_same_step(with_vgg, batch, exact):
    small = GeneratorConfig(width=0.125, stages=3, residual_blocks=1)
    plain, other = (
        first_step(
            with_vgg("attention-aware", network=small, mixed_precision="no", compile=compiled),
            batch,
        )
        for compiled in (False, True)
    )
    assert other.losses == pytest.approx(plain.losses, rel=1e-3)
    assert other.norms == pytest.approx(plain.norms, rel=1e-2)


@pytest.mark.parametrize("precision", ["no", "bf16", "fp16"])
@pytest.mark.parametrize("preset", ["attention-aware", "scft"])
@pytest.mark.parametrize("not_finite", ["stop", "skip"])
def test_no_operation_makes_the_host_wait(with_vgg, batch, preset, precision, not_finite):
    full = AugmentConfig("grid", flip=0.5, hue=0.5, saturation=0.5, brightness=0.5)
    config = with_vgg(preset, mixed_precision=precision, not_finite=not_finite)
    task = build(replace(config, augment=full))
    torch_is_warm(task, batch)
    batch = augmented(task, batch)
    torch.cuda.set_sync_debug_mode("error")
    try:
        task.step(batch)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_a_wait_would_be_noticed():
    """What the test before relies on."""
    value = torch.ones((), device="cuda")
    torch.cuda.set_sync_debug_mode("error")
    try:
        with pytest.raises(RuntimeError, match="synchronizing"):
            value.item()
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_batches_come_in_pinned_memory(character_shards):
    data = TrainingData([character_shards / "train"], 0, 16)
    for workers in (0, 1):
        numbers = BatchNumbers(0, 2, 4, 1, 0, 1)
        for batch in load_batches(data, numbers, workers, pin_memory=True):
            assert batch.memory.is_pinned()
