"""Signals that end a run in order, and the launcher's end."""

import ctypes
import os
import signal
import sys
import time
from types import FrameType
from typing import Self

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Sent ahead of a time limit (Slurm's --signal, Grid Engine's -notify, a soft limit of CPU time).
NOTICE_SIGNALS = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU)
SAME_SIGNAL_SECONDS = 2.0  # a scheduler's signal comes from the launcher as well
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class StopRequest:
    """Within `with`, a signal only asks to stop.

    A second Ctrl-C or SIGTERM ends the program at once. A notice may come as often as it likes:
    the run that it asks to stop is saving.
    """

    def __enter__(self) -> Self:
        self._received = False
        self._since: float | None = None
        signals = STOP_SIGNALS + NOTICE_SIGNALS
        self._handlers = {number: signal.signal(number, self._receive) for number in signals}
        return self

    @property
    def received(self) -> bool:
        """Whether to stop."""
        return self._received

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._received = True
        if number in NOTICE_SIGNALS:
            return
        if self._since is None:
            self._since = time.monotonic()
        elif time.monotonic() - self._since > SAME_SIGNAL_SECONDS:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._handlers.items():
            if self._received and number in NOTICE_SIGNALS:
                handler = _let_be  # trackers may need a minute to say goodbye
            signal.signal(number, handler)


def _let_be(number: int, frame: FrameType | None) -> None:
    """Do nothing. Unlike SIG_IGN, no program that this process starts inherits it."""


def ignore_notices() -> None:
    """For a program that has nothing left to save: Python's own handlers end before it does."""
    for number in NOTICE_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def restarts_left() -> bool:
    """Whether torchrun starts the processes again when one fails, with the machines that are left.

    To it a process that ends well is done, and so would be the whole training.
    """
    done, most = (
        os.environ.get(f"TORCHELASTIC_{n}", "0") for n in ("RESTART_COUNT", "MAX_RESTARTS")
    )
    return int(done) < int(most)


def stop_with_launcher() -> None:
    """Have this process get SIGTERM when the launcher that started it ends without a word to it.

    torchrun and accelerate's launcher end at once by SIGUSR1, as by SIGKILL; their trainings would
    go on alone, and on several GPUs to no end that anyone sees.
    """
    launched = "TORCHELASTIC_RUN_ID" in os.environ or "ACCELERATE_DYNAMO_BACKEND" in os.environ
    if launched and sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
