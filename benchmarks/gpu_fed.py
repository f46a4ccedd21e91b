"""Whether the loader keeps up with the step: its pairs/s, and training steps that wait for it."""

import statistics
import time

import torch
from gpu_report import Teller
from gpu_scale import Place, wait
from loader import LoaderConfig, rate_of_loader

from colorizer.loading.dataset import TrainingData
from colorizer.loading.loader import load_batches
from colorizer.loading.order import BatchNumbers

WAITED = 2e-3  # seconds beyond which a step has waited for its batch; a copy takes less
STARTING = 6  # steps until loader processes, libraries and memory are there


def run(tell: Teller, place: Place) -> None:
    """Both."""
    data = TrainingData([place.shards / "train"], seed=0, window=16)
    for workers in place.scale.workers:
        tell.attempt(f"{workers} loader processes", lambda w=workers: loading(tell, place, data, w))
    tell.attempt("fed steps", lambda: fed(tell, place, data))


def loading(tell: Teller, place: Place, data: TrainingData, workers: int) -> None:
    """The loader alone, beside what a step of the earlier part wants."""
    batch = place.scale.batches[0]
    config = LoaderConfig(place.shards, batch, batches=(60 if torch.cuda.is_available() else 5))
    found = rate_of_loader(config, data, workers)
    row = {"loader_processes": workers, "pairs_a_second": found}
    for name in ("pictures per second", "pictures per second, compiled"):
        if name in tell.facts:
            row[f"times the {name.replace('pictures per second', 'step')}'s"] = (
                found / tell.facts[name]
            )
    tell.row("The loader alone, beside what the step takes", **row)


def fed(tell: Teller, place: Place, data: TrainingData) -> None:
    """Steps on what the loader brings, against steps on one batch that is there."""
    batch, workers = place.scale.batches[0], place.scale.workers[len(place.scale.workers) // 2]
    task = place.task("attention-aware", place.scale.usual)
    steps = 100 if torch.cuda.is_available() else 4
    numbers = BatchNumbers(0, STARTING + steps, batch, 1, 0, 1)
    pin_memory, draw = torch.cuda.is_available(), task.draw_parameters
    batches = load_batches(data, numbers, workers, pin_memory, draw=draw)
    waits, held, start = [], None, 0.0
    asked = time.perf_counter()
    for number, held in enumerate(batches, 1):
        waits.append(time.perf_counter() - asked)
        task.step(held)
        if number == STARTING:
            wait()
            start = time.perf_counter()
        asked = time.perf_counter()
    wait()
    with_loader = (time.perf_counter() - start) / steps
    start = time.perf_counter()
    for _ in range(steps):
        task.step(held)
    wait()
    without = (time.perf_counter() - start) / steps
    waits = waits[STARTING:]
    tell.row(
        "Steps on what the loader brings",
        loader_processes=workers,
        pictures_a_second=batch / with_loader,
        on_one_batch_held=batch / without,
        share_of_steps_that_waited=sum(w > WAITED for w in waits) / len(waits),
        median_wait_ms=1e3 * statistics.median(waits),
        longest_ms=1e3 * max(waits),
    )
