"""Starts trainings as a user does, watches how far they are, and finds their processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tests.helpers.forking import Forked, fork

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "launch" / "train.py"
PLAIN = {"COLUMNS": "120", "NO_COLOR": "1", "OMP_NUM_THREADS": "1"}
ENVIRONMENT = os.environ | PLAIN
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
PATIENCE = 120.0  # seconds


def start(command: Sequence[object], **environment: str) -> subprocess.Popen[str] | Forked:
    """A process group of its own, whose output can be read at the end.

    A script that needs no launcher is forked: the same program, without seconds of imports.
    """
    command, environment = list(map(str, command)), os.environ | PLAIN | environment
    if is_forked(command):
        return fork(Path(command[1]), command[2:], environment)
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        start_new_session=True,
        # A shell starts what it puts in the background (a CI job, say) with Ctrl-C ignored.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )


def is_forked(command: Sequence[str]) -> bool:
    """Whether a command is python and a script."""
    return command[0] == sys.executable and command[1].endswith(".py")


def run(
    command: Sequence[object], timeout: float = 180, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """What a command has said when it has ended; a script is forked."""
    command, environment = list(map(str, command)), os.environ | PLAIN | environment
    if not is_forked(command):
        return subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, cwd=cwd, env=environment
        )
    process = fork(Path(command[1]), command[2:], environment, cwd, joined=False)
    said = process.communicate(timeout)
    return subprocess.CompletedProcess(command, process.returncode, *said)


def start_ranks(command: Sequence[object], joined: bool = True) -> list[Forked]:
    """A script twice, as torchrun starts it, without a launcher that would end it.

    $RANK in an argument is the process's.
    """
    _, script, *arguments = map(str, command)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    place = os.environ | PLAIN | place | {"LOCAL_WORLD_SIZE": "2"}
    return [
        fork(
            Path(script),
            [argument.replace("$RANK", rank) for argument in arguments],
            place | {"RANK": rank, "LOCAL_RANK": rank},
            joined=joined,
        )
        for rank in ("0", "1")
    ]


def run_ranks(command: Sequence[object], timeout: float = 180) -> subprocess.CompletedProcess[str]:
    """What two such processes have said when both have ended, the first one's before the other's.

    Its status is 0 if that of both is.
    """
    ranks = start_ranks(command, joined=False)
    with ThreadPoolExecutor() as readers:  # neither waits until somebody reads what it says
        said = list(readers.map(lambda rank: rank.communicate(timeout), ranks))
    status = next((rank.returncode for rank in ranks if rank.returncode), 0)
    return subprocess.CompletedProcess(command, status, *map("".join, zip(*said, strict=True)))


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
