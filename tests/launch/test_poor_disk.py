"""The whole way on a disk without locks, flushed folders, modes and links."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.programs import ENVIRONMENT, ROOT

SOURCE = ROOT / "tests" / "helpers" / "poor_disk.c"
TINY = (
    *("--network.width", 0.125, "--batch-size", 4, "--workers", 0, "--sample-every", 0),
    *("--checkpoint-every", 1, "--evaluate-every", 1, "--evaluate-count", 2),
)
LACKS = ("has no locks", "flushes no folders")


@pytest.fixture(scope="module")
def poor_disk(tmp_path_factory) -> Path:
    """A library that refuses what such disks refuse, at the system call."""
    library = tmp_path_factory.mktemp("disk") / "poor_disk.so"
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
    return library


@pytest.mark.slow
def test_shards_are_made_and_a_run_trains_and_continues(poor_disk, tmp_path):
    def run(program: str, *arguments: object) -> str:
        command = [sys.executable, ROOT / "launch" / program, *arguments]
        done = subprocess.run(
            list(map(str, command)),
            env=ENVIRONMENT | {"LD_PRELOAD": str(poor_disk)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stderr

    shards, output = tmp_path / "shards", tmp_path / "run"
    making = ("make_shards.py", "characters", "--count", 12, "--size", 64, "--held-out", 0.3)
    said = run(*making, "--workers", 2, "--output", shards)
    assert said.count(LACKS[0]) == 1 and not (shards / "unfinished").exists()
    training = ("train.py", "demo", "--data", shards, "--output", output, *TINY)
    for steps in (1, 2):
        said = run(*training, "--steps", steps)
        for lack in (*LACKS, "keeps no file modes", "has no links"):
            assert said.count(lack) == 1, said
    assert len(list((output / "checkpoints").glob("step-*"))) == 2
