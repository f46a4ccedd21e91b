"""Loader processes: they change nothing, and their end or silence is a sentence, soon."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch

from colorizer.loading.batch import Batch
from colorizer.loading.dataset import TrainingData
from colorizer.loading.loader import load_batches
from colorizer.loading.order import BatchNumbers
from colorizer.system.errors import UserError
from tests.helpers.spoiling import spoil

pytestmark = pytest.mark.slow

MANY = BatchNumbers(0, 2000, 2, 1, 0, 1)  # more than are loaded ahead


@pytest.fixture
def data(shard_folder: Path) -> TrainingData:
    return TrainingData([shard_folder], seed=0, window=2)


@pytest.fixture(autouse=True)
def _leave_no_process() -> Iterator[None]:
    yield
    assert not multiprocessing.active_children()  # whatever has happened to them


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_loader_processes_change_nothing(data, workers):
    numbers = BatchNumbers(2, 18, 4, 1, 0, 1)  # the memory of each batch serves several
    batches = list(load_batches(data, numbers, workers, pin_memory=False, timeout=60))
    assert [b.numbers for b in batches] == [list(range(s * 4, s * 4 + 4)) for s in range(2, 18)]
    for batch in batches:
        assert batch.color.shape == (4, 32, 32, 3) and batch.color.dtype == torch.uint8
        for place, n in enumerate(batch.numbers):
            sample = data.reader.read(*data.order[n])
            assert batch.keys[place] == sample.key
            assert np.array_equal(batch.color[place], sample.color)
            assert np.array_equal(batch.line[place], sample.line)


def test_more_processes_than_shards_lose_no_sample(data):
    assert len(data.reader.counts) == 3
    seen = []
    for rank in range(2):
        numbers = BatchNumbers(0, 5, 2, 1, rank, 2)
        seen += chain(*(b.keys for b in load_batches(data, numbers, 4, pin_memory=False)))
    assert sorted(seen) == sorted(data.reader.readers[0][number].key for number in range(10))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_fault_in_a_loader_process_keeps_its_sentence(data, shard_folder, workers):
    spoil(shard_folder, *range(10))
    with pytest.raises(UserError) as error:
        list(load_batches(data, BatchNumbers(0, 1, 2, 1, 0, 1), workers, pin_memory=False))
    assert "is not as it was written" in str(error.value)
    assert "Traceback" not in str(error.value)


def test_processes_end_with_the_batches(data):
    batches = load_batches(data, MANY, 2, pin_memory=False)
    next(batches)
    assert len(multiprocessing.active_children()) == 2
    batches.close()


# ---- Processes that end


def refusal(batches: Iterator[Batch], seconds: float) -> str:
    start = time.monotonic()
    with pytest.raises(UserError) as refused:
        list(batches)
    assert time.monotonic() - start < seconds
    return str(refused.value)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("timeout", [0.0, 300.0])
def test_a_killed_process_is_a_sentence(data, shard_folder, workers, timeout):
    batches = load_batches(data, MANY, workers, pin_memory=False, timeout=timeout)
    next(batches)
    os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
    time.sleep(0.2)  # the trainer is at work: nothing may be raised here
    assert refusal(batches, seconds=10) == (
        "a loader process was ended by SIGKILL, most often for lack of memory; give fewer"
        f" --workers, and look whether {shard_folder} can still be read."
    )


def test_a_process_killed_at_any_moment_is_a_sentence(data):
    rng = random.Random(0)
    for _ in range(12):
        batches = load_batches(data, MANY, 2, pin_memory=False, timeout=60)
        for _ in range(rng.randrange(1, 20)):
            next(batches)
        victim = rng.choice(multiprocessing.active_children())
        os.kill(victim.pid, signal.SIGKILL)
        assert "was ended by SIGKILL" in refusal(batches, seconds=10)


def test_a_process_that_exits_is_a_sentence(data):
    data.reader.read = lambda shard, position: os._exit(3)
    said = refusal(load_batches(data, MANY, 1, pin_memory=False, timeout=60), seconds=10)
    assert said.startswith("a loader process was ended, most often for lack of memory; give fewer")


# ---- Processes that send nothing


def hang(shard: int, position: int) -> None:
    time.sleep(1000)


def test_a_read_that_hangs_is_a_sentence(data, shard_folder):
    data.reader.read = hang
    said = refusal(load_batches(data, MANY, 2, pin_memory=False, timeout=0.6), seconds=10)
    assert said == (
        f"no batch came from the loader processes in 0.6 s; look whether the disk with"
        f" {shard_folder} answers, or give a longer --timeout."
    )


def test_stopped_processes_are_a_sentence(data):
    batches = load_batches(data, MANY, 2, pin_memory=False, timeout=0.6)
    next(batches)
    for process in multiprocessing.active_children():
        os.kill(process.pid, signal.SIGSTOP)
    assert "no batch came" in refusal(batches, seconds=10)


def test_slow_reads_within_the_time_are_waited_for(data):
    read = data.reader.read

    def slow(shard: int, position: int):
        time.sleep(0.25)
        return read(shard, position)

    data.reader.read = slow
    numbers = BatchNumbers(0, 3, 2, 1, 0, 1)
    assert len(list(load_batches(data, numbers, 1, pin_memory=False, timeout=5))) == 3


def test_a_program_ends_in_spite_of_a_read_that_hangs(shard_folder):
    program = f"""
