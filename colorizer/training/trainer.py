"""The training loop: learn, look, save."""

import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager

from accelerate import Accelerator
from accelerate.utils import gather_object

from colorizer.checkpoints import checkpoint
from colorizer.checkpoints.best import Best, chosen_figure, no_longer_gains
from colorizer.config.serialization import to_json
from colorizer.config.training import TrainConfig
from colorizer.loading.batch import Batch
from colorizer.loading.dataset import TrainingData
from colorizer.loading.loader import load_batches
from colorizer.loading.order import BatchNumbers
from colorizer.loading.traffic import Traffic
from colorizer.shards.index import read_index
from colorizer.system import console
from colorizer.system.errors import LostConnection, UserError
from colorizer.training.health import Health
from colorizer.training.held_out import HeldOut
from colorizer.training.keeping import Keeper
from colorizer.training.profiling import StepProfiler
from colorizer.training.reporting import Reporter, warning_instead
from colorizer.training.run import RunFolder, sample_lines
from colorizer.training.schedule import learning_rate_factor
from colorizer.training.signals import StopRequest, restarts_left
from colorizer.training.task import Task
from colorizer.training.together import (
    anyone,
    found_by_first,
    lost_process,
    on_first_machine,
    sent_by_first,
)
from colorizer.training.watch import Watch

STEPS_BETWEEN_AGREEMENTS = 10  # how often several processes ask each other whether to stop


