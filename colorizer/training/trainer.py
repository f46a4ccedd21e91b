"""The training loop. Running the same command again continues where the run stopped."""

import json
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, nullcontext

import torch
from accelerate import Accelerator

from colorizer import console
from colorizer.config import ColorizationConfig, ExtractionConfig, TrainConfig
from colorizer.data.dataset import Batch, TrainingData
from colorizer.data.index import read_index
from colorizer.data.loader import load_batches
from colorizer.data.order import BatchNumbers
from colorizer.errors import LostConnection, UserError
from colorizer.memory import keep_freed_memory
from colorizer.processes import is_lost_connection
from colorizer.settings import to_json
from colorizer.storage import check_writable, writing
from colorizer.training import checkpoint
from colorizer.training.colorization import Colorization
from colorizer.training.extraction import Extraction
from colorizer.training.health import Health
from colorizer.training.run import RunFolder
from colorizer.training.saving import Saver
from colorizer.training.start import (
    StopRequest,
    check_same,
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
    if accelerator.device.type == "cpu":
        keep_freed_memory()
    check_settings(config, accelerator.num_processes)
    check_writable(config.output)
    data = TrainingData(config.data / "train", config.seed, config.shard_window, config.bad_samples)
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
    with run.locked() if main else nullcontext(), others_answer(trainer):
        accelerator.wait_for_everyone()  # nobody else saves here any more
        newest = run.find_checkpoint()
        check_same(accelerator, newest, config.output)  # and all have read it, before it is changed
        if newest:
            trainer.resume(newest)
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


@contextmanager
def others_answer(trainer: "Trainer") -> Iterator[None]:
    """Turn torch's many ways to say that another process is gone into a sentence."""
    try:
        yield
    except RuntimeError as error:
        if not is_lost_connection(error):
            raise
        raise LostConnection(
            f"process {trainer.accelerator.process_index} stops after step {trainer.step}: another"
            f" one has ended, or did not answer for {trainer.config.timeout:g} s; see what it says."
            " The same command continues from the newest checkpoint."
        ) from error


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
        self.health = Health(
            config, accelerator, len(data.reader), data.allowed, run_folder.checkpoints
        )
        self.saver = Saver(run_folder.checkpoints, config.keep_checkpoints, config.keep_every)
        self.logged = (0, 0.0)  # step and time of the last log line

    def resume(self, newest: checkpoint.Newest) -> None:
        """Continue from a verified checkpoint.

        Raises:
            UserError: its tensors are not those of the networks.
        """
        state = newest.state
        names = [name.removesuffix(".safetensors") for name in state.files]
        try:
            self.task.load_state({n: checkpoint.read(newest.path, n) for n in names}, state.step)
            if self.accelerator.scaler is not None and state.scaler is not None:
                self.accelerator.scaler.load_state_dict(state.scaler)
        except (KeyError, RuntimeError) as error:
            raise UserError(
                f"{newest.path}: what it holds does not fit the networks of its settings ({error})."
            ) from error
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
            self.saver,
            closing(self._batches()) as batches,
            console.progress("training", config.steps, "steps", self.step, main) as advance,
        ):
            for batch in batches:
                self._learn(batch)
                if not accelerator.sync_gradients:
                    continue
                self.step += 1
                last = self._is_last(stop)
                if last or self.step % config.log_every == 0:
                    figures = self._log()
                if samples and (last or self.step % config.sample_every == 0):
                    name = f"step-{self.step:08d}.png"
                    with surviving():
                        samples.write(self.task.result_generator, self.run_folder.samples / name)
                if last:
                    self._save_last()
                elif self.step % config.checkpoint_every == 0:
                    self._save()
                with self._surviving_checkpoint():
                    self.saver.check()
                advance(self.step, figures)
                if last:
                    break
        for tracker in accelerator.trackers:
            tracker.finish()
        if main and self.health.bad_samples:
            console.warn(f"{self.health.bad_samples} samples could not be read and were replaced.")
        if main and self.step < config.steps:
            console.say(f"Stopped and saved at step {self.step}; the same command continues.")

    def _batches(self) -> Generator[Batch, None, None]:
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
        return load_batches(self.data, numbers, config.workers, pin_memory, config.timeout)

    def _learn(self, batch: Batch) -> None:
        """Learn from one batch of the next step, and write down what it was."""
        parameters = self.task.draw_parameters(batch.numbers)
        with self.accelerator.accumulate(*self.task.trained):
            outcome = self.task.step(batch, parameters)
        self.health.add(self.step + 1, batch, outcome)
        if self.config.log_samples:
            rank = self.accelerator.process_index
            with surviving():
                self.run_folder.append_samples(rank, self.step + 1, batch, parameters)

    def _is_last(self, stop: StopRequest) -> bool:
        """Whether to end after this step; every process gets the same answer."""
        if self.step == self.config.steps:
            return True
        if self.accelerator.num_processes == 1:
            return stop.received
        # Asking makes the host wait for the GPU. On a CPU there is no one to wait for.
        if self.accelerator.device.type == "cuda" and self.step % STEPS_BETWEEN_AGREEMENTS:
            return False
        return self._anyone(stop.received)

    def _anyone(self, answer: bool) -> bool:
        """Whether any process says yes."""
        flag = torch.tensor(float(answer), device=self.accelerator.device)
        return self.accelerator.reduce(flag, "sum").item() > 0

    def _log(self) -> str:
        """Write the losses since the last time; gives the line for the progress bar."""
        losses = self.health.means()
        step, moment = self.logged
        self.logged = (self.step, time.monotonic())
        rate = (self.step - step) * self.config.batch_size / (self.logged[1] - moment)
        figures = {"step": self.step, **losses, "images_per_second": rate}
        if self.accelerator.is_main_process:
            with surviving():
                self.run_folder.append_metrics(figures)
        with surviving(), writing(self.config.output):
            self.accelerator.log(figures, step=self.step)
        shown = "  ".join(f"{name} {value:.4f}" for name, value in losses.items())
        return f"{shown}  {rate:.1f} images/s"

    # ---- Checkpoints

    def _save(self) -> None:
        """Have a checkpoint written while training goes on."""
        self.health.look()
        self.health.check_weights(self.task.trained)
        if self.accelerator.is_main_process:
            with self._surviving_checkpoint():
                self.saver.wait()
            self.saver.save(self.task.state(), self._state())

    def _save_last(self) -> None:
        """Write a checkpoint, and wait until it is there.

        Raises:
            UserError: in every process, if it cannot be written.
        """
        self._save()
        failure = None
        if self.accelerator.is_main_process:
            try:
                self.saver.wait()
            except UserError as error:
                failure = error
        if self._anyone(failure is not None):
            if failure is None:
                raise UserError(f"process {self.accelerator.process_index} stops as well.")
            raise UserError(
                f"{failure} Step {self.step} is not saved ({self._newest()}). When there is room,"
                " the same command continues."
            )

    def _state(self) -> checkpoint.State:
        scaler = self.accelerator.scaler
        return checkpoint.State(
            step=self.step,
            config=to_json(self.config),
            data=self.run_folder.data,
            size=self.data.reader.index.size,
            processes=self.accelerator.num_processes,
            scaler=scaler.state_dict() if scaler is not None else None,
            files={},
        )

    @contextmanager
    def _surviving_checkpoint(self) -> Iterator[None]:
        """A checkpoint that cannot be written does not end the run."""
        try:
            yield
        except UserError as error:
            console.warn(
                f"{error} Training goes on, and tries again at the next checkpoint"
                f" ({self._newest()})."
            )

    def _newest(self) -> str:
        steps = checkpoint.saved_steps(self.run_folder.checkpoints)
        return f"the newest checkpoint is {steps[0].name}" if steps else "there is no checkpoint"


@contextmanager
def surviving() -> Iterator[None]:
    """What shows how a run goes may fail to be written; the run goes on."""
    try:
        yield
    except UserError as error:
        console.warn(f"{error} Training goes on without it.")
