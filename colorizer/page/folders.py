"""Folders of this machine, coloured from the page by the program for folders."""

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Generator, Sequence
from pathlib import Path

from colorizer.config.commands import Kind
from colorizer.system.errors import UserError
from colorizer.system.programs import MODULES

GLANCE = 0.5  # seconds between looks at what a program says
PATIENCE = 20.0  # seconds that it has to end what it is writing


def folder_command(
    checkpoint: Path, drawings: str, references: str, output: str, kinds: Sequence[Kind]
) -> list[str]:
    """The command line that colours a folder.

    Args:
        checkpoint: See `Colorizer`.
        drawings: A folder, pattern or table.
        references: Pictures or folders, one a line.
        output: A folder.
        kinds: What to write.

    Raises:
        UserError: one is missing.
    """
    given = [line for line in references.splitlines() if line.strip()]
    if not drawings.strip():
        raise UserError("No drawings: give the path of a folder that holds line drawings.")
    if not given and not drawings.strip().endswith(".csv"):
        raise UserError("No references: give the path of a picture of the character, or a folder.")
    if not output.strip():
        raise UserError("No output folder: give the path of one; it is made if it is not there.")
    if not kinds:
        raise UserError("Nothing to write: choose one kind of file at least.")
    command = [sys.executable, "-m", f"{MODULES}.colorize", "--checkpoint", str(checkpoint)]
    command += ["--line", _path(drawings), "--output", _path(output), "--write", *kinds]
    return [*command, *(["--reference", *map(_path, given)] if given else [])]


def _path(said: str) -> str:
    """A path as a person writes it; whole, it cannot be read as an option."""
    return os.path.abspath(os.path.expanduser(said.strip().strip("\"'")))


class Programs:
    """Those that the page has started and that have not ended."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[str]] = set()

    def run(self, command: Sequence[str]) -> Generator[str, None, None]:
        """Run a program; yields all that it has said so far, again and again.

        Closed early, it lets the program end what it is writing.
        """
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
        self._running.add(process)
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=_read, args=(process, lines), daemon=True).start()
        said = ""
        try:
            while True:
                yield said
                try:
                    line = lines.get(timeout=GLANCE)
                except queue.Empty:
                    continue
                if line is None:
                    break
                said += line
            done = process.wait() == 0
            yield said + ("Done." if done else "Ended before all was done; the reason is above.")
        finally:
            self._running.discard(process)
            _end(process)

    def end(self) -> None:
        """End all of them."""
        for process in list(self._running):
            _end(process)


def _read(process: subprocess.Popen[str], lines: "queue.SimpleQueue[str | None]") -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put(None)


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is not None:
        return
    process.terminate()  # Ctrl-C is ignored by what a shell has started in the background
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
