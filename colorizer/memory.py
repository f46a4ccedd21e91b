"""What glibc's malloc does with memory that is free again."""

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -3, -4  # of its malloc.h


def keep_freed_memory(largest: int | None = None, most: int | None = None) -> None:
    """Have this process keep what it frees for its next use.

    Else large blocks are given back to the system and fetched anew, zeroed page by page: on a CPU
    that takes more than a quarter of a training step. Does nothing where malloc is not glibc's.

    Args:
        largest: Bytes of the largest block to keep; default: any.
        most: Bytes at the end of the heap beyond which they are given back; default: never.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    if largest is None:
        libc.mallopt(M_MMAP_MAX, 0)
    else:
        libc.mallopt(M_MMAP_THRESHOLD, largest)
    libc.mallopt(M_TRIM_THRESHOLD, -1 if most is None else most)
