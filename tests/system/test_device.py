"""The device of a program, and float32 on it. What a GPU is asked for is looked at without one."""

import pytest
import torch
import yaml

from colorizer.system.device import (
    choose_device,
    exact_float32,
    kernels_by_trying,
)
from colorizer.system.errors import UserError
from colorizer.training.launcher import check_gpus
from tests.helpers.programs import ROOT


@pytest.fixture
def gpus(monkeypatch):
    """`gpus(2)`: as if torch saw two; which one a program takes is in the list that it gives."""
    taken: list[torch.device] = []

    def pretend(count: int) -> list[torch.device]:
        monkeypatch.setattr(
            "torch.accelerator.current_accelerator", lambda check_available: torch.device("cuda")
        )
        monkeypatch.setattr("torch.cuda.device_count", lambda: count)
        monkeypatch.setattr("torch.cuda.set_device", taken.append)
        return taken

    return pretend


def test_processes_of_a_machine_take_its_gpus_in_turn(gpus):
    taken = gpus(2)
    assert [choose_device(rank).index for rank in range(4)] == [0, 1, 0, 1]
    assert [device.index for device in taken] == [0, 1, 0, 1]


def test_the_cpu_is_taken_if_asked_for_or_if_there_is_nothing_else(gpus, monkeypatch):
    assert choose_device() == torch.device("cpu")
    taken = gpus(1)
    assert choose_device() == torch.device("cuda") and not taken  # the caller's current one
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    assert choose_device(0) == torch.device("cpu") and not taken
    monkeypatch.setenv("ACCELERATE_USE_CPU", "maybe")
    with pytest.raises(UserError, match="ACCELERATE_USE_CPU is 'maybe'; set it to true or false"):
        choose_device()


def test_float32_is_not_tf32_within_and_what_it_was_after():
    convolutions, products = torch.backends.cudnn, torch.backends.cuda.matmul
    assert convolutions.allow_tf32  # torch's default
    with pytest.raises(ZeroDivisionError), exact_float32():
        assert not convolutions.allow_tf32 and not products.allow_tf32
        _ = 1 / 0
    assert convolutions.allow_tf32 and not products.allow_tf32


def test_kernels_are_tried_within_and_no_longer_after():
    assert not torch.backends.cudnn.benchmark  # torch's default
    with pytest.raises(ZeroDivisionError), kernels_by_trying():
        assert torch.backends.cudnn.benchmark
        _ = 1 / 0
    assert not torch.backends.cudnn.benchmark


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "2")
    words = r"starts 4 processes on this machine, where torch sees 2 GPU\(s\); set num_processes"
    with pytest.raises(UserError, match=words):
        check_gpus()
    monkeypatch.setenv("LOCAL_RANK", "1")
    check_gpus()
    monkeypatch.delenv("LOCAL_RANK")
    check_gpus()


def test_one_thread_that_is_done_leaves_float32_to_the_others():
    with exact_float32():
        with exact_float32():
            pass
        assert not torch.backends.cudnn.allow_tf32
    assert torch.backends.cudnn.allow_tf32


def test_no_config_of_ours_takes_a_gpu_that_somebody_else_was_given():
    """accelerate's launcher puts gpu_ids in the place of CUDA_VISIBLE_DEVICES."""
    files = list((ROOT / "accelerate_configs").glob("*.yaml"))
    assert len(files) == 4
    assert all(yaml.safe_load(f.read_text()).get("gpu_ids", "all") == "all" for f in files)
