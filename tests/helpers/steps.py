"""Single steps of a task, and what they did."""

from typing import NamedTuple

import torch
from accelerate.state import AcceleratorState, GradientState
from torch import Tensor

from colorizer.config.training import TrainConfig
from colorizer.loading.batch import Batch
from colorizer.training.start import start_accelerator
from colorizer.training.task import Task
from colorizer.training.train import build_task

METHODS = ["attention-aware", "ours", "sga", "scft-ca", "scft"]


class Step(NamedTuple):
    """What a step did."""

    losses: dict[str, float]
    norms: dict[str, float]  # of the gradients
    weights: dict[str, Tensor]  # the generator's after the step, on the CPU


def build(config: TrainConfig) -> Task:
    """A task on the GPU, after any other that the test has built."""
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()
    return build_task(config, start_accelerator(config))


def first_step(config: TrainConfig, batch: Batch) -> Step:
    """The first step of a task's training."""
    return step_of(build(config), batch)


def step_of(task: Task, batch: Batch) -> Step:
    """A step of a task, wherever it is in its training."""
    outcome = task.step(augmented(task, batch))
    generator = task.generator.unwrapped
    return Step(
        {name: loss.item() for name, loss in outcome.losses.items()},
        {name: norm.item() for name, norm in outcome.norms.items()},
        {name: p.detach().cpu().clone() for name, p in generator.named_parameters()},
    )


def augmented(task: Task, batch: Batch) -> Batch:
    """The batch as a loader brings it to this task."""
    return batch.with_parameters(task.draw_parameters(batch.numbers, batch.color.shape[1:3]))


def moved_alike(step: Step, other: Step, start: dict[str, Tensor]) -> float:
    """Share of the generator's weights that two first steps moved to the same side."""
    alike = count = 0
    for name, before in start.items():
        one, two = step.weights[name] - before, other.weights[name] - before
        alike += int((one * two > 0).sum())
        count += int(((one != 0) | (two != 0)).sum())
    return alike / count


def start_of(task: Task) -> dict[str, Tensor]:
    """A generator's weights, on the CPU."""
    generator = task.generator.unwrapped
    return {name: p.detach().cpu().clone() for name, p in generator.named_parameters()}


def torch_is_warm(task: Task, batch: Batch) -> None:
    """Two steps, so that libraries and optimizers have what they make only once."""
    batch = augmented(task, batch)
    for _ in range(2):
        task.step(batch)
    torch.cuda.synchronize()
