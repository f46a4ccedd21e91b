"""What glibc's malloc does with memory that is free again, and a sentence where there is no more.

Other mallocs are left as they are.
"""

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager

from colorizer.system.errors import UserError

# Of its malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -3, -4, -8
MMAP_MAX = 65536  # its default: blocks that are given back when they are free


def keep_freed_memory() -> None:
    """Have this process keep all that it frees for its next use.

    Else large blocks are given back to the system and fetched anew, zeroed page by page: on a CPU
    that takes more than a quarter of a training step. It needs no more memory at its peak.
    """
    _set({M_MMAP_MAX: 0, M_TRIM_THRESHOLD: -1, M_ARENA_MAX: 1})


def keep_one_picture() -> None:
    """Have it keep as much as one picture takes, of which a worker process has many in turn."""
    _set({M_MMAP_MAX: MMAP_MAX, M_MMAP_THRESHOLD: 32 * 2**20, M_TRIM_THRESHOLD: 256 * 2**20})


def keep_nothing() -> None:
    """Have it give back all large blocks at once: what it holds is what is in use."""
    _set({M_MMAP_MAX: MMAP_MAX, M_MMAP_THRESHOLD: 2**20, M_TRIM_THRESHOLD: 0})


def _set(parameters: dict[int, int]) -> None:
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        for parameter, value in parameters.items():
            libc.mallopt(parameter, value)


@contextmanager
def naming_lack_of_memory(way_out: str) -> Iterator[None]:
    """Turn torch's and Python's ways to say that memory is full, of host or GPU, into a sentence.

    Args:
        way_out: What to do; ends the sentence.

    Raises:
        UserError: memory is full.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not _is_lack_of_memory(error):
            raise
        what, *_ = (str(error) or "out of memory").split(" GPU ")  # then come lines of advice
        raise UserError(f"memory is full ({what.rstrip('.')}); {way_out}") from error


def _is_lack_of_memory(error: RuntimeError | MemoryError) -> bool:
    import torch  # has raised it; nothing else here needs it

    # The CPU's allocator has no exception of its own.
    kinds = (torch.OutOfMemoryError, MemoryError)
    return isinstance(error, kinds) or "can't allocate memory" in str(error)
