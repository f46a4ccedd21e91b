"""Before the first step: what the launcher asks for is followed, or refused in a sentence."""

import os
import socket
from datetime import timedelta

import pytest

from colorizer.system.errors import LostConnection, UserError
from colorizer.training import launcher
from colorizer.training.start import start_accelerator
from colorizer.training.train import train


@pytest.fixture(autouse=True)
def _no_launcher(monkeypatch):
    for name in list(os.environ):
        if name.startswith("ACCELERATE_"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"ACCELERATE_USE_FSDP": "true"}, "the launcher asks for FSDP"),
        ({"ACCELERATE_USE_FSDP": "1"}, "the launcher asks for FSDP"),
        ({"ACCELERATE_USE_DEEPSPEED": "true"}, "the launcher asks for DeepSpeed"),
        ({"ACCELERATE_USE_MEGATRON_LM": "true"}, "the launcher asks for Megatron-LM"),
        ({"ACCELERATE_USE_PARALLELISM_CONFIG": "true"}, "asks for a parallelism config"),
        ({"ACCELERATE_DYNAMO_BACKEND": "INDUCTOR"}, "give --compile"),
        ({"ACCELERATE_MIXED_PRECISION": "fp8"}, "ACCELERATE_MIXED_PRECISION is fp8"),
        ({"ACCELERATE_MIXED_PRECISION": "fp16"}, "the launcher's --mixed_precision fp16 needs a"),
        ({"ACCELERATE_TORCH_DEVICE": "meta"}, "ACCELERATE_TORCH_DEVICE is set; unset it"),
        ({"ACCELERATE_USE_CPU": "maybe"}, "ACCELERATE_USE_CPU is 'maybe'; set it to true or false"),
        ({"ACCELERATE_USE_CPU": ""}, "ACCELERATE_USE_CPU is ''"),
        ({"ACCELERATE_DEBUG_MODE": "perhaps"}, "ACCELERATE_DEBUG_MODE is 'perhaps'"),
        (
            {"ACCELERATE_GRADIENT_ACCUMULATION_STEPS": "4"},
            "STEPS is 4, but --accumulate is 1; unset",
        ),
        (
            {"ACCELERATE_GRADIENT_ACCUMULATION_STEPS": "auto"},
            "STEPS is auto, but --accumulate is 1",
        ),
        (
            {
                "ACCELERATE_USE_SAGEMAKER": "true",
                "ACCELERATE_SAGEMAKER_DISTRIBUTED_TYPE": "DATA_PARALLEL",
            },
            "ACCELERATE_SAGEMAKER_DISTRIBUTED_TYPE is DATA_PARALLEL",
        ),
        (
            {"ACCELERATE_DYNAMO_USE_FULLGRAPH": "perhaps"},
            "Accelerate cannot start.*ACCELERATE_DYNAMO_USE_FULLGRAPH",
        ),
    ],
)
def test_what_the_launcher_asks_for_in_vain_is_a_sentence(tiny, monkeypatch, environment, words):
    config = tiny()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=words):
        train(config)
    assert not config.output.exists()


def test_what_the_launcher_always_sets_is_no_wish(tiny, monkeypatch):
    for name, value in {
        "ACCELERATE_DYNAMO_BACKEND": "NO",
        "ACCELERATE_DYNAMO_MODE": "default",
        "ACCELERATE_DYNAMO_USE_FULLGRAPH": "False",
        "ACCELERATE_MIXED_PRECISION": "no",
        "ACCELERATE_USE_CPU": "True",
        "ACCELERATE_USE_FSDP": "false",
        "ACCELERATE_DEBUG_MODE": "true",
        "ACCELERATE_GRADIENT_ACCUMULATION_STEPS": "2",
        "ACCELERATE_SAGEMAKER_DISTRIBUTED_TYPE": "NO",
    }.items():
        monkeypatch.setenv(name, value)
    config = tiny(steps=1, accumulate=2)
    assert train(config)


def test_auto_follows_the_launchers_precision(tiny, monkeypatch):
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    assert start_accelerator(tiny()).mixed_precision == "bf16"


def test_another_precision_goes_before_the_launchers_and_says_so(tiny, monkeypatch, capsys):
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    train(tiny(mixed_precision="no", dry_run=True))
    assert "  precision  float32, not the launcher's bf16\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("setting", "launchers", "gpu", "chosen"),
    [
        ("auto", None, False, "no"),
        ("auto", "no", False, "no"),
        ("auto", "fp16", True, "fp16"),
        ("auto", "no", True, "bf16"),  # the launcher's "no" is what it sets by itself
        ("bf16", "fp16", True, "bf16"),
        ("no", "fp16", True, "no"),
    ],
)
def test_precisions(tiny, monkeypatch, setting, launchers, gpu, chosen):
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda **kwargs: True)
    if launchers:
        monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", launchers)
    assert launcher.choose_precision(tiny(mixed_precision=setting), gpu) == chosen


def test_fp16_is_refused_where_it_cannot_be(tiny):
    with pytest.raises(UserError, match="--mixed-precision fp16 needs a GPU"):
        launcher.choose_precision(tiny(mixed_precision="fp16"), gpu=False)
    with pytest.raises(UserError, match="fp16 does not work with --accumulate"):
        launcher.choose_precision(tiny(mixed_precision="fp16", accumulate=2), gpu=True)


def test_an_unknown_tracker_is_refused(tiny):
    with pytest.raises(UserError, match=r"--log-with nothing: .*usable: .*tensorboard"):
        start_accelerator(tiny(log_with=("nothing",)))


@pytest.mark.parametrize(("gpu", "wanted"), [(False, 600), (True, 1200)])
def test_the_time_limit_holds_even_if_it_is_accelerates_own(tiny, monkeypatch, gpu, wanted):
    """Accelerate would drop 600 s; and NCCL's watchdog must not come before our own watch."""
    asked = {}

    def meet(backend: str, timeout: timedelta) -> None:
        asked.update(backend=backend, seconds=timeout.total_seconds())
        raise KeyboardInterrupt

    monkeypatch.setattr("torch.distributed.init_process_group", meet)
    monkeypatch.setattr("torch.cuda.is_available", lambda: gpu)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    with pytest.raises(KeyboardInterrupt):
        start_accelerator(tiny(timeout=600.0, mixed_precision="no"))
    backend = "cpu:gloo,cuda:nccl" if gpu else "gloo"
    assert asked == {"backend": backend, "seconds": wanted}


@pytest.mark.slow
def test_a_process_whose_others_never_come_says_so(tiny, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    there = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    for name, value in (there | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(
        LostConnection, match="process 0 stops: only some of the 2 processes started"
    ):
        start_accelerator(tiny(timeout=1.0))
