"""The training loop. Running the same command again continues where the run stopped."""

import json
import math
import time
from collections.abc import Iterator
from contextlib import nullcontext

import torch
from accelerate import Accelerator

from colorizer import console
from colorizer.config import ColorizationConfig, ExtractionConfig, TrainConfig
from colorizer.data.dataset import Batch, BatchNumbers, TrainingData, load_batches
from colorizer.data.shards import read_index
from colorizer.errors import UserError
from colorizer.settings import to_json
from colorizer.storage import check_writable
from colorizer.training import checkpoint, saving
from colorizer.training.colorization import Colorization
from colorizer.training.extraction import Extraction
from colorizer.training.generator_file import describe_generator
from colorizer.training.run import RunFolder
from colorizer.training.start import (
    StopRequest,
    check_settings,
    check_size,
    describe,
    start_accelerator,
)
from colorizer.training.task import Task

STEPS_BETWEEN_AGREEMENTS = 10  # how often several processes ask each other whether to stop


def train(config: TrainConfig) -> bool:
    """Train until `config.steps`, or until Ctrl-C or SIGTERM, which save first.

    Returns:
        Whether the run has all its steps; the same in every process.

    Raises:
        UserError: settings, data, weights or an earlier run do not fit: nothing is changed then. Or
            a loss is no longer finite: the last checkpoint is from before.
    """
    accelerator = start_accelerator(config)
    main = accelerator.is_main_process
    check_settings(config, accelerator.num_processes)
    check_writable(config.output)
    data = TrainingData(config.data / "train", config.seed, config.shard_window)
    read_index(config.data / "held-out")
    check_size(config, data)
    if main:
        describe(config, accelerator, data)
    if config.dry_run:
        return False
    run = RunFolder(config, data.reader.index)
    newest = run.find_checkpoint()
    if newest and newest.state.step >= config.steps:
        if main:
            console.say(f"{config.output} has its {config.steps} steps already; nothing to do.")
        return True
    trainer = Trainer(config, accelerator, data, run, build_task(config, accelerator))
    with run.locked() if main else nullcontext():
        if newest:
            trainer.resume(newest)
        accelerator.wait_for_everyone()  # all have read what is there before anything is changed
        if main:
            run.prepare(newest)
        accelerator.wait_for_everyone()
        trainer.run()
    return trainer.step == config.steps


def build_task(config: TrainConfig, accelerator: Accelerator) -> Task:
    """The networks that a preset trains."""
    match config:
        case ColorizationConfig():
            return Colorization(config, accelerator)
        case ExtractionConfig():
            return Extraction(config, accelerator)


