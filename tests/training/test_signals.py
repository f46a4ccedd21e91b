"""Signals that ask a run to stop, sent to this very process."""

import os
import signal
import subprocess

import pytest

from colorizer.training import signals
from colorizer.training.signals import NOTICE_SIGNALS, STOP_SIGNALS, StopRequest


@pytest.fixture(autouse=True)
def handlers():
    """A handler of the test's own for every signal, and the old handlers again behind it."""
    numbers = STOP_SIGNALS + NOTICE_SIGNALS
    before = {number: signal.signal(number, lambda number, frame: None) for number in numbers}
    yield {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def clock(monkeypatch):
    """`clock[0] = seconds` sets the time."""
    time = [100.0]
    monkeypatch.setattr(signals.time, "monotonic", lambda: time[0])
    return time


@pytest.fixture
def ended_by(monkeypatch):
    """The signals that would have ended this process."""
    sent = []

    def kill(process: int, number: int) -> None:
        assert process == os.getpid() and signal.getsignal(number) == signal.SIG_DFL
        sent.append(number)
        signal.signal(number, signal.SIG_IGN)  # or the next would end the tests

    monkeypatch.setattr(signals.os, "kill", kill)
    return sent


@pytest.mark.parametrize("number", STOP_SIGNALS + NOTICE_SIGNALS)
def test_a_signal_only_asks_to_stop(number):
    with StopRequest() as stop:
        assert not stop.received
        signal.raise_signal(number)
        assert stop.received


def test_a_second_signal_ends_the_program_at_once(clock, ended_by):
    with StopRequest():
        signal.raise_signal(signal.SIGINT)
        clock[0] += 5
        signal.raise_signal(signal.SIGTERM)
        assert ended_by == [signal.SIGTERM]


def test_a_signal_that_comes_from_the_launcher_as_well_is_not_a_second(clock, ended_by):
    with StopRequest() as stop:
        signal.raise_signal(signal.SIGTERM)
        clock[0] += 1
        signal.raise_signal(signal.SIGTERM)
        assert stop.received and not ended_by


def test_a_notice_may_come_as_often_as_it_likes(clock, ended_by):
    with StopRequest():
        for number in NOTICE_SIGNALS * 2:
            signal.raise_signal(number)
            clock[0] += 5
        assert not ended_by
        signal.raise_signal(signal.SIGTERM)  # the first that is more than a notice
        assert not ended_by


def test_a_request_is_forgotten_by_the_next_run():
    stop = StopRequest()
    with stop:
        signal.raise_signal(signal.SIGTERM)
    with stop:
        assert not stop.received


def test_handlers_come_back(handlers):
    with StopRequest():
        pass
    assert {number: signal.getsignal(number) for number in handlers} == handlers


def test_after_a_request_further_notices_do_not_disturb_the_end(handlers):
    with StopRequest():
        signal.raise_signal(signal.SIGTERM)
    for number in NOTICE_SIGNALS:
        signal.raise_signal(number)
        assert signal.getsignal(number) != handlers[number]
    assert all(signal.getsignal(number) == handlers[number] for number in STOP_SIGNALS)


def test_a_program_started_after_a_request_is_ended_by_a_notice():
    with StopRequest():
        signal.raise_signal(signal.SIGTERM)
    child = subprocess.Popen(["sleep", "30"])
    child.send_signal(signal.SIGUSR1)
    assert child.wait(20) == -signal.SIGUSR1
