"""What a run tells of itself: metrics.jsonl, curves.png, trackers, sample grids, the terminal."""

import math
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from accelerate import Accelerator

from colorizer.config.training import TrainConfig
from colorizer.loading.batch import Batch
from colorizer.pictures.grid import write_picture
from colorizer.system import console
from colorizer.system.errors import UserError
from colorizer.training.curves import draw_curves
from colorizer.training.run import RunFolder
from colorizer.training.together import gathered
from colorizer.training.tracking import Trackers

SLOW = 0.05  # share of the time spent waiting that is worth a warning
SAY_SLOW_EVERY = 600.0  # seconds


@contextmanager
def warning_instead() -> Iterator[None]:
    """What shows how a run goes may fail to be written; the run goes on."""
    try:
        yield
    except UserError as error:
        console.warn(f"{error} Training goes on without it.")


class Reporter:
    """Writes the figures of a run, from the main process; the others only take part."""

    def __init__(
        self, config: TrainConfig, accelerator: Accelerator, run_folder: RunFolder, step: int
    ) -> None:
        self.config = config
        self.accelerator = accelerator
        self.run_folder = run_folder
        self._trackers = Trackers(config, accelerator, step)
        self._step = step  # of the last line
        self._moment = time.monotonic()
        self._waited = 0.0  # seconds, for data, since then
        self._fetched = 0  # bytes, until then
        self._said_slow: float | None = None  # when; None: nothing was learned yet

    def timed(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The same batches; the time spent waiting for them is remembered."""
        while True:
            start = time.monotonic()
            batch = next(batches, None)
            self._waited += time.monotonic() - start
            if batch is None:
                return
            yield batch

    def step(self, step: int, means: Mapping[str, float], fetched: int = 0) -> str:
        """Write what was learned since the last time.

        Args:
            step: Steps done.
            means: Losses, gradients' norms and learning rates by their names in metrics.jsonl.
            fetched: Bytes of shards that have come from elsewhere, in all.

        Returns:
            The line for the progress bar.
        """
        moment = time.monotonic()
        seconds = moment - self._moment
        rate = (step - self._step) * self.config.batch_size / seconds
        waiting = self._waited / seconds
        arriving = (fetched - self._fetched) / seconds / 1e6
        self._step, self._moment, self._waited, self._fetched = step, moment, 0.0, fetched
        figures = {
            **means,
            **self._memory(),
            "images_per_second": rate,
            "waiting": self._largest([waiting])[0],
        }
        if fetched:
            figures["network/mb_per_second"] = arriving
        self._write(step, figures)
        self._say_slow_network(step, waiting, arriving)
        shown = "  ".join(
            f"{name.removeprefix('loss/')} {value:.4f}"
            for name, value in means.items()
            if name.startswith("loss/")
        )
        return f"{shown}  {rate:.1f} images/s"

    def _say_slow_network(self, step: int, waiting: float, arriving: float) -> None:
        """Warn, now and then, where shards come more slowly than they are learned from.

        Args:
            step: Steps done.
            waiting: Share of the time since the last line.
            arriving: MB of shards a second since then.
        """
        now = time.monotonic()
        if self._said_slow is None:  # the first shards are waited for by everybody
            self._said_slow = -math.inf
            return
        if waiting < SLOW or not arriving or now - self._said_slow < SAY_SLOW_EVERY:
            return
        if not self.accelerator.is_main_process:
            return
        self._said_slow = now
        console.warn(
            f"step {step}: {waiting:.0%} of the time was spent waiting for shards; they come at"
            f" {arriving:,.1f} MB/s, and this process learns from {arriving / (1 - waiting):,.1f}"
            " MB/s. The next epochs need no network if --cache-size holds what this machine reads."
        )

    def held_out(self, step: int, figures: Mapping[str, float], seconds: float) -> None:
        """Write what a look at the held-out pictures has shown, and draw the curves.

        Args:
            step: Steps done.
            figures: `cross/psnr` and so on.
            seconds: That it took.
        """
        named = {f"held-out/{name}": value for name, value in figures.items()}
        self._write(step, {**named, "held-out/seconds": seconds})
        if self.accelerator.is_main_process:
            decibels = {name: v for name, v in figures.items() if name.endswith("/psnr")}
            shown = ", ".join(f"{n.removesuffix('/psnr')} {v:.2f}" for n, v in decibels.items())
            console.say(f"Held-out PSNR at step {step}: {shown} dB")
            self._draw_curves()

    def samples(self, step: int, grid: np.ndarray) -> None:
        """Write a sample grid (H×W×3 uint8); only for the main process."""
        with warning_instead():
            write_picture(self.run_folder.samples / f"step-{step:08d}.png", grid)
        self._trackers.log_picture("samples", grid, step)

    def close(self) -> None:
        """Draw the curves a last time, and have everything sent to the trackers."""
        if self.accelerator.is_main_process:
            self._draw_curves()
        self._trackers.close()

    def _draw_curves(self) -> None:
        with warning_instead():
            draw_curves(self.run_folder.metrics, self.run_folder.curves)

    def _write(self, step: int, figures: Mapping[str, float]) -> None:
        finite = {name: v if math.isfinite(v) else None for name, v in figures.items()}
        if self.accelerator.is_main_process:
            with warning_instead():
                self.run_folder.append_metrics({"step": step, **finite})
        self._trackers.log(figures, step)

    def _memory(self) -> dict[str, float]:
        """The most in use since the start of the program (host), and since the last time (device).

        In GB, of the process that has the most.
        """
        unit = 1 if sys.platform == "darwin" else 1024  # bytes there, else KiB
        used = {"memory/host_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9}
        if self.accelerator.device.type == "cuda":
            used["memory/device_gb"] = torch.accelerator.max_memory_allocated() / 1e9
            torch.accelerator.reset_peak_memory_stats()
        return dict(zip(used, self._largest(list(used.values())), strict=True))

    def _largest(self, values: list[float]) -> list[float]:
        """The largest of each over all processes."""
        row = torch.tensor([values], device=self.accelerator.device)
        return gathered(self.accelerator, row).amax(0).tolist()
