"""What several processes tell each other, in real processes; how those end that fail."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.launching import run_ranks

SCRIPT = """
import sys, torch
from colorizer.system.processes import processes

with processes() as world:
    assert world.agree([True, world.rank == 0, False]) == [True, world.count == 1, False]
    assert world.first_says(world.is_first) and not world.first_says(not world.is_first)
    rows = torch.full((world.rank + 1, 2), world.rank, dtype=torch.float64)
    gathered = world.gather(rows)
    none = world.gather(torch.empty(0, 3))
    world.wait()
    if world.is_first:
        expected = [float(rank) for rank in range(world.count) for _ in range(rank + 1)]
        assert gathered[:, 0].tolist() == expected and gathered.dtype == torch.float64
        assert none.shape == (0, 3)
        print("first of", world.count)
    else:
        assert gathered is None
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


@pytest.mark.slow
def test_three_processes_agree_and_gather_in_the_order_of_ranks(script):
    done = run_ranks([sys.executable, script], count=3)
    assert done.returncode == 0, done.stderr
    assert "first of 3" in done.stdout


def test_one_process_needs_nobody(script, capsys):
    runpy.run_path(str(script))
    assert capsys.readouterr().out == "first of 1\n"


@pytest.mark.parametrize(
    ("failure", "last_line"),
    [
        ('UserError("the disk is gone.")', "error: the disk is gone."),
        ('ValueError("a fault of ours")', "ValueError: a fault of ours"),  # behind its traceback
    ],
)
def test_one_of_several_processes_that_fails_ends_whatever_still_waits(failure, last_line):
    program = f"""
import threading
from colorizer.system import console
from colorizer.system.errors import UserError

def main():
    threading.Thread(target=threading.Event().wait).start()
    raise {failure}

console.run(main)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"WORLD_SIZE": "2"},
    )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == last_line
