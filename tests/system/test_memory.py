"""Freed memory stays with the process."""

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys, threading
import torch
from colorizer.system.memory import keep_freed_memory

if sys.argv[1:]:
    keep_freed_memory()

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def work():
    for _ in range(10):  # a block is found again once those beside it are free too
        before = faults()
        torch.ones(25_000_000), torch.ones(10_000_000)
    print(faults() - before)

if sys.argv[2:]:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
else:
    work()
"""


def _faults_of_the_last_round(*arguments: str) -> int:
    command = [sys.executable, "-c", SCRIPT, *arguments]
    return int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other mallocs do as they do")
def test_large_blocks_are_not_fetched_anew() -> None:
    fetched = _faults_of_the_last_round()
    assert fetched > 50  # with huge pages; else 500 times as many
    assert _faults_of_the_last_round("keep") < fetched / 10
    assert _faults_of_the_last_round("keep", "in a thread") < fetched / 10
