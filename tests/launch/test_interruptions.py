"""Trainings that are killed, signalled, left alone by another process, or run out of disk."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from colorizer.checkpoints import checkpoint
from tests.helpers.forking import Forked
from tests.helpers.launching import run_ranks, start, start_ranks
from tests.helpers.programs import (
    ROOT,
    SCRIPT,
    TORCHRUN,
    file_hashes,
    last_step,
    rank_process,
    wait_for,
)


def tiny(data: Path, output: Path, *more: object) -> list[object]:
    """Arguments of a training of a moment a step."""
    return [
        *(SCRIPT, "demo", "--data", data, "--output", output),
        *("--network.width", 0.125, "--batch-size", 4, "--workers", 1),
        *("--log-every", 1, "--sample-every", 0, *more),
    ]


def finish(command: list[object]) -> str:
    process = start(command)
    shown, _ = process.communicate(timeout=180)
    assert process.returncode == 0, shown
    return shown


@pytest.mark.parametrize("without", [0, 1])
def test_a_rank_without_weights_says_so_and_the_others_end_in_a_sentence(
    character_shards, vgg_file, tmp_path, without
):
    (tmp_path / f"vgg-{1 - without}.safetensors").symlink_to(vgg_file)
    arguments = tiny(character_shards, tmp_path / "run", "--steps", 2, "--loss.style", 1)
    weights = ("--loss.vgg-weights", tmp_path / "vgg-$RANK.safetensors")
    done = run_ranks([sys.executable, *arguments, *weights])
    shown = done.stdout + done.stderr
    assert done.returncode != 0
    assert f"vgg-{without}.safetensors: no such VGG-19 file" in shown
    assert f'File "{ROOT / "colorizer"}' not in shown, shown


def test_killed_at_any_moment_it_ends_as_if_it_never_had_been(character_shards, tmp_path):
    more = ("--steps", 30, "--checkpoint-every", 3, "--loss.adversarial", 1)
    more += ("--evaluate-every", 4, "--evaluate-count", 2, "--keep-checkpoints", 1)
    finish([sys.executable, *tiny(character_shards, tmp_path / "whole", *more)])
    output = tmp_path / "killed"
    command = [sys.executable, *tiny(character_shards, output, *more)]
    moments = random.Random(0)
    for _ in range(5):
        process = start(command)
        before = last_step(output)
        wait_for(lambda before=before: last_step(output) > before, process)
        time.sleep(moments.uniform(0, 0.2))
        process.kill()
        process.communicate()
        if (output / "best").is_symlink():
            checkpoint.verify(output / "best")
    shown = finish(command)
    assert "Continuing" in shown
    assert file_hashes(output, 30) == file_hashes(tmp_path / "whole", 30)
    assert not list((output / "checkpoints").glob("*.partial"))
    kept, wanted = (checkpoint.verify(run / "best") for run in (output, tmp_path / "whole"))
    assert (kept.step, kept.files) == (wanted.step, wanted.files)
    newest = [
        checkpoint.read_state(run / "checkpoints" / "step-00000030")
        for run in (output, tmp_path / "whole")
    ]
    assert newest[0].best == newest[1].best


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_rank_that_is_killed_or_stopped_is_started_again_and_the_run_ends_the_same(
    character_shards, tmp_path, number
):
    """The others say that they did not end well: else torchrun takes the training to be done."""
    more = ("--steps", 24, "--checkpoint-every", 2)
    whole = run_ranks([sys.executable, *tiny(character_shards, tmp_path / "whole", *more)])
    assert whole.returncode == 0, whole.stderr
    output = tmp_path / "killed"
    launcher = [*TORCHRUN, "--max-restarts", 2]
    process = start([*launcher, *tiny(character_shards, output, *more)])
    for rank in (1, 0):
        before = last_step(output)
        wait_for(lambda before=before: last_step(output) > before + 3, process)
        os.kill(rank_process(process.pid, rank), number)
    shown, _ = process.communicate(timeout=180)
    assert process.returncode == 0, shown
    assert file_hashes(output, 24) == file_hashes(tmp_path / "whole", 24)


def test_a_schedulers_signal_saves_one_step_of_all_ranks(character_shards, tmp_path):
    output = tmp_path / "run"
    process = start([*TORCHRUN, *tiny(character_shards, output, "--steps", 100_000)])
    wait_for(lambda: last_step(output) > 2, process)
    os.killpg(process.pid, signal.SIGTERM)
    shown, _ = process.communicate(timeout=30)  # torchrun would kill them after 30 s
    assert process.returncode == 1  # torchrun's own, though both have saved and left with 0
    assert shown.count("Stopped and saved at step") == 1 and "error:" not in shown
    newest = checkpoint.newest_intact(output / "checkpoints")
    assert newest.state.step == last_step(output) and newest.state.processes == 2
    more = ("--steps", newest.state.step + 1)
    continued = run_ranks([sys.executable, *tiny(character_shards, output, *more)])
    assert continued.returncode == 0 and "Continuing" in continued.stdout


@pytest.fixture
def two_ranks(character_shards, tmp_path) -> Iterator[list[Forked]]:
    """Two processes of one training, without a launcher that would end them."""
    more = ("--steps", 100_000, "--timeout", 5, "--workers", 0)
    ranks = start_ranks([sys.executable, *tiny(character_shards, tmp_path / "run", *more)])
    wait_for(lambda: last_step(tmp_path / "run") > 2, ranks[0])
    yield ranks
    for process in ranks:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_no_rank_waits_for_another_for_longer_than_the_timeout(two_ranks, number):
    """Whether the other is gone, or there without a sign of life."""
    os.kill(two_ranks[1].pid, number)
    shown, _ = two_ranks[0].communicate(timeout=30)
    assert two_ranks[0].returncode == 1, shown
    assert "error: process 0 stops: another process" in shown
    assert "another process has ended, or did not answer for 5 s" in shown
    assert "Traceback" not in shown


def test_a_second_signal_ends_at_once_but_not_one_that_comes_with_the_first(tmp_path):
    program = (
        "import time\n"
        "from colorizer.training.signals import StopRequest\n"
        "with StopRequest() as stop:\n"
        "    print('ready', flush=True)\n"
        "    while True: time.sleep(0.05)\n"
    )
    process = start([sys.executable, "-c", program])
    assert process.stdout.readline() == "ready\n"
    for _ in range(3):  # the scheduler's, and the launcher's
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
    assert process.poll() is None
    time.sleep(2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == -signal.SIGTERM


@pytest.fixture
def small_disk(mount_disk: Callable[[str], Path]) -> Path:
    """A disk of 1 MB: room for one checkpoint of a tiny run."""
    return mount_disk("1m")


def test_a_full_disk_keeps_the_run_alive_and_the_last_checkpoint(character_shards, small_disk):
    output = small_disk / "run"
    more = ("--steps", 12, "--checkpoint-every", 3, "--keep-checkpoints", 9)
    command = [sys.executable, *tiny(character_shards, output, *more)]
    process = start(command)
    shown, _ = process.communicate(timeout=120)
    assert process.returncode == 1, shown
    assert "cannot write" in shown and "A checkpoint takes 0." in shown
    assert "tries again at the next checkpoint (the newest checkpoint is" in shown
    assert "Step 12 is not saved (the newest checkpoint is step-" in shown
    assert "Traceback" not in shown
    newest = checkpoint.newest_intact(output / "checkpoints")
    assert newest.state.step < 12 and not newest.faults
    assert not list((output / "checkpoints").glob("*.partial"))
    assert last_step(output) == 12
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    assert f"from step {newest.state.step}" in finish(command)
    assert checkpoint.newest_intact(output / "checkpoints").state.step == 12
