"""Worker processes: order, errors and interruptions."""

import os
import signal
import threading
import time

import pytest

from colorizer.data.workers import interrupts_held_back, map_in_order
from colorizer.errors import UserError


def test_results_come_in_order() -> None:
    assert list(map_in_order(abs, range(-20, 0), workers=2)) == list(range(20, 0, -1))


def test_an_error_of_the_function_is_raised() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        list(map_in_order(int, ["1", "one", "2"], workers=2))


def test_a_killed_worker_is_named() -> None:
    with pytest.raises(UserError, match="worker process was killed"):
        list(map_in_order(_kill_self, [9], workers=1))


def test_interrupt_while_a_worker_starts_waits_until_it_has() -> None:
    """Another thread can take the signal, so that a signal mask alone would let it in."""
    threading.Thread(target=time.sleep, args=(1,), daemon=True).start()
    started = False
    with pytest.raises(KeyboardInterrupt), interrupts_held_back():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)
        started = True
    assert started


def _kill_self(number: int) -> None:
    os.kill(os.getpid(), number)
