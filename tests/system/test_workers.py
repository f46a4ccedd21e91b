"""Worker processes: order, errors and interruptions."""

import errno
import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from colorizer.system.errors import UserError
from colorizer.system.workers import interrupts_held_back, map_in_order


def test_results_come_in_order() -> None:
    assert list(map_in_order(abs, range(-40, 0), workers=2)) == list(range(40, 0, -1))


def test_an_error_of_the_function_is_raised_where_it_happened() -> None:
    results = map_in_order(int, ["0", "1", "4", "three", *"56789"], workers=2)
    assert [next(results), next(results), next(results)] == [0, 1, 4]
    with pytest.raises(ValueError, match=r"invalid literal .*three"):
        next(results)


def test_look_ahead_is_bounded() -> None:
    taken = []
    tasks = (taken.append(number) or number for number in range(1000))
    results = map_in_order(abs, tasks, 1)
    next(results)
    results.close()
    assert len(taken) < 10


def test_a_killed_worker_is_named() -> None:
    with pytest.raises(UserError, match=r"worker process was killed.*memory"):
        list(map_in_order(_kill_self, [signal.SIGKILL], workers=1))


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt; a shell starts its background jobs with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_interrupt_while_a_worker_starts_waits_until_it_has(interruptible: None) -> None:
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


@pytest.mark.parametrize("fault", [errno.EROFS, errno.EAGAIN, errno.ENOENT])
def test_workers_that_cannot_be_started_are_a_sentence(
    monkeypatch: pytest.MonkeyPatch, fault: int
) -> None:
    """For a /dev/shm that cannot be written, or a limit of processes."""

    def refusing(*arguments: object, **settings: object) -> None:
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr("multiprocessing.synchronize.SemLock.__init__", refusing)
    with pytest.raises(UserError, match=r"no more worker processes can be started .*--workers"):
        list(map_in_order(abs, [1, 2], workers=1))


def test_an_error_of_the_disk_in_a_worker_stays_what_it_is() -> None:
    with pytest.raises(FileNotFoundError):
        list(map_in_order(os.listdir, ["/there/is/nothing"], workers=1))
