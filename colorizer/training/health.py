"""Whether a run is sound: finite losses, gradients and weights, and samples that can be read."""

import math
from collections.abc import Iterable
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import nn

from colorizer.config.training import TrainConfig
from colorizer.loading.batch import Batch
from colorizer.system import console
from colorizer.system.errors import UserError
from colorizer.training.record import LossRecord
from colorizer.training.task import StepResult
from colorizer.training.together import reduced

MAX_LEFT_OUT = 100  # updates in a row; by then nothing but the start of a new run helps
MIN_SCALE = 2.0**-10  # of fp16's losses; 65,536 at first
FAULTS_SHOWN = 3  # at one look


class Health:
    """Losses and bad samples of all processes since the last mean was taken."""

    def __init__(
        self,
        config: TrainConfig,
        accelerator: Accelerator,
        samples: int,
        allowed_bad: int,
        checkpoints: Path,
    ) -> None:
        """Begin with nothing recorded.

        Args:
            config: What not to tolerate.
            accelerator: All processes look at the same moments.
            samples: In the set.
            allowed_bad: How many samples of the set may be unreadable.
            checkpoints: For the messages.
        """
        self._config = config
        self._accelerator = accelerator
        self._samples = samples
        self._allowed = allowed_bad
        self._checkpoints = checkpoints
        self._record = LossRecord(judges_gradients=accelerator.scaler is None)
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}
        self._faults = 0
        self._bad: set[int] = set()  # places in the set that this process has met
        self._newly_bad = 0  # of them, since the last look
        self.bad_samples = 0  # over all processes, at the last look

    def add(self, step: int, batch: Batch, outcome: StepResult) -> None:
        """Remember what a batch of a step has shown, and say which samples were replaced."""
        self._record.add(step, batch.keys, outcome.losses, outcome.norms)
        for place, fault in batch.bad.items():
            if place not in self._bad:
                console.warn(f"{fault} Another sample takes its place.")
        self._newly_bad += len(batch.bad.keys() - self._bad)
        self._bad |= batch.bad.keys()

    def look(self) -> None:
        """Judge what was added: the one wait for the device. All processes must call it.

        Raises:
            UserError: in every process, if it has to stop.
        """
        look = self._record.look()
        for name in look.sums:
            self._sums[name] = self._sums.get(name, 0.0) + look.sums[name]
            self._counts[name] = self._counts.get(name, 0) + look.counts[name]
        faults, newly_bad = map(round, self._over_all([len(look.faults), self._newly_bad]))
        self._faults += faults
        self._newly_bad = 0
        if newly_bad:
            self.bad_samples = self._bad_anywhere()
        if faults:
            self._judge_faults(look.faults)
        if self.bad_samples > self._allowed:
            raise UserError(
                f"{self.bad_samples} samples cannot be read, but --bad-samples"
                f" {self._config.bad_samples:g} allows only {self._allowed}. A warning named each;"
                " repair their shards or allow more."
            )
        scaler = self._accelerator.scaler
        if scaler is not None and scaler.get_scale() < MIN_SCALE:
            raise UserError(
                f"fp16's loss scale has fallen to {scaler.get_scale()}: no gradient fits any more."
                f" {self._checkpoints} is as before; use --mixed-precision bf16 or no."
            )

    def _judge_faults(self, faults: list[str]) -> None:
        rank = self._accelerator.process_index
        if self._config.not_finite == "stop":
            if not faults:
                raise UserError(f"process {rank} stops too; see another process's message.")
            raise UserError(
                f"{faults[0]}, so training stops. The update was left out, and"
                f" {self._checkpoints} is as before. Try a lower learning rate or"
                " --mixed-precision no; --not-finite skip continues without such updates."
            )
        for fault in faults[:FAULTS_SHOWN]:
            console.warn(f"{fault}; the update was left out.")
        if len(faults) > FAULTS_SHOWN:
            console.warn(f"and {len(faults) - FAULTS_SHOWN} more steps like these.")
        for name, count in self._record.left_out.items():
            if count >= MAX_LEFT_OUT:
                raise UserError(
                    f"the last {count} updates of the {name} were left out, so training stops."
                    f" {self._checkpoints} is as before; try a lower learning rate."
                )

    def means(self) -> dict[str, float]:
        """Means since the last time, over all processes; nan where none was finite.

        Returns:
            `loss/l1` and so on, `gradient/generator` and so on; with `--not-finite skip` also
            `left_out`, the steps with something that was not finite.

        Raises:
            UserError: see `look`.
        """
        self.look()
        names = list(self._sums)
        totals = self._over_all([*self._sums.values(), *self._counts.values()])
        sums, counts = totals[: len(names)], totals[len(names) :]
        means = {n: s / c if c else math.nan for n, s, c in zip(names, sums, counts, strict=True)}
        if self._config.not_finite == "skip":
            means["left_out"] = self._faults
        self._sums, self._counts, self._faults = {}, {}, 0
        return means

    def _over_all(self, figures: list[float]) -> list[float]:
        """Sums over the processes."""
        device = self._accelerator.device
        precise = torch.float64 if device.type != "mps" else torch.float32
        tensor = torch.tensor(figures, dtype=precise, device=device)
        return reduced(self._accelerator, tensor, "sum").tolist()

    def _bad_anywhere(self) -> int:
        """Bad samples that any process has met: in time each meets them all."""
        met = torch.zeros(self._samples, device=self._accelerator.device)
        met[sorted(self._bad)] = 1
        return int((reduced(self._accelerator, met, "sum") > 0).sum())

    def check_weights(self, networks: Iterable[nn.Module]) -> None:
        """The last update comes after the last loss: broken weights must not push out good ones.

        Raises:
            UserError: in every process, since all have the same weights.
        """
        for network in networks:
            state = (t for t in network.state_dict().values() if t.is_floating_point())
            if not torch.stack([tensor.sum() for tensor in state]).isfinite().all():
                raise UserError(
                    "the weights are no longer finite, so training stops without saving them."
                    f" {self._checkpoints} is as before. Try a lower learning rate."
                )
