"""`--profile N`: a Chrome trace of some steps, to open in chrome://tracing or Perfetto."""

import gzip
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import torch
from torch.profiler import ProfilerActivity, profile, record_function

from colorizer.system import console
from colorizer.system.errors import UserError
from colorizer.system.storage import replace_file, writing

WARM_UP = 5  # steps before the first that is traced: compilation, caches, the allocator


class StepProfiler:
    """Within `with`, traces `count` steps of this process after the first few.

    The trace is `folder`/rank-R-step-S.json.gz, S the first step in it; it holds what the CPU and,
    where there is one, the GPU did, every step as a block `step S`. A run that ends before has the
    steps that it has done, and what came after them.
    """

    def __init__(self, folder: Path, count: int, rank: int, step: int) -> None:
        """Choose the steps; nothing is traced yet.

        Args:
            folder: Made if it is not there.
            count: Steps to trace; 0: none, and nothing is written.
            rank: This process.
            step: Steps done before the first `step()`.
        """
        self._folder = folder
        self._rank = rank
        self._step = step
        self._first = step + WARM_UP + 1
        self._last = step + WARM_UP + count if count else 0
        self._profile: profile | None = None
        self._block: record_function | None = None  # in it, of the step under way

    def __enter__(self) -> Self:
        return self

    def step(self) -> None:
        """Say that a step is done."""
        self._step += 1
        if self._block is not None:
            self._block.__exit__(None, None, None)
            self._block = None
        if self._profile is not None and self._step == self._last:
            self._write(self._profile)
        elif self._step == self._first - 1 and self._last:
            self._profile = _started()
        if self._profile is not None:
            self._block = record_function(f"step {self._step + 1}")
            self._block.__enter__()

    def __exit__(self, *exception: object) -> None:
        if self._profile is not None:  # the run has ended before
            self._write(self._profile)
        elif self._step < self._first and self._last:
            console.warn(f"no profile is written: the run ended before step {self._first}.")

    def _write(self, trace: profile) -> None:
        """A trace that cannot be written costs the trace, not the run."""
        path = self._folder / f"rank-{self._rank}-step-{self._first}.json.gz"
        self._profile = None
        trace.stop()
        try:
            with writing(path), TemporaryDirectory() as folder:
                plain = Path(folder) / "trace.json"
                trace.export_chrome_trace(str(plain))
                path.parent.mkdir(parents=True, exist_ok=True)
                replace_file(path, gzip.compress(plain.read_bytes(), compresslevel=6))
        except UserError as error:
            console.warn(f"{error} Training goes on without the profile.")
        else:
            console.say(f"Profile of steps {self._first} to {self._step}: {path}")


def _started() -> profile:
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # it tells its developers of each start
    activities = [ProfilerActivity.CPU]
    if torch.cuda.is_available():
        activities.append(ProfilerActivity.CUDA)
    trace = profile(activities=activities, acc_events=True)
    trace.start()
    return trace
