"""The first step of a task's training, and how far two of them are apart.

Compared are the losses, the networks' gradients (their norms, and the length of their difference),
and which way each parameter went, as Adam's first step is the gradient's sign.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from standing_in import augmented
from torch import Tensor, nn

from colorizer.loading.batch import Batch
from colorizer.training.colorization import Colorization
from colorizer.training.task import Task

FALLS = 24  # of fp16's scale, by half each time


class Step(NamedTuple):
    """What one step did, on the CPU."""

    losses: dict[str, float]
    gradients: dict[str, Tensor]  # network → its gradient, flat
    moves: dict[str, Tensor]  # network → the way its parameters went, flat


class Difference(NamedTuple):
    """How far a step is off, relative to what it is held against."""

    loss: float  # of each loss
    norm: float  # of each network's gradient
    gradient: float  # length of the difference of the gradients
    turned: float  # share of the parameters that went the other way


def first_step(task: Colorization, batch: Batch) -> Step:
    """The step of an untrained task; in fp16 the first whose gradients do not overflow."""
    batch = augmented(task, batch)
    state = [t for n in task.trained for t in (*n.parameters(), *n.buffers())]
    start = [t.detach().clone() for t in state]
    before = {name: flat(network.parameters()) for name, network in networks(task).items()}
    for _ in range(FALLS):
        with gradients(task) as found:
            losses = task.step(batch).losses
        if all(bool(g.isfinite().all()) for g in found.values()):
            break
        with torch.no_grad():
            for tensor, old in zip(state, start, strict=True):
                tensor.copy_(old)
        for name in networks(task):
            optimizer_of(task, name).state.clear()
    moves = {
        name: flat(network.parameters()) - before[name] for name, network in networks(task).items()
    }
    return Step({name: loss.item() for name, loss in losses.items()}, dict(found), moves)


def networks(task: Task) -> dict[str, nn.Module]:
    """The trained ones by their names."""
    return {name: learner.network for name, learner in task.learners.items()}


def optimizer_of(task: Task, name: str) -> torch.optim.Optimizer:
    """torch's own, of a network."""
    return task.learners[name].optimizer.optimizer


@contextmanager
def gradients(task: Task) -> Iterator[dict[str, Tensor]]:
    """Those that the optimizers act on within; fp16's are unscaled by then."""
    found: dict[str, Tensor] = {}

    def keep(name: str, network: nn.Module) -> None:
        # SCFT's loss may leave a parameter out.
        parameters = list(network.parameters())
        all_of_it = (torch.zeros_like(p) if p.grad is None else p.grad for p in parameters)
        found[name] = flat(all_of_it)

    handles = [
        optimizer_of(task, name).register_step_pre_hook(
            lambda *_, name=name, network=network: keep(name, network)
        )
        for name, network in networks(task).items()
    ]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def flat(tensors: Iterator[Tensor]) -> Tensor:
    """One vector on the CPU in float32; the order within a tensor is that of its indices."""
    return torch.cat([t.detach().float().reshape(-1) for t in tensors]).cpu()


def differences(found: Step, wanted: Step) -> Difference:
    """The largest of each kind."""
    losses = [abs(found.losses[n] - w) / abs(w) for n, w in wanted.losses.items()]
    norms, lengths, turned = [], [], []
    for name, gradient in wanted.gradients.items():
        other = found.gradients[name]
        norms.append(abs(float(other.norm() / gradient.norm()) - 1))
        lengths.append(float((other - gradient).norm() / gradient.norm()))
        turned.append(float((found.moves[name] * wanted.moves[name] < 0).float().mean()))
    return Difference(max(losses), max(norms), max(lengths), max(turned))
