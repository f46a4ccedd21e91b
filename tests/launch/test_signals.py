"""A scheduler's notice saves the run and ends it, however it is started."""

import itertools
import os
import signal
import sys
import time

import pytest

from colorizer.checkpoints import checkpoint
from colorizer.training.signals import NOTICE_SIGNALS
from tests.helpers.launching import start
from tests.helpers.programs import ROOT, SCRIPT, TORCHRUN, children, last_step, wait_for

ACCELERATE = [
    *(sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch"),
    *("--config_file", str(ROOT / "accelerate_configs" / "cpu.yaml")),
]
FORWARDING = [*TORCHRUN, "--signals-to-handle", "SIGTERM,SIGINT,SIGUSR1"]


def start_training(launcher, data, output):
    more = ("--network.width", 0.125, "--batch-size", 4, "--workers", 1, "--steps", 100_000)
    command = [*launcher, SCRIPT, "demo", "--data", data, "--output", output, *more]
    process = start([*command, "--log-every", 1, "--sample-every", 0])
    wait_for(lambda: last_step(output) > 2, process)
    return process


def saved_step(output) -> int:
    newest = checkpoint.newest_intact(output / "checkpoints")
    assert newest and not newest.faults and not list((output / "checkpoints").glob("*.partial"))
    return newest.state.step


def test_a_notice_to_all_processes_saves_and_more_of_them_do_no_harm(character_shards, tmp_path):
    output = tmp_path / "run"
    process = start_training([sys.executable], character_shards, output)
    for number in itertools.islice(itertools.cycle(NOTICE_SIGNALS), 60):
        if process.poll() is None:
            os.killpg(process.pid, number)
        time.sleep(0.05)  # in all longer than SAME_SIGNAL_SECONDS
    shown, _ = process.communicate(timeout=60)
    assert process.returncode == 0, shown
    assert f"Stopped and saved at step {saved_step(output)}" in shown and "Traceback" not in shown


@pytest.mark.parametrize("number", NOTICE_SIGNALS)
def test_notices_never_end_a_program_and_a_second_stop_does(number):
    program = (
        "import time\n"
        "from colorizer.training.signals import StopRequest\n"
        "with StopRequest() as stop:\n"
        "    print('ready', flush=True)\n"
        "    while not stop.received: time.sleep(0.01)\n"
        "    print('received', flush=True)\n"
        "    time.sleep(3)\n"
        "print('saved', flush=True)\n"
        "time.sleep(60)\n"
    )
    process = start([sys.executable, "-c", program])
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    assert process.stdout.readline() == "received\n"
    time.sleep(2.2)  # longer than SAME_SIGNAL_SECONDS
    process.send_signal(number)
    process.send_signal(signal.SIGTERM)  # the first of its kind
    assert process.stdout.readline() == "saved\n"
    process.send_signal(number)  # while trackers say goodbye
    time.sleep(0.2)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == -signal.SIGTERM


def test_torchrun_that_is_told_to_passes_the_notice_on(character_shards, tmp_path):
    output = tmp_path / "run"
    process = start_training(FORWARDING, character_shards, output)
    process.send_signal(signal.SIGUSR1)
    shown, _ = process.communicate(timeout=60)
    assert f"Stopped and saved at step {saved_step(output)}" in shown


@pytest.mark.parametrize(
    ("launcher", "number"),
    [(TORCHRUN, signal.SIGUSR1), (ACCELERATE, signal.SIGKILL)],
    ids=["torchrun", "accelerate"],
)
def test_a_launcher_that_ends_without_a_word_leaves_no_training_behind(
    character_shards, tmp_path, launcher, number
):
    output = tmp_path / "run"
    process = start_training(launcher, character_shards, output)
    ranks = children(process.pid)
    process.send_signal(number)  # to the launcher alone, which ends by it
    assert process.wait(30) == -number
    shown, _ = process.communicate(timeout=60)  # until the last training has closed it
    assert f"Stopped and saved at step {saved_step(output)}" in shown
    deadline = time.monotonic() + 30
    while any(os.path.exists(f"/proc/{pid}") for pid in ranks):
        assert time.monotonic() < deadline
        time.sleep(0.05)
