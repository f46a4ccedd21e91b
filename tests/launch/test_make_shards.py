"""The script as a user runs it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from colorizer.making.config import CharactersConfig
from colorizer.making.pipeline import make_shards
from colorizer.shards.index import read_index
from tests.helpers import launching
from tests.helpers.launching import run_ranks, start
from tests.helpers.making import files_of
from tests.helpers.programs import ROOT, TORCHRUN

MAKE = [sys.executable, ROOT / "launch" / "make_shards.py"]
PATIENCE = 300  # seconds, for slow machines


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return launching.run([*MAKE, *arguments], PATIENCE)


def test_help_lists_the_sources() -> None:
    shown = run("--help")
    assert shown.returncode == 0
    for source in ("characters", "folder", "paired", "side-by-side", "list", "tars"):
        assert source in shown.stdout


def test_folder_of_pictures_becomes_shards(picture_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "made"
    arguments = ("folder", picture_folder, "--lines", "xdog", "--size", 48, "--output", output)
    arguments += ("--group-by", "parent", "--xdog.sigma", 0.003)
    made = run(*arguments, "--held-out", 0.3, "--workers", 2)
    assert (made.returncode, made.stderr) == (0, "")
    for words in ("rejected: not a picture", "rejected.jsonl", "preview.png", "groups"):
        assert words in made.stdout
    samples = [read_index(output / split).samples for split in ("train", "held-out")]
    assert sum(samples) == 10
    again = run(*arguments, "--held-out", 0.3)
    assert again.returncode == 0 and "already holds this set" in again.stdout
    other = run(*arguments, "--held-out", 0.2)
    assert_one_sentence(other, "held_out was 0.3, now 0.2")


def test_bad_input_is_one_sentence(tmp_path: Path) -> None:
    refused = run("folder", tmp_path / "gone", "--output", tmp_path / "made")
    assert_one_sentence(refused, "gone is not a folder")
    assert not (tmp_path / "made").exists()


def test_name_that_is_no_text_can_be_said(tmp_path: Path) -> None:
    (tmp_path / "\udcff.png").write_bytes(b"")
    (tmp_path / "list.txt").write_bytes(b"\xfe.png\n\xff.png\n\xff.png\n")
    refused = run("list", tmp_path / "list.txt", "--output", tmp_path / "made")
    assert_one_sentence(refused, "no picture can be used")
    assert (tmp_path / "made" / "rejected.jsonl").read_text().count("listed twice") == 1
    refused = run("folder", tmp_path / "\udcff.png", "--output", tmp_path / "made")
    assert_one_sentence(refused, "\\udcff.png is not a folder")


def assert_one_sentence(refused: subprocess.CompletedProcess[str], words: str) -> None:
    assert refused.returncode == 1
    assert words in refused.stderr
    assert "Traceback" not in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("number", "send", "status", "moment"),
    [
        # Ctrl-C reaches the whole group, as from a terminal; a kill reaches the parent alone.
        (signal.SIGINT, os.killpg, 130, "settings.json"),  # workers are starting
        (signal.SIGINT, os.killpg, 130, "000000.jsonl"),  # workers are busy
        (signal.SIGKILL, os.kill, -9, "000000.jsonl"),
    ],
)
def test_end_from_outside(tmp_path: Path, number: int, send, status: int, moment: str) -> None:
    """No index, no worker and no traceback is left."""
    settings = ("--count", 5000, "--workers", 2, "--size", 64, "--output", tmp_path)
    process = start([*MAKE, "characters", *settings])
    wait_for(tmp_path / "unfinished" / moment)
    send(process.pid, number)
    said, _ = process.communicate(timeout=PATIENCE)  # ends when the last worker is gone
    assert process.returncode == status
    assert "Traceback" not in said
    assert ("the same command goes on from here" in said) == (status == 130)
    assert not list(tmp_path.rglob("index.json"))
    assert (tmp_path / "unfinished" / "settings.json").exists()


# ---- The same files however they were made


def test_varied_characters_with_lines_by_xdog(tmp_path: Path) -> None:
    arguments = ("characters", "--count", 3, "--size", 48, "--art", "varied", "--lines", "xdog")
    made = run(*arguments, "--held-out", 0, "--workers", 2, "--output", tmp_path)
    assert (made.returncode, made.stderr) == (0, "")
    index = read_index(tmp_path / "train")
    assert index.samples == 6
    settings = json.loads((tmp_path / "train" / "index.json").read_text())
    assert "varied" in json.dumps(settings) and "xdog" in json.dumps(settings)


CHARACTERS = ("characters", "--count", 100, "--size", 32, "--samples-per-shard", 40)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of one process that nobody stopped."""
    output = tmp_path_factory.mktemp("whole") / "made"
    make_shards(CharactersConfig(output=output, count=100, size=32, samples_per_shard=40))
    return files_of(output)


def test_killed_twice_the_same_command_goes_on(tmp_path: Path, whole: dict[str, bytes]) -> None:
    output = tmp_path / "made"
    for moment, more in (("000000.jsonl", 0.013), ("000002.pictures.partial", 0.007)):
        process = start([*MAKE, *CHARACTERS, "--workers", 2, "--output", output])
        wait_for(output / "unfinished" / moment)
        time.sleep(more)
        process.kill()
        process.communicate(timeout=PATIENCE)
        assert process.returncode == -9
    ended = run(*CHARACTERS, "--workers", 2, "--output", output)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "Continuing the unfinished set" in ended.stdout
    assert files_of(output) == whole
    assert not (output / "unfinished").exists()


def test_two_processes_make_the_files_of_one(tmp_path: Path, whole: dict[str, bytes]) -> None:
    """And only the first speaks."""
    settings = (*CHARACTERS, "--workers", 1, "--output", tmp_path / "made")
    made = launching.run([*TORCHRUN, *MAKE[1:], *settings], PATIENCE)
    assert made.returncode == 0, made.stderr
    assert files_of(tmp_path / "made") == whole
    for words in (
        "first of 2 shares: 128/128",
        "Writing shards: 4/4",
        "kept for training",
        "Train on them",
    ):
        assert sum(words in line for line in made.stdout.splitlines()) == 1


def test_two_processes_say_once_what_is_refused(tmp_path: Path) -> None:
    gone = ("folder", tmp_path / "gone", "--output", tmp_path / "made")
    refused = run_ranks([*MAKE, *gone])
    assert refused.returncode != 0
    assert refused.stderr.count("gone is not a folder") == 1
    assert not (tmp_path / "made").exists()