class Trainer:
    """A run: its task, the step it stands at, and what it writes."""

    def __init__(
        self,
        config: TrainConfig,
        accelerator: Accelerator,
        data: TrainingData,
        run_folder: RunFolder,
        task: Task,
    ) -> None:
        self.config = config
        self.accelerator = accelerator
        self.data = data
        self.run_folder = run_folder
        self.task = task
        self.step = 0
        self.totals: dict[str, torch.Tensor] = {}  # sums of the losses since the last log line
        self.logged = (0, 0.0)  # step and time of it

    def resume(self, newest: checkpoint.Newest) -> None:
        """Continue from a verified checkpoint."""
        state = newest.state
        names = [name.removesuffix(".safetensors") for name in state.files]
        self.task.load_state({n: checkpoint.read(newest.path, n) for n in names}, state.step)
        if self.accelerator.scaler is not None and state.scaler is not None:
            self.accelerator.scaler.load_state_dict(state.scaler)
        self.step = state.step
        if self.accelerator.is_main_process:
            console.say(f"Continuing {self.run_folder.folder} from step {self.step}.")

    def run(self) -> None:
        """Train to the end or to a request to stop; either way the last step is saved."""
        config, accelerator = self.config, self.accelerator
        main = accelerator.is_main_process
        samples = self.task.sample_grid() if main and config.sample_every else None
        if config.log_with:
            flat = {"config": json.dumps(to_json(config))}
            accelerator.init_trackers("colorizer", flat)
        self.logged = (self.step, time.monotonic())
        figures = ""
        with (
            StopRequest() as stop,
            console.progress("training", config.steps, "steps", self.step, main) as advance,
        ):
            for batch in self._batches():
                with accelerator.accumulate(*self.task.trained):
                    self._add(self.task.step(batch))
                if config.log_samples:
                    rank = accelerator.process_index
                    self.run_folder.append_keys(rank, self.step + 1, batch.keys)
                if not accelerator.sync_gradients:
                    continue
                self.step += 1
                last = self._is_last(stop)
                if last or self.step % config.log_every == 0:
                    figures = self._log()
                if samples and (last or self.step % config.sample_every == 0):
                    name = f"step-{self.step:08d}.png"
                    samples.write(self.task.result_generator, self.run_folder.samples / name)
                if last or self.step % config.checkpoint_every == 0:
                    self._save()
                advance(self.step, figures)
                if last:
                    break
        for tracker in accelerator.trackers:
            tracker.finish()
        if main and self.step < config.steps:
            console.say(f"Stopped and saved at step {self.step}; the same command continues.")

    def _batches(self) -> Iterator[Batch]:
        """This process's batches from here to the last step."""
        config, accelerator = self.config, self.accelerator
        numbers = BatchNumbers(
            self.step,
            config.steps,
            config.batch_size,
            config.accumulate,
            accelerator.process_index,
            accelerator.num_processes,
        )
        pin_memory = accelerator.device.type == "cuda"
        return load_batches(self.data, numbers, config.workers, pin_memory)

    def _is_last(self, stop: StopRequest) -> bool:
        """Whether to end after this step; every process gets the same answer."""
        if self.step == self.config.steps:
            return True
        if self.accelerator.num_processes == 1:
            return stop.received
        # Asking makes the host wait for the GPU. On a CPU there is no one to wait for.
        if self.accelerator.device.type == "cuda" and self.step % STEPS_BETWEEN_AGREEMENTS:
            return False
        flag = torch.tensor(float(stop.received), device=self.accelerator.device)
        return self.accelerator.reduce(flag, "sum").item() > 0

    def _add(self, losses: dict[str, torch.Tensor]) -> None:
        for name, value in losses.items():
            self.totals[name] = self.totals[name] + value if name in self.totals else value

    def _mean_losses(self) -> dict[str, float]:
        """Means since the last log line, over all processes: the one wait for the device.

        Raises:
            UserError: in every process, if one is not finite.
        """
        batches = (self.step - self.logged[0]) * self.config.accumulate
        means = self.accelerator.reduce(torch.stack(list(self.totals.values())) / batches, "mean")
        losses = dict(zip(self.totals, means.tolist(), strict=True))
        for name, value in losses.items():
            if not math.isfinite(value):
                raise UserError(
                    f"the {name} loss became {value} between steps {self.logged[0]} and"
                    f" {self.step}; training"
                    f" stopped. {self.run_folder.checkpoints} is as before; try a lower"
                    " learning rate, or"
                    " --mixed-precision no."
                )
        return losses

    def _check_weights(self) -> None:
        """The last update comes after the last loss: broken weights must not push out good ones.

        Raises:
            UserError: in every process, since all have the same weights.
        """
        for network in self.task.trained:
            sums = torch.stack([parameter.detach().sum() for parameter in network.parameters()])
            if not sums.isfinite().all():
                raise UserError(
                    f"weights are no longer finite at step {self.step}; training stopped."
                    f" {self.run_folder.checkpoints} is as before; try a lower learning rate."
                )

    def _log(self) -> str:
        """Write the losses since the last time; gives the line for the progress bar."""
        losses = self._mean_losses()
        step, moment = self.logged
        self.totals, self.logged = {}, (self.step, time.monotonic())
        rate = (self.step - step) * self.config.batch_size / (self.logged[1] - moment)
        figures = {"step": self.step, **losses, "images_per_second": rate}
        if self.accelerator.is_main_process:
            self.run_folder.append_metrics(figures)
        self.accelerator.log(figures, step=self.step)
        shown = "  ".join(f"{name} {value:.4f}" for name, value in losses.items())
        return f"{shown}  {rate:.1f} images/s"

    def _save(self) -> None:
        """Write a checkpoint and delete the oldest ones."""
        if self.totals:
            self._mean_losses()
        self._check_weights()
        if self.accelerator.is_main_process:
            config, size = to_json(self.config), self.data.reader.index.size
            scaler = self.accelerator.scaler
            state = checkpoint.State(
                step=self.step,
                config=config,
                data=self.run_folder.data,
                size=size,
                processes=self.accelerator.num_processes,
                scaler=scaler.state_dict() if scaler is not None else None,
                files={},
            )
            header = describe_generator(config["task"], config["network"], size, self.step)
            saving.save(self.run_folder.checkpoints, self.task.state(), state, header)
            saving.prune(self.run_folder.checkpoints, self.config.keep_checkpoints)
        self.accelerator.wait_for_everyone()