class Trainer:
    """A run: its task, the step it stands at, and the best of its looks at held-out pictures."""

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
        self.origin: checkpoint.Origin | None = None  # None: random weights
        self.health = Health(
            config, accelerator, len(data.reader), data.allowed, run_folder.checkpoints
        )
        self.held_out = self._hold_out()
        self.looked = 0  # step of the last look
        self.best: Best | None = None

    def _hold_out(self) -> HeldOut | None:
        """Raises: UserError: what is to be judged by them cannot be."""
        config = self.config
        reason = "--evaluate-every is 0" if not config.evaluate_every else ""
        if read_index(config.held_out_shards).samples == 0:
            reason = f"{config.data[0]} holds none out"
        if not reason:
            held_out = self.task.held_out()
            chosen_figure(config.best_by, held_out.figures)
            return held_out
        if config.patience or config.best_by != "auto":
            raise UserError(f"--patience and --best-by need held-out pictures, but {reason}.")
        return None

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to do."""
        return self.step == self.config.steps or self._no_longer_gains()

    def _no_longer_gains(self) -> bool:
        return no_longer_gains(self.config.best_by, self.config.patience, self.best)

    def resume(self, newest: checkpoint.FoundCheckpoint) -> None:
        """Continue from a verified checkpoint.

        Raises:
            UserError: its tensors are not those of the networks.
        """
        state = newest.state
        names = [name.removesuffix(".safetensors") for name in state.files]
        tensors = sent_by_first(
            self.accelerator, lambda: {name: checkpoint.read(newest.path, name) for name in names}
        )
        try:
            self.task.load_state(tensors, state.step)
            if self.accelerator.scaler is not None and state.scaler is not None:
                self.accelerator.scaler.load_state_dict(state.scaler)
        except (KeyError, RuntimeError) as error:
            raise UserError(
                f"{newest.path} does not fit the networks of its settings ({error}); use the"
                " version of the program that wrote it."
            ) from error
        self.step, self.looked, self.best = state.step, state.looked, state.best
        self.origin = state.origin
        best = self.best
        if best and not found_by_first(self.accelerator, lambda: _is_there(newest, best)):
            if self.accelerator.is_main_process:
                console.warn(
                    f"the best checkpoint, of step {best.step}, is gone; the next look counts"
                    " as the best so far."
                )
            self.best = None
        if self.accelerator.is_main_process:
            console.say(f"Continuing {self.run_folder.folder} from step {self.step}.")

    def run(self) -> None:
        """Train to the end or to a request to stop; either way the last step is saved.

        Raises:
            LostConnection: another process was asked to stop, and the launcher goes on without it.
        """
        with self._under_way() as batches:
            if self.origin and self.held_out and self.step == 0:
                self._look(self.held_out)  # what there is to beat
            if best := self._look_if_due():  # it was stopped before this look
                self.keeper.point_at(best)
            if not self.is_complete:
                self._learn_from(batches)
        self.reporter.close()
        if self.accelerator.is_main_process:
            self._say_end()
        if not self.is_complete and not self.stop.received and restarts_left():
            raise LostConnection(
                f"process {self.accelerator.process_index} ends, as another one was asked to stop;"
                " the launcher starts it again with those that are left."
            )

    def _learn_from(self, batches: Iterator[Batch]) -> None:
        for batch in self.reporter.timed(batches):
            with self.watch.watching():
                self._learn(batch)
            if self.accelerator.sync_gradients and self._end_step():
                return

    def _end_step(self) -> bool:
        """What comes after an optimisation step; gives whether it was the last."""
        self.step += 1
        self.profiler.step()
        with self.watch.watching():
            stopped = self._is_stopped()
            if self._is_due(self.config.log_every, stopped):
                self.shown_losses = self._log()
        # A scheduler that stops a run does not wait long: what is not due can wait.
        better = None if stopped else self._look_if_due()
        last = stopped or self.is_complete
        self._save(last, better is not None)
        if self.samples and self._is_due(self.config.sample_every, last):
            self.reporter.samples(self.step, self.samples.draw(self.task.result_generator))
        self.advance(self.step, self.shown_losses)
        return last

    def _is_due(self, every: int, last: bool = False) -> bool:
        """Whether what is done every so many steps, and at the last, is to be done now."""
        return last or self.step == self.config.steps or self.step % every == 0

    @contextmanager
    def _under_way(self) -> Iterator[Iterator[Batch]]:
        """All that a run needs while it goes on; gives its batches."""
        config, accelerator = self.config, self.accelerator
        main = accelerator.is_main_process
        self.traffic = Traffic(config.workers + 2)
        self.samples = self.task.sample_grid() if main and config.sample_every else None
        self.reporter = Reporter(config, accelerator, self.run_folder, self.step)
        self.shown_losses = ""  # beside the progress bar
        profiled = config.profile if on_first_machine() else 0
        self.profiler = StepProfiler(
            self.run_folder.profile, profiled, accelerator.process_index, self.step
        )
        with (
            StopRequest() as self.stop,
            Keeper(config, accelerator, self.run_folder, self.data.of_buckets) as self.keeper,
            self.profiler,
            self._make_watch() as self.watch,
            closing(self._batches()) as batches,
            console.progress("training", config.steps, "steps", self.step, main) as self.advance,
        ):
            yield batches

    def _make_watch(self) -> Watch:
        """Over GPUs that wait for each other; gloo itself tells of a process that is lost."""
        config, accelerator = self.config, self.accelerator
        watched = accelerator.num_processes > 1 and accelerator.device.type == "cuda"
        return Watch(
            config.timeout if watched else None,
            lost_process(accelerator, config.timeout),
            unwatched=config.accumulate + 1,  # a first step compiles
        )

    def _say_end(self) -> None:
        config, best = self.config, self.best
        if self.health.bad_samples:
            console.warn(f"{self.health.bad_samples} samples could not be read and were replaced.")
        if best and self._no_longer_gains():
            console.say(
                f"Training ends at step {self.step}: the last {best.looks_since} looks gave no"
                f" better {best.figure}. A larger --patience continues it."
            )
        elif self.step < config.steps:
            console.say(f"Stopped and saved at step {self.step}; the same command continues.")
        if best:
            console.say(
                f"Best {best.figure}: {best.value:.4g} at step {best.step}, kept as"
                f" {self.run_folder.best}."
            )

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
        return load_batches(
            self.data,
            numbers,
            config.workers,
            pin_memory,
            config.timeout,
            self.task.draw_parameters,
            self.traffic,
        )

    def _learn(self, batch: Batch) -> None:
        """Learn from one batch of the next step, and write down what it was."""
        config = self.config
        factor = learning_rate_factor(config.optimizer, self.step, config.steps)
        self.learning_rates = self.task.set_learning_rates(factor)
        with self.accelerator.accumulate(*self.task.trained):
            outcome = self.task.step(batch)
        self.health.add(self.step + 1, batch, outcome)
        if config.log_samples:
            lines = gather_object([sample_lines(self.step + 1, batch)])
            if self.accelerator.is_main_process:
                with warning_instead():
                    self.run_folder.append_samples(lines)

    def _is_stopped(self) -> bool:
        """Whether any process was asked to stop; every process gets the same answer."""
        if self.accelerator.num_processes == 1:
            return self.stop.received
        # Asking makes the host wait for the GPU. On a CPU there is no one to wait for.
        if self.accelerator.device.type == "cuda" and self.step % STEPS_BETWEEN_AGREEMENTS:
            return False
        return anyone(self.accelerator, self.stop.received)

    def _log(self) -> str:
        """Write the losses since the last time; gives the line for the progress bar."""
        rates = {f"learning-rate/{name}": rate for name, rate in self.learning_rates.items()}
        figures = {**self.health.means(), **rates}
        return self.reporter.step(self.step, figures, self.traffic.fetched)

    def _look_if_due(self) -> Best | None:
        """Judge the generator on the held-out pictures; gives the look if it is the best so far."""
        if self.held_out is None or self.step in (0, self.looked):
            return None
        if not self._is_due(self.config.evaluate_every):
            return None
        figures = self._look(self.held_out)
        self.looked = self.step
        figure = chosen_figure(self.config.best_by, self.held_out.figures)
        if self.best and self.best.figure == figure:
            self.best = self.best.after(self.step, figures[figure])
        else:
            self.best = Best(figure, figures[figure], self.step)
        return self.best if self.best.step == self.step else None

    def _look(self, held_out: HeldOut) -> dict[str, float]:
        """The generator's figures on the held-out pictures, which are written down too."""
        start = time.monotonic()
        figures = held_out.look(self.task.result_generator)
        self.reporter.held_out(self.step, figures, time.monotonic() - start)
        return figures

    def _save(self, last: bool, better: bool) -> None:
        """Save if the step is the last or the best, or its turn has come.

        Raises:
            UserError: the weights or losses are not finite; or the last step cannot be saved.
        """
        due = better or self._is_due(self.config.checkpoint_every, last)
        if due:
            self.health.look()
            self.health.check_weights(self.task.trained)
        if last:
            self.keeper.save_last(self.task.state(), self._state())
        elif due:
            self.keeper.save(self.task.state(), self._state())
        self.keeper.check()

    def _state(self) -> checkpoint.State:
        scaler = self.accelerator.scaler
        return checkpoint.State(
            step=self.step,
            config=to_json(self.config),
            data=self.run_folder.data,
            size=self.data.reader.size,
            processes=self.accelerator.num_processes,
            scaler=scaler.state_dict() if scaler is not None else None,
            files={},
            looked=self.looked,
            best=self.best,
            origin=self.origin,
        )


def _is_there(newest: checkpoint.FoundCheckpoint, best: Best) -> bool:
    return (newest.path.parent / checkpoint.step_name(best.step)).is_dir()
