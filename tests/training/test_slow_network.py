"""A network that is slower than the training is said, with the figures, now and then."""

from types import SimpleNamespace

import pytest

from colorizer.training import reporting
from colorizer.training.reporting import Reporter


@pytest.fixture
def reporter():
    made = Reporter.__new__(Reporter)
    made.accelerator = SimpleNamespace(is_main_process=True)
    made._said_slow = None
    return made


def test_both_speeds_are_said_once_in_a_while(reporter, capsys, monkeypatch):
    reporter._say_slow_network(50, 0.9, 10.0)  # the first shards
    assert not capsys.readouterr().err
    reporter._say_slow_network(100, 0.5, 10.0)
    said = capsys.readouterr().err
    assert "step 100: 50% of the time was spent waiting for shards" in said
    assert "come at 10.0 MB/s, and this process learns from 20.0 MB/s" in said
    reporter._say_slow_network(150, 0.5, 10.0)
    assert not capsys.readouterr().err
    monkeypatch.setattr(reporting, "SAY_SLOW_EVERY", 0.0)
    reporter._say_slow_network(200, 0.5, 10.0)
    assert "step 200" in capsys.readouterr().err


@pytest.mark.parametrize(("waiting", "arriving"), [(0.01, 10.0), (0.5, 0.0)])
def test_a_fast_network_and_a_slow_disk_are_not(reporter, capsys, waiting, arriving):
    for step in (50, 100):
        reporter._say_slow_network(step, waiting, arriving)
    assert not capsys.readouterr().err
