"""Starts trainings as a user does, watches how far they are, and finds their processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.helpers.forking import Forked

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "launch" / "train.py"
PLAIN = {"COLUMNS": "120", "NO_COLOR": "1", "OMP_NUM_THREADS": "1"}
ENVIRONMENT = os.environ | PLAIN
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
PATIENCE = 120.0  # seconds


def start(command: list[object], **environment: str) -> subprocess.Popen[str]:
    """A process group of its own, whose output can be read at the end."""
    return subprocess.Popen(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=ENVIRONMENT | environment,
        start_new_session=True,
        # A shell starts what it puts in the background (a CI job, say) with Ctrl-C ignored.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )


def wait_for(happened: Callable[[], bool], process: subprocess.Popen[str] | Forked) -> None:
    """Until something has happened in a process that goes on running."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        if process.poll() is not None:
            raise AssertionError(f"ended with {process.returncode}: {process.stdout.read()}")
        if time.monotonic() > deadline:
            process.kill()
            raise AssertionError(f"nothing happened: {process.stdout.read()}")
        time.sleep(0.02)


def last_step(output: Path) -> int:
    """The last step in metrics.jsonl, which may be half-written; 0: none."""
    path = output / "metrics.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    for line in reversed(lines):
        try:
            return json.loads(line)["step"]
        except ValueError:
            continue
    return 0


def file_hashes(output: Path, step: int) -> dict[str, str]:
    """File → sha256 of a checkpoint's tensors."""
    path = output / "checkpoints" / f"step-{step:08d}" / "state.json"
    return json.loads(path.read_text())["files"]


def children(pid: int) -> list[int]:
    """Processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def rank_of(pid: int) -> str | None:
    """The RANK that a launcher gave a process."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:  # it has ended
        return None
    values = dict(item.split(b"=", 1) for item in environment.split(b"\0") if b"=" in item)
    return values[b"RANK"].decode() if b"RANK" in values else None


def rank_process(launcher: int, rank: int) -> int:
    """The process of a rank under a launcher."""
    return next(pid for pid in children(launcher) if rank_of(pid) == str(rank))
