"""Table 1 (Sec. 4.4) from one command: the four methods and ours, trained and judged alike."""

import dataclasses
import gc
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path

import torch
import tyro

from colorizer.checkpoints.checkpoint import saved_steps
from colorizer.config.networks import GeneratorConfig
from colorizer.config.presets import COLORIZERS, demo
from colorizer.config.training import ColorizationConfig
from colorizer.evaluation.config import EvaluateConfig, Table1Config
from colorizer.evaluation.evaluator import evaluate, prepare
from colorizer.evaluation.table import METHODS, Reports, comparison_grid, write_table
from colorizer.pictures import grid
from colorizer.system import console
from colorizer.system.device import choose_device
from colorizer.system.errors import UserError
from colorizer.system.processes import processes
from colorizer.system.storage import check_writable
from colorizer.training.start import start_accelerator
from colorizer.training.train import train

MOST = 1000  # trainings of a method, and pictures in the grid
TELLS_APART = ("attention", "convolutional_attention", "encoder_batch_norm", "copying")


def paper_scale() -> Table1Config:
    """The paper's networks, losses and training."""
    return Table1Config(tyro.MISSING, tyro.MISSING)


def demo_scale() -> Table1Config:
    """Small networks and short trainings, for drawn characters at 64x64 on a CPU."""
    small = demo()
    settings = {f.name: getattr(small, f.name) for f in dataclasses.fields(small) if f.init}
    return replace(
        Table1Config(**settings),
        steps=500,
        seeds=2,
        sample_every=0,
        # The demo's sizes; the rest of its network and how places are matched are each method's.
        network=GeneratorConfig(
            width=small.network.width, stages=small.network.stages, residual_blocks=1
        ),
        loss=replace(small.loss, copying=0.0, place=0.0),
    )


SCALES = {"paper": paper_scale, "demo": demo_scale}


def as_method(config: Table1Config, method: str, seed: int) -> ColorizationConfig:
    """The training of one method, with what all have in common from `config`."""
    preset = COLORIZERS[method]()
    base = {f.name: getattr(config, f.name) for f in dataclasses.fields(preset) if f.init}
    # What `config` leaves as it is by default is the method's own.
    asked, default = asdict(config.network), asdict(GeneratorConfig())
    network = replace(
        preset.network, **{name: asked[name] for name in asked if asked[name] != default[name]}
    )
    copying = config.loss.copying or preset.loss.copying if network.copying else 0.0
    place = config.loss.place or preset.loss.place if network.copying else 0.0
    attends = network.attention != "none"
    triplet = config.loss.triplet or preset.loss.triplet if attends else 0.0
    return replace(
        ColorizationConfig(**base),
        output=run_folder(config, method, seed),
        seed=seed,
        network=network,
        loss=replace(config.loss, triplet=triplet, copying=copying, place=place),
    )


def run_folder(config: Table1Config, method: str, seed: int) -> Path:
    """Where a training of a method is, with its report in report/."""
    return config.output / method / f"seed-{seed}"


def make_table1(config: Table1Config) -> None:
    """Train what is not trained yet, evaluate it, and write table1.md, table1.json and table1.png.

    Raises:
        UserError: settings, data or weights do not do, or earlier trainings there had others:
            before anything is trained, as far as it can be known then.
    """
    check(config)
    seeds = range(config.seed, config.seed + config.seeds)
    reports: Reports = {method: [] for method in METHODS}
    for seed in seeds:
        for method in METHODS:
            run = as_method(config, method, seed)
            if not train(run) and not config.dry_run:  # it was stopped
                return
            gc.collect()
            torch.cuda.empty_cache()  # of the training, for the evaluation
            if not config.dry_run and (report := evaluate(_evaluation(config, run))) is not None:
                reports[method].append(report)
    if any(reports.values()):  # in the first process
        _write(config, reports)


def check(config: Table1Config) -> None:
    """Refuse what would be found out only after days; say what will not be measured.

    Raises:
        UserError: naming the setting.
    """
    if not 1 <= config.seeds <= MOST or not 1 <= config.rows <= MOST:
        raise UserError(f"--seeds and --rows must be from 1 to {MOST}.")
    for name in TELLS_APART:
        if getattr(config.network, name) != getattr(GeneratorConfig(), name):
            raise UserError(
                f"--network.{name.replace('_', '-')} is what tells the methods apart; leave it out."
            )
    for method, seed in product(METHODS, range(config.seed, config.seed + config.seeds)):
        folder = run_folder(config, method, seed)
        saved = [int(path.name[5:]) for path in saved_steps(folder / "checkpoints")]
        if saved and saved[0] > config.steps:
            raise UserError(
                f"{folder} holds a training of {saved[0]} steps already, --steps is {config.steps};"
                " give at least as many, or another --output."
            )
    check_writable(config.output)
    # Accelerate lets the processes meet, once for all: torch cannot do it again in one program.
    start_accelerator(as_method(config, METHODS[0], config.seed))
    with processes() as world:
        _, available, protocol = prepare(config.measure, config.held_out_shards, world)
    if world.is_first:
        for name, reason in (available.absent | protocol.absent).items():
            console.say(f"Will not be measured: {name}; {reason}")


def _evaluation(config: Table1Config, run: ColorizationConfig) -> EvaluateConfig:
    return EvaluateConfig(
        run.output,
        run.data[0],
        run.output / "report",
        measure=config.measure,
        cache=run.cache,
        cache_size=run.cache_size,
    )


def _write(config: Table1Config, reports: Reports) -> None:
    seeds = list(range(config.seed, config.seed + config.seeds))
    settings = {"steps": config.steps, "batch_size": config.batch_size, "seeds": seeds}
    write_table(config.output, settings, reports)
    runs = {method: run_folder(config, method, config.seed) for method in METHODS}
    seed = config.measure.pairs_seed
    sheet = comparison_grid(config.held_out_shards, runs, config.rows, seed, choose_device())
    grid.write_picture(config.output / "table1.png", sheet)
    console.say(f"Written: {config.output / 'table1.md'}, .json and .png")
