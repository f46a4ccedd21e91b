"""log.txt of a run: every message and warning of all its processes, with the time."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from textwrap import indent
from typing import TextIO

from colorizer.system import console
from colorizer.system.errors import UserError

NAME = "log.txt"


class Logbook(logging.Handler):
    """Appends messages to a file: each in a single write, so that processes do not mix.

    Until `begin` they are held back: a run that is refused leaves its folder as it was. A disk that
    is full is warned of once, and costs messages, not the run.
    """

    def __init__(self, folder: Path, place: str) -> None:
        super().__init__()
        self.path = folder / NAME
        self._place = place  # what names the process, after the time
        self._waiting: list[str] | None = []
        self._is_left = False  # whether nothing is to be written
        self._lost = 0  # messages since one could last be written
        self._cut = False  # whether the last write stopped within a line

    def begin(self) -> None:
        """Write what was said before, and from here on each message at once."""
        self.acquire()
        try:
            waiting, self._waiting = self._waiting or [], None
            for entry in waiting:
                self._append(entry)
        finally:
            self.release()

    def leave(self) -> None:
        """Write nothing: the run's folder is on another machine."""
        self._is_left, self._waiting = True, []

    def emit(self, record: logging.LogRecord) -> None:
        """Write a message, or hold it back until `begin`."""
        if record.levelno < logging.WARNING and record.name != console.logger.name:
            return  # what libraries tell their developers
        if self._is_left:
            return
        entry = self.format(record)
        if self._waiting is None:
            self._append(entry)
        else:
            self._waiting.append(entry)

    def format(self, record: logging.LogRecord) -> str:
        """`2026-02-01 10:11:12.345+01:00 process 0 WARNING: ...`; further lines are indented."""
        moment = datetime.fromtimestamp(record.created).astimezone()
        head = f"{moment.isoformat(' ', 'milliseconds')} {self._place}{record.levelname}: "
        message = super().format(record).strip("\n")  # with the traceback, where it has one
        return head + indent(message, "    ").lstrip(" ") + "\n"

    def _append(self, entry: str) -> None:
        missing = f"({self._lost} messages before this one could not be written.)\n"
        data = ("\n" * self._cut + missing * (self._lost > 0) + entry).encode(errors="replace")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Opened for each: a folder that was moved or emptied gets a new file.
            file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            try:
                written = os.write(file, data)
            finally:
                os.close(file)
        except OSError as error:
            self._miss(error.strerror or str(error))
            return
        self._cut = written < len(data) and not data[:written].endswith(b"\n")
        if written < len(data):
            self._miss("no room")
        else:
            self._lost = 0

    def _miss(self, reason: str) -> None:
        self._lost += 1
        if self._lost == 1:  # the warning itself is the second that is lost
            console.warn(f"cannot write {self.path}: {reason}. Training goes on without it.")


class _AsBefore(logging.Handler):
    """Shows libraries' warnings on the terminal as logging does where no handler is set."""

    def emit(self, record: logging.LogRecord) -> None:
        place: logging.Logger | None = logging.getLogger(record.name)
        while place is not None:
            if any(not isinstance(h, Logbook | _AsBefore) for h in place.handlers):
                return  # and it has been shown, or is not to be
            place = place.parent if place.propagate else None
        if logging.lastResort is not None:
            logging.lastResort.handle(record)


@contextmanager
def keep_log(folder: Path, rank: int, processes: int) -> Iterator[Logbook]:
    """Keep what this process says in `folder`/log.txt, from the logbook's `begin` on.

    That is: all of `console`, Python's warnings, the libraries' loggers from WARNING up, and an
    exception that passes through. The terminal shows what it would show without.

    Args:
        folder: The run's.
        rank: This process among all of the run.
        processes: How many these are.
    """
    book = Logbook(folder, f"process {rank} " if processes > 1 else "")
    terminal = _AsBefore(logging.WARNING)
    root = logging.getLogger()
    # Not all pass on to the root what they get: ours, and torch's, which show it themselves.
    known = (logging.getLogger(name) for name in list(root.manager.loggerDict))
    ends = [root, *(logger for logger in known if not logger.propagate)]
    for logger in ends:
        logger.addHandler(book)
    root.addHandler(terminal)
    try:
        with _python_warnings(book):
            yield book
    except BaseException as error:
        _record(book, error)
        raise
    finally:
        root.removeHandler(terminal)
        for logger in ends:
            logger.removeHandler(book)


@contextmanager
def _python_warnings(book: Logbook) -> Iterator[None]:
    show = warnings.showwarning

    def show_and_keep(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        show(message, category, filename, lineno, file, line)
        text = f"{category.__name__}: {message} ({filename}:{lineno})"
        book.handle(logging.LogRecord("py.warnings", logging.WARNING, "", 0, text, None, None))

    warnings.showwarning = show_and_keep
    try:
        yield
    finally:
        warnings.showwarning = show


def _record(book: Logbook, error: BaseException) -> None:
    text, traceback = "ended by an exception", (type(error), error, error.__traceback__)
    if isinstance(error, UserError):
        text, traceback = str(error), None
    elif isinstance(error, KeyboardInterrupt):
        text, traceback = "stopped by Ctrl-C", None
    book.handle(logging.LogRecord("colorizer", logging.ERROR, "", 0, text, None, traceback))
