"""Starts programs as tests.helpers.programs does, but forks those that are a script of Python.

The same programs, without the seconds of importing torch; what a launcher starts takes them.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.helpers import programs
from tests.helpers.forking import Forked, fork
from tests.helpers.programs import PLAIN


def start(command: Sequence[object], **environment: str) -> subprocess.Popen[str] | Forked:
    """A process group of its own, whose output can be read at the end."""
    command = list(map(str, command))
    if not is_forked(command):
        return programs.start(command, **environment)
    return fork(Path(command[1]), command[2:], os.environ | PLAIN | environment)


def is_forked(command: Sequence[str]) -> bool:
    """Whether a command is python and a script."""
    return command[0] == sys.executable and command[1].endswith(".py")


def run(
    command: Sequence[object], timeout: float = 180, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """What a command has said when it has ended."""
    command, environment = list(map(str, command)), os.environ | PLAIN
    if not is_forked(command):
        return subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, cwd=cwd, env=environment
        )
    process = fork(Path(command[1]), command[2:], environment, cwd, joined=False)
    said = process.communicate(timeout)
    return subprocess.CompletedProcess(command, process.returncode, *said)


def start_ranks(
    command: Sequence[object], count: int = 2, joined: bool = True, apart: bool = False
) -> list[Forked]:
    """A script several times, as torchrun starts it, without a launcher that would end it.

    $RANK in an argument is the process's. `apart`: each as if on a machine of its own.
    """
    _, script, *arguments = map(str, command)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(count)}
    place = os.environ | PLAIN | place | {"LOCAL_WORLD_SIZE": "1" if apart else str(count)}
    return [
        fork(
            Path(script),
            [argument.replace("$RANK", str(rank)) for argument in arguments],
            place | {"RANK": str(rank), "LOCAL_RANK": "0" if apart else str(rank)},
            joined=joined,
        )
        for rank in range(count)
    ]


def run_ranks(
    command: Sequence[object], count: int = 2, apart: bool = False
) -> subprocess.CompletedProcess[str]:
    """What such processes have said when all have ended, the first one's first.

    Its status is 0 if that of all is.
    """
    ranks = start_ranks(command, count, joined=False, apart=apart)
    with ThreadPoolExecutor() as readers:  # none waits until somebody reads what it says
        said = list(readers.map(lambda rank: rank.communicate(180), ranks))
    status = next((rank.returncode for rank in ranks if rank.returncode), 0)
    return subprocess.CompletedProcess(command, status, *map("".join, zip(*said, strict=True)))