import sys, time
from pathlib import Path
from colorizer.loading import dataset
from colorizer.loading import loader
from colorizer.loading import order
from colorizer.system.errors import UserError
data = dataset.TrainingData([Path({str(shard_folder)!r})], 0, 2)
data.reader.read = lambda shard, position: time.sleep(1000)
try:
    list(loader.load_batches(data, order.BatchNumbers(0, 9, 2, 1, 0, 1), 2, False, 0.5))
except UserError as error:
    sys.exit(str(error))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1 and done.stderr.startswith("no batch came")


def test_a_program_ends_in_spite_of_a_process_that_cannot_be_killed(shard_folder):
    """As one in the midst of a dead disk's read."""
    program = f"""
import time
from pathlib import Path
from colorizer.system import console
from colorizer.loading import dataset
from colorizer.loading import loader
from colorizer.loading import order
data = dataset.TrainingData([Path({str(shard_folder)!r})], 0, 2)
data.reader.read = lambda shard, position: time.sleep(1000)
loader._LoaderProcess.kill = lambda process: None
loader.REAPING = 0.5
numbers = order.BatchNumbers(0, 9, 2, 1, 0, 1)
console.run(lambda: list(loader.load_batches(data, numbers, 2, False, 0.5)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1 and "error: no batch came" in done.stderr


def test_no_folder_is_left_behind(shard_folder, tmp_path):
    program = f"""
from pathlib import Path
from colorizer.loading import dataset
from colorizer.loading import loader
from colorizer.loading import order
data = dataset.TrainingData([Path({str(shard_folder)!r})], 0, 2)
assert len(list(loader.load_batches(data, order.BatchNumbers(0, 9, 2, 1, 0, 1), 2, False))) == 9
"""
    place = tmp_path / "place"
    place.mkdir()
    environment = os.environ | {"TMPDIR": str(place)}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
    assert not list(place.iterdir())


# ---- Faults of the program


@pytest.mark.parametrize("kind", [ZeroDivisionError, RuntimeError, ConnectionError, EOFError])
@pytest.mark.parametrize("workers", [0, 1])
def test_a_fault_of_the_program_stays_one(data, workers, kind):
    def faulty(shard: int, position: int) -> None:
        raise kind("DataLoader worker (pid 1) is what this fault is about")

    data.reader.read = faulty
    with pytest.raises(kind, match="what this fault is about"):
        list(load_batches(data, MANY, workers, pin_memory=False, timeout=60))


class OddError(Exception):
    """Cannot be made again from what it says of itself."""

    def __init__(self, shard: str, key: str) -> None:
        super().__init__(f"{key} of {shard} is odd")


def test_a_fault_that_cannot_be_sent_is_told_in_its_words(data):
    def fail(*arguments):
        raise OddError("shard", "key")

    data.load_into = fail
    with pytest.raises(RuntimeError, match="OddError: key of shard is odd"):
        list(load_batches(data, MANY, 1, pin_memory=False))
