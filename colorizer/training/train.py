"""A training from its settings to its end. The same command again continues where it stopped."""

from contextlib import nullcontext
from functools import partial

from accelerate import Accelerator

from colorizer.checkpoints import checkpoint
from colorizer.checkpoints.best import no_longer_gains
from colorizer.checkpoints.mirror import bring_back, check_mirror
from colorizer.config.training import ColorizationConfig, ExtractorTraining, TrainConfig
from colorizer.loading.dataset import TrainingData, say
from colorizer.remote.address import Location
from colorizer.shards.index import distinct_shapes, read_index
from colorizer.system import console
from colorizer.system.device import exact_float32, kernels_by_trying
from colorizer.system.errors import UserError
from colorizer.system.memory import keep_freed_memory, naming_lack_of_memory
from colorizer.system.storage import check_writable
from colorizer.training.colorization import Colorization
from colorizer.training.extraction import Extraction
from colorizer.training.logbook import Logbook, keep_log
from colorizer.training.origin import FoundOrigin, find_origin, read_origin
from colorizer.training.run import RunFolder
from colorizer.training.start import (
    check_settings,
    check_size,
    describe,
    start_accelerator,
    with_accumulation,
)
from colorizer.training.task import Task
from colorizer.training.together import (
    anyone,
    found_by_first,
    naming_lost_process,
    on_first_machine,
)
from colorizer.training.trainer import Trainer


def train(config: TrainConfig) -> bool:
    """Train until `config.steps`, or until Ctrl-C or SIGTERM, which save first.

    Returns:
        Whether the run is complete: it has all its steps, or no longer gets better by
        `config.patience`. The same in every process.

    Raises:
        UserError: settings, data, weights or an earlier run do not fit: nothing is changed then. Or
            a loss is no longer finite: the last checkpoint is from before.
    """
    config = with_accumulation(config)
    accelerator = start_accelerator(config)
    if accelerator.device.type == "cpu":
        keep_freed_memory()
    check_settings(config, accelerator.num_processes)
    with (
        keep_log(config.output, accelerator.process_index, accelerator.num_processes) as logbook,
        naming_lost_process(accelerator, config.timeout),
        naming_lack_of_memory(_less_memory(config)),
        exact_float32(),
        kernels_by_trying(),
    ):
        return _train(config, accelerator, logbook)


def _train(config: TrainConfig, accelerator: Accelerator, logbook: Logbook) -> bool:
    main = accelerator.is_main_process
    found_by_first(accelerator, partial(check_writable, config.output))
    data = open_data(config)
    held_out = read_index(config.held_out_shards)
    check_size(config, distinct_shapes((*data.shapes, *held_out.shapes)))
    run = RunFolder(config, [reader.index for reader in data.reader.readers])
    check_same_data(accelerator, run)
    if config.mirror is not None and not config.dry_run:
        found_by_first(accelerator, partial(look_into_mirror, config.mirror, run))
    origin = found_by_first(accelerator, partial(origin_of, config, run))
    if main:
        describe(config, accelerator, data, origin)
    if config.dry_run:
        return False
    if is_complete(config, found_by_first(accelerator, run.peek)):
        newest = found_by_first(accelerator, run.find_checkpoint)
        if newest and is_complete(config, newest.state):
            if main:
                console.say(
                    f"{config.output} is complete at step {newest.state.step}; nothing to do."
                )
            return True
    weights = read_origin(accelerator, origin) if origin else None
    task = build_task(config, accelerator)
    with run.locked() if main else nullcontext():
        newest = found_by_first(accelerator, run.find_checkpoint)  # nobody else saves there now
        if newest is None and config.start_from is not None and weights is None:
            raise UserError(f"{run.folder}: its checkpoints have just gone; try again.")
        if main:
            run.prepare(newest, origin.record if origin else None)
        accelerator.wait_for_everyone()
        if on_first_machine():
            logbook.begin()
        else:
            logbook.leave()
        trainer = Trainer(config, accelerator, data, run, task)
        if newest:
            trainer.resume(newest)
        elif origin and weights:
            task.begin_with(weights)
            trainer.origin = origin.record
        trainer.run()
    return trainer.is_complete


def open_data(config: TrainConfig) -> TrainingData:
    """The samples of a run.

    Raises:
        UserError: their shards are damaged, or do not have what the settings need.
    """
    same_group = config.references.same_group if isinstance(config, ColorizationConfig) else 0.0
    return TrainingData(
        config.training_shards,
        config.seed,
        config.shard_window,
        config.bad_samples,
        same_group,
        config.shares,
        config.batch_size,
        config.lanes,
    )


def origin_of(config: TrainConfig, run: RunFolder) -> FoundOrigin | None:
    """What a run starts from; None: random weights, or a checkpoint of its own.

    Raises:
        UserError: it is not there, or does not fit.
    """
    if config.start_from is None or checkpoint.saved_steps(run.checkpoints):
        return None
    return find_origin(config.start_from, config)


def _less_memory(config: TrainConfig) -> str:
    """What to do when memory is full."""
    ways = [f"--accumulate {2 * config.accumulate} (the same batches, in smaller shares)"]
    if not config.recompute and not config.compile:
        ways.append("--recompute")
    return (
        f"give {' or '.join(ways)}, and the same command continues from the newest checkpoint; a"
        f" new run can have a smaller --batch-size than {config.batch_size}."
    )


def is_complete(config: TrainConfig, state: checkpoint.State | None) -> bool:
    """Whether a run that stands there has nothing left to do."""
    if state is None:
        return False
    if state.step >= config.steps:
        return True
    return no_longer_gains(config.best_by, config.patience, state.best)


def build_task(config: TrainConfig, accelerator: Accelerator) -> Task:
    """The networks that a preset trains."""
    match config:
        case ColorizationConfig():
            return Colorization(config, accelerator)
        case ExtractorTraining():
            return Extraction(config, accelerator)


def look_into_mirror(mirror: Location, run: RunFolder) -> None:
    """Try the mirror out, and fetch its newest checkpoint if it is newer than those here.

    Raises:
        UserError: it cannot be used, or holds another run.
    """
    with run.locked():
        check_mirror(mirror, run.folder)
        if brought := bring_back(mirror, run.folder, run.check):
            console.say(f"{brought.name} comes from {mirror}.")


def check_same_data(accelerator: Accelerator, run: RunFolder) -> None:
    """See that this process has the same shards before it as the first one.

    Raises:
        UserError: in every process, if one has not.
    """
    first = found_by_first(accelerator, lambda: run.data)
    if anyone(accelerator, run.data != first):
        raise UserError(
            f"{say(run.config.data)}: not all processes have the same shards there; give each"
            " machine the same, or --data an address."
        )
