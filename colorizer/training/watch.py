"""A sentence instead of an abort when another process does not answer on a GPU."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

from colorizer.system import console

LOOKS = 20  # in the time allowed


class Watch:
    """Within `with`, ends this process if what is watched takes too long.

    The host that waits for a GPU, which waits for another process, hears nothing: no signal, and no
    exception. NCCL's own watchdog would abort the process, so it gets more time than this one.
    """

    def __init__(
        self,
        seconds: float | None,
        sentence: str,
        unwatched: int = 0,
        end: Callable[[], None] = console.end_at_once,
    ) -> None:
        """Say what may take how long; nothing is watched yet.

        Args:
            seconds: That something watched may take; None: as long as it likes.
            sentence: What to say then.
            unwatched: How many first times may take as long as they like: they compile.
            end: What to do after that.
        """
        self._sentence = sentence
        self._unwatched = unwatched
        self._end = end
        self._since: float | None = None
        self._over = threading.Event()
        self._thread = None
        if seconds is not None:
            self._thread = threading.Thread(target=self._look, args=(seconds,), daemon=True)

    def __enter__(self) -> Self:
        if self._thread is not None:
            self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """What happens within is watched."""
        if self._unwatched:
            self._unwatched -= 1
        else:
            self._since = time.monotonic()
        try:
            yield
        finally:
            self._since = None

    def _look(self, seconds: float) -> None:
        while not self._over.wait(seconds / LOOKS):
            since = self._since  # read once: the other thread may forget it
            if since is not None and time.monotonic() - since > seconds:
                try:
                    console.error(self._sentence)
                finally:
                    self._end()
                return
