"""Keeping a run's checkpoints: one that cannot be written ends the run only if it is the last."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from accelerate import Accelerator

from colorizer.checkpoints.best import Best
from colorizer.checkpoints.checkpoint import State, saved_steps
from colorizer.checkpoints.host_copy import Tensors
from colorizer.checkpoints.mirror import Mirror
from colorizer.checkpoints.saving import Saver, point_at_best
from colorizer.config.training import TrainConfig
from colorizer.system import console
from colorizer.system.errors import UserError
from colorizer.training.run import RunFolder
from colorizer.training.together import anyone


class Keeper:
    """Saves from the main process; the others only take part.

    Leaving the `with` block waits for what is being written.
    """

    def __init__(
        self, config: TrainConfig, accelerator: Accelerator, run_folder: RunFolder, buckets: bool
    ) -> None:
        self._accelerator = accelerator
        self._folder = run_folder.checkpoints
        keep, keep_every = config.keep_checkpoints, config.keep_every
        self._mirror = None
        if config.mirror is not None and accelerator.is_main_process:
            self._mirror = Mirror(config.mirror, run_folder.folder, keep, keep_every)
        copy = self._mirror.copy if self._mirror else None
        self._saver = Saver(self._folder, keep, keep_every, buckets, copy)

    def __enter__(self) -> Self:
        self._saver.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._saver.__exit__(*exception)
        if self._mirror is not None:
            self._mirror.__exit__(*exception)

    def save(self, tensors: Tensors, state: State) -> None:
        """Have a checkpoint written while training goes on."""
        if self._accelerator.is_main_process:
            with self._warning_instead():
                self._saver.wait()
            self._saver.save(tensors, state)

    def save_last(self, tensors: Tensors, state: State) -> None:
        """Write a checkpoint, and wait until it is there.

        Raises:
            UserError: in every process, if it cannot be written.
        """
        self.save(tensors, state)
        failure = None
        if self._accelerator.is_main_process:
            try:
                self._saver.wait()
            except UserError as error:
                failure = error
        if anyone(self._accelerator, failure is not None):
            if failure is None:
                raise UserError(
                    f"process {self._accelerator.process_index} stops too; see the message of"
                    " process 0."
                )
            raise UserError(
                f"{failure} Step {state.step} is not saved ({self._newest()}). Make room, then"
                " run the same command to continue."
            )

    def check(self) -> None:
        """Say, without waiting for it, if what was being written could not be."""
        with self._warning_instead():
            self._saver.check()

    def point_at(self, best: Best) -> None:
        """Say which of the checkpoints that are there is the best."""
        if self._accelerator.is_main_process:
            with self._warning_instead():
                point_at_best(self._folder, best)

    @contextmanager
    def _warning_instead(self) -> Iterator[None]:
        """A checkpoint that cannot be written does not end the run."""
        try:
            yield
        except UserError as error:
            console.warn(
                f"{error} Training goes on, and tries again at the next checkpoint"
                f" ({self._newest()})."
            )

    def _newest(self) -> str:
        steps = saved_steps(self._folder)
        return (
            f"the newest checkpoint is {steps[0].name}" if steps else "no checkpoint was saved yet"
        )
