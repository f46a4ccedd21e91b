"""The watch over GPUs that wait for each other, without one: what is watched sleeps."""

import subprocess
import sys
import threading
import time

import pytest

from colorizer.training.watch import Watch


def _ended(seconds: float | None, unwatched: int, *moments: float) -> bool:
    """Whether watching so many seconds each ends the process."""
    ended = threading.Event()
    with Watch(seconds, "nobody answers", unwatched, ended.set) as watch:
        for moment in moments:
            with watch.watching():
                time.sleep(moment)
    return ended.is_set()


def test_what_takes_too_long_ends_the_process_with_a_sentence(capsys):
    assert _ended(0.1, 0, 0.4)
    assert capsys.readouterr().err == "error: nobody answers\n"


@pytest.mark.parametrize(
    ("seconds", "unwatched", "moments"),
    [
        (0.4, 0, (0.15,) * 5),  # each its own time
        (0.1, 1, (0.4, 0.01)),  # the first compiles
        (None, 0, (0.3,)),
    ],
)
def test_what_does_not_is_let_be(seconds, unwatched, moments, capsys):
    assert not _ended(seconds, unwatched, *moments)
    assert capsys.readouterr().err == ""


def test_what_is_not_watched_may_take_its_time(capsys):
    ended = threading.Event()
    with Watch(0.1, "nobody answers", 0, ended.set) as watch:
        with watch.watching():
            pass
        time.sleep(0.3)
    assert not ended.is_set() and capsys.readouterr().err == ""


@pytest.mark.slow
def test_a_process_that_waits_where_no_exception_reaches_it_ends():
    """As in a wait for CUDA: the main thread does not come back."""
    program = (
        "import threading\n"
        "from colorizer.training.watch import Watch\n"
        "with Watch(0.5, 'nobody answers') as watch, watch.watching():\n"
        "    lock = threading.Lock()\n"
        "    lock.acquire(); lock.acquire()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1 and done.stderr == "error: nobody answers\n"
