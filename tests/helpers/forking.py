"""Programs that start at once: forked off a process that has imported what they import.

Importing torch takes seconds, and hundreds of tests start a program. What is forked is a process of
its own all the same: its signals, exit status, output, session and environment are those of a
program that was started from the file. tests/launch/test_wheel.py starts each from nothing.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from select import select
from typing import IO

SERVER = Path(__file__).with_name("forking_server.py")


class Forked:
    """What subprocess.Popen is, of a program that was forked."""

    def __init__(self, args: Sequence[str], pid: int, status: IO[bytes], *pipes: IO[str]) -> None:
        self.args = args
        self.pid = pid
        self.returncode: int | None = None
        self.stdout, self.stderr = (*pipes, None)[:2]
        self._status = status
        self._pipes = pipes
        self._said = [""] * len(pipes)

    def poll(self) -> int | None:
        """Its exit status, if it has ended."""
        return self._ended(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """Until it has ended."""
        if self._ended(timeout) is None:
            raise subprocess.TimeoutExpired(self.args, timeout)
        return self.returncode

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None and select([self._status], [], [], timeout)[0]:
            self.returncode = int(self._status.readline())
            self._status.close()
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str | None]:
        """All that it says, until nobody is left who could say more."""
        deadline = None if timeout is None else time.monotonic() + timeout

        def read(number: int, pipe: IO[str]) -> None:
            with pipe:
                self._said[number] = pipe.read()

        readers = [
            threading.Thread(target=read, args=(number, pipe), daemon=True)
            for number, pipe in enumerate(self._pipes)
            if not pipe.closed  # else it has been read
        ]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
            if reader.is_alive():
                raise subprocess.TimeoutExpired(self.args, timeout)
        self.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
        return self._said[0], self._said[1] if len(self._said) > 1 else None

    def send_signal(self, number: int) -> None:
        """If it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


@cache
def _server(parent: int) -> socket.socket:
    """Where to ask for programs; the server ends with this process, which must not share it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        subprocess.Popen(
            [sys.executable, SERVER, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # of its own; each program has another
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            start_new_session=True,
            # A shell starts what it puts in the background (a CI job, say) with Ctrl-C ignored.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )
    return ours


def fork(
    script: Path,
    arguments: Sequence[str],
    environment: dict[str, str],
    cwd: Path | None = None,
    joined: bool = True,
) -> Forked:
    """Start a script in a session of its own.

    Args:
        joined: Whether stderr goes where stdout goes.
    """
    request = {"script": str(script), "arguments": arguments, "environment": environment}
    request["cwd"] = str(cwd or Path.cwd())
    pipes = [os.pipe() for _ in range(2 if joined else 3)]  # the last one: pid and exit status
    given = [write for _, write in pipes]
    if joined:
        given.insert(1, given[0])
    socket.send_fds(_server(os.getpid()), [json.dumps(request).encode()], given)
    for _, write in pipes:
        os.close(write)
    *said, status = (read for read, _ in pipes)
    heard = open(status, "rb", buffering=0)  # noqa: SIM115  # closed when the program has ended
    pid = int(heard.readline())
    return Forked([str(script), *arguments], pid, heard, *(open(read) for read in said))
