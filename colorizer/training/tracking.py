"""What `--log-with` sends to trackers: settings, figures and sample grids."""

import math
import secrets
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from accelerate import Accelerator

from colorizer.config.serialization import flatten, to_json
from colorizer.config.training import TrainConfig
from colorizer.system import console
from colorizer.system.errors import UserError
from colorizer.system.storage import replace_file

PROJECT = "colorizer"
IDENTITY = "tracking-id"  # file in the run folder: by it a service knows a continued run again
SHOW_PICTURES = ("tensorboard", "wandb", "trackio")


class Tracker(Protocol):
    """What Accelerate's trackers have; the base class that it gives them declares less."""

    name: str
    tracker: Any  # the service's own

    def store_init_configuration(self, values: dict[str, Any]) -> None:
        """Send the settings."""

    def log(self, values: dict[str, Any], step: int | None) -> None:
        """Send the figures of a step."""

    def log_images(self, values: dict[str, Any], step: int | None, **kwargs: Any) -> None:
        """Send pictures; only those in SHOW_PICTURES can."""

    def finish(self) -> None:
        """Have everything sent."""


class Trackers:
    """The trackers of a run, in its main process; in the others nothing happens.

    One that fails in the middle of a run, as when the network is gone, is warned of once and gets
    nothing more until the run is started again.
    """

    def __init__(self, config: TrainConfig, accelerator: Accelerator, step: int = 0) -> None:
        """Start them, and send the settings as separate values: `loss.l1`, ...

        Args:
            config: Names them in `log_with`.
            accelerator: Made with the same `log_with`.
            step: Where the run continues; what TensorBoard has of later steps is dropped.

        Raises:
            UserError: one cannot start; names it.
        """
        self._trackers: list[Tracker] = []
        self._excepthook = threading.excepthook
        if not config.log_with or not accelerator.is_main_process:
            return
        try:
            accelerator.init_trackers(PROJECT, init_kwargs=_arguments(config, step))
            for tracker in accelerator.trackers:
                _store_settings(tracker, to_json(config))
        except Exception as error:
            names = ", ".join(config.log_with)
            raise UserError(f"--log-with {names} cannot start: {_sentence(error)}.") from error
        self._trackers = list(accelerator.trackers)
        threading.excepthook = self._pass_over_tensorboard
        blind = [t.name for t in self._trackers if t.name not in SHOW_PICTURES]
        if blind:
            console.say(f"Sample grids do not go to {', '.join(blind)}; the run folder has them.")

    def log(self, figures: Mapping[str, float | None], step: int) -> None:
        """Send the figures of a step; those that are not finite are left out."""
        finite = {n: float(v) for n, v in figures.items() if v is not None and math.isfinite(v)}
        if finite:
            self._each(lambda tracker: tracker.log(finite, step=step))

    def log_picture(self, name: str, picture: np.ndarray, step: int) -> None:
        """Send a picture (H×W×3 uint8 RGB) to those trackers that show pictures."""
        self._each(lambda tracker: _log_picture(tracker, name, picture, step))

    def close(self) -> None:
        """Have everything sent; nothing can be logged after."""
        self._each(lambda tracker: tracker.finish())
        self._trackers = []
        threading.excepthook = self._excepthook

    def _pass_over_tensorboard(self, failure: threading.ExceptHookArgs) -> None:
        """Its writing thread fails with a traceback, and the next call again: that is enough."""
        if type(failure.thread).__module__ != "tensorboard.summary.writer.event_file_writer":
            self._excepthook(failure)

    def _each(self, send: Callable[[Tracker], None]) -> None:
        for tracker in list(self._trackers):
            try:
                send(tracker)
            except Exception as error:  # whatever a service or its library may raise
                self._trackers.remove(tracker)
                console.warn(
                    f"--log-with {tracker.name}: {_sentence(error)}. Training goes on, and sends"
                    " nothing more there until it is started again."
                )


def _sentence(error: Exception) -> str:
    text = " ".join(str(error).split()).rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _arguments(config: TrainConfig, step: int) -> dict[str, dict[str, Any]]:
    """What each tracker needs to take a continued run for the same one."""
    identity = _identity(config.output)
    name = f"{config.output.absolute().name}-{identity}"
    return {
        "tensorboard": {"purge_step": step + 1 if step else 0},
        "wandb": {"id": identity, "name": name, "resume": "allow", "dir": str(config.output)},
        "trackio": {"name": name, "resume": "allow"},
    }


def _identity(folder: Path) -> str:
    path = folder / IDENTITY
    if not path.exists():
        replace_file(path, f"{secrets.token_hex(4)}\n".encode())
    return path.read_text().strip()


def _store_settings(tracker: Tracker, settings: dict[str, Any]) -> None:
    simple = {
        name: value if isinstance(value, bool | int | float | str) else str(value)
        for name, value in flatten(settings).items()
    }
    if tracker.name == "tensorboard":
        # Accelerate, and torch, would make another run within this one at each start; a second file
        # beside the first one would keep TensorBoard from reading on in that.
        from torch.utils.tensorboard.summary import hparams

        for summary in hparams(simple, {}):
            tracker.tracker.file_writer.add_summary(summary)
    else:
        tracker.store_init_configuration(simple)


def _log_picture(tracker: Tracker, name: str, picture: np.ndarray, step: int) -> None:
    match tracker.name:
        case "tensorboard":
            tracker.log_images({name: picture[None]}, step=step, dataformats="NHWC")
            tracker.tracker.flush()
        case "wandb":
            tracker.log_images({name: [picture]}, step=step)
        case "trackio":
            from trackio import Image  # pyright: ignore[reportMissingImports]  # may be missing

            tracker.log({name: Image(picture)}, step=step)
