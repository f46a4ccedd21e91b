"""Tasks of tiny runs: a batch, what they make of it, and a step."""

from collections.abc import Callable
from dataclasses import replace

from colorizer.config.losses import LossConfig
from colorizer.loading.batch import Batch
from colorizer.training.task import StepResult, Task
from colorizer.training.train import open_data

Build = Callable[..., Task]
NO_LOSS = LossConfig(0.0, 0.0, 0.0, 0.0, 0.0)
VGG_ALONE = replace(NO_LOSS, style=1.0)


def batch_of(task: Task) -> Batch:
    """The first four samples; smaller ones where VGG judges."""
    batch = open_data(task.config).load([0, 1, 2, 3], task.draw_parameters)
    if getattr(task, "vgg_losses", None) is None:
        return batch
    middle = slice(24, 40)  # of 64: VGG takes seconds otherwise
    color, line = (t[:, middle, middle] for t in (batch.color, batch.line))
    parameters = task.draw_parameters(batch.numbers, (16, 16))
    return Batch.of(color, line, parameters, batch.numbers, batch.keys)


def pictures_of(task: Task):
    """What the networks see of them."""
    return task.augmented(*task.on_device(batch_of(task)))


def learn(task: Task) -> StepResult:
    """A step on them."""
    return task.step(batch_of(task))
