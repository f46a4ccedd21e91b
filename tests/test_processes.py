"""What several processes tell each other, in real ones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys, torch
from colorizer.processes import processes

with processes() as here:
    assert here.agree([True, here.rank == 0, False]) == [True, here.count == 1, False]
    rows = torch.full((here.rank + 1, 2), here.rank, dtype=torch.float64)
    gathered = here.gather(rows)
    none = here.gather(torch.empty(0, 3))
    here.wait()
    if here.is_first:
        expected = [float(rank) for rank in range(here.count) for _ in range(rank + 1)]
        assert gathered[:, 0].tolist() == expected and gathered.dtype == torch.float64
        assert none.shape == (0, 3)
        print("first of", here.count)
    else:
        assert gathered is None
"""


def _run(tmp_path: Path, *launcher: str) -> str:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, *launcher, str(script)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, env=os.environ | {"NO_COLOR": "1"}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_three_processes_agree_and_gather_in_the_order_of_ranks(tmp_path):
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "3")
    assert "first of 3" in _run(tmp_path, *launcher)


def test_one_process_needs_nobody(tmp_path):
    assert "first of 1" in _run(tmp_path)


def test_a_program_that_has_lost_another_process_ends_whatever_still_waits_for_it() -> None:
    program = """
import threading
from colorizer import console
from colorizer.errors import LostConnection

def main():
    threading.Thread(target=threading.Event().wait).start()
    raise LostConnection("process 0 stops.")

console.run(main)
"""
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (1, "error: process 0 stops.\n")
