"""Seconds and bytes, on a CPU as on a GPU."""

import multiprocessing
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch

Result = TypeVar("Result")


def timed(work: Callable[[], object]) -> float:
    """Seconds until it is done, on the GPU too."""
    start = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def memory_now() -> int:
    """Bytes that are in use; from here on the peak is counted."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak becomes what is held now
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def memory_peak() -> int:
    """Most bytes in use since `memory_now`."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


def apart(function: Callable[..., Result], *arguments: object) -> Result:
    """Call it in a process of its own, which has no memory of anything before."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)
