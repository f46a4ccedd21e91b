"""What glibc's malloc does with memory that is free again. Other mallocs are left as they are."""

import ctypes
import platform

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
