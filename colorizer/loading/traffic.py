"""What a training process and its helpers tell each other in memory that they share."""

import mmap

import numpy as np


class Traffic:
    """Which batch a training process is at, and how much its helpers have fetched.

    Made before the helpers are forked. Each number is written by one process alone.
    """

    def __init__(self, helpers: int) -> None:
        self._numbers = np.frombuffer(mmap.mmap(-1, 8 * (1 + helpers)), np.int64)

    @property
    def batch(self) -> int:
        """The batch that is needed next, counted from 0 where the process began."""
        return int(self._numbers[0])

    @batch.setter
    def batch(self, batch: int) -> None:
        self._numbers[0] = batch

    def add(self, helper: int, size: int) -> None:
        """Say that a helper, counted from 0, has fetched so many bytes."""
        self._numbers[1 + helper] += size

    @property
    def fetched(self) -> int:
        """Bytes that all helpers have fetched so far."""
        return int(self._numbers[1:].sum())
