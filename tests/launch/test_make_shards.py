"""The script as a user runs it."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from colorizer.data.shards import read_index

SCRIPT = Path(__file__).parents[2] / "launch" / "make_shards.py"
PLAIN = os.environ | {"COLUMNS": "120", "NO_COLOR": "1"}


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=PLAIN)


def test_help_lists_the_sources() -> None:
    shown = run("--help")
    assert shown.returncode == 0
    for source in ("characters", "folder", "paired", "side-by-side"):
        assert source in shown.stdout


def test_folder_of_pictures_becomes_shards(picture_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "made"
    arguments = ("folder", picture_folder, "--lines", "xdog", "--size", 48, "--output", output)
    made = run(*arguments, "--held-out", 0.3, "--workers", 2)
    assert (made.returncode, made.stderr) == (0, "")
    assert "rejected: not a picture" in made.stdout and "rejected.jsonl" in made.stdout
    samples = [read_index(output / part).samples for part in ("train", "held-out")]
    assert sum(samples) == 10
    again = run(*arguments, "--held-out", 0.3)
    assert again.returncode == 0 and "already holds this set" in again.stdout
    other = run(*arguments, "--held-out", 0.2)
    assert_one_sentence(other, "held_out: 0.3 there, 0.2 asked for")


def test_bad_input_is_one_sentence(tmp_path: Path) -> None:
    refused = run("folder", tmp_path / "gone", "--output", tmp_path / "made")
    assert_one_sentence(refused, "gone is not a folder")
    assert not (tmp_path / "made").exists()


def assert_one_sentence(refused: subprocess.CompletedProcess[str], words: str) -> None:
    assert refused.returncode == 1
    assert words in refused.stderr
    assert "Traceback" not in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("number", "send", "status", "moment"),
    [
        # Ctrl-C reaches the whole group, as from a terminal; a kill reaches the parent alone.
        (signal.SIGINT, os.killpg, 130, "unfinished.json"),  # workers are starting
        (signal.SIGINT, os.killpg, 130, "train/000000.tar"),  # workers are busy
        (signal.SIGKILL, os.kill, -9, "train/000000.tar"),
    ],
)
def test_end_from_outside(tmp_path: Path, number: int, send, status: int, moment: str) -> None:
    """No index, no worker and no traceback is left."""
    command = [sys.executable, str(SCRIPT), "characters", "--count", "5000", "--workers", "2"]
    process = subprocess.Popen(
        [*command, "--size", "64", "--samples-per-shard", "20", "--output", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell starts what it puts in the background (a CI job, say) with Ctrl-C ignored.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    wait_for(tmp_path / moment)
    send(process.pid, number)
    _, errors = process.communicate(timeout=30)  # ends when the last worker has closed its end
    assert process.returncode == status
    assert "Traceback" not in errors
    assert not list(tmp_path.rglob("index.json"))
    assert (tmp_path / "unfinished.json").exists()


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
