"""What every task trains, and how one batch changes it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import copy, deepcopy
from dataclasses import asdict
from typing import Generic, NamedTuple, TypeVar

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from colorizer.config.training import TrainConfig
from colorizer.loading.batch import Batch
from colorizer.networks.discriminator import Discriminator
from colorizer.shards.index import Shape
from colorizer.training.average import RunningAverage
from colorizer.training.freezing import freeze
from colorizer.training.held_out import HeldOut
from colorizer.training.learner import Learner
from colorizer.training.losses import adversarial_loss, discriminator_loss
from colorizer.training.origin import TrainedWeights
from colorizer.training.samples import SampleGrid
from colorizer.training.together import reduced

MEMORY_FORMAT = torch.channels_last  # what convolutions compute in, so that none converts its input
Config = TypeVar("Config", bound=TrainConfig)
Pictures = TypeVar("Pictures")  # a batch as the task's networks take it
Result = TypeVar("Result")  # what its generator gives back
Parameters = TypeVar("Parameters")  # the augmentation drawn for a batch, one row a sample


class DiscriminatorInput(NamedTuple):
    """What the discriminator sees."""

    picture: Tensor  # B×3×H×W in [-1, 1]
    line: Tensor  # B×1×H×W in [-1, 1]


class StepResult(NamedTuple):
    """What one batch has shown: scalars on the device, without gradient."""

    losses: dict[str, Tensor]  # unweighted
    norms: dict[str, Tensor]  # of the gradients of the networks that were updated


class Task(ABC, Generic[Config, Parameters, Pictures, Result]):
    """A generator, its discriminator if it has one, and the generator's running average.

    A task says how a batch is prepared, what the generator makes of it, what the discriminator
    compares, and the other losses.
    """

    def __init__(
        self, config: Config, accelerator: Accelerator, generator: type[nn.Module]
    ) -> None:
        self.config = config
        self.accelerator = accelerator
        torch.manual_seed(config.seed)
        network = generator(**asdict(config.network)).to(memory_format=MEMORY_FORMAT)
        freeze(network, config.freeze)
        decay = config.optimizer.ema_decay
        # Before autocast is around its forward pass.
        copied = deepcopy(network).to(accelerator.device) if decay > 0 else None
        self.generator = Learner("generator", network, config, accelerator)
        self.discriminator: Learner[Discriminator] | None = None
        if config.loss.adversarial > 0:
            judge = Discriminator(width=config.discriminator_width)
            judge = judge.to(memory_format=MEMORY_FORMAT)
            self.discriminator = Learner("discriminator", judge, config, accelerator)
        # By the names of their files, figures and settings.
        self.learners: dict[str, Learner[nn.Module]] = {"generator": self.generator}
        if self.discriminator is not None:
            self.learners["discriminator"] = self.discriminator
        # The networks whose gradients accumulate.
        self.trained = [learner.network for learner in self.learners.values()]
        self.average = None
        if copied is not None:
            trained = config.start_from is not None
            self.average = RunningAverage(copied, self.generator.unwrapped, decay, trained)
        self.keeps_buffers = config.not_finite == "skip"
        # Walking through all modules takes milliseconds, and they stay what they are.
        self._buffers = [b for network in self.trained for b in network.buffers()]
        if config.compile:
            self.augmented = torch.compile(self.augmented)

    # ---- What differs between tasks

    @abstractmethod
    def draw_parameters(self, numbers: list[int], shape: Shape) -> Parameters:
        """The augmentation of the n-th samples of the run, which have this shape.

        Tensors on the CPU with a row a sample. Loader processes call it, so it uses nothing but the
        settings.
        """

    @abstractmethod
    def augmented(self, color: Tensor, line: Tensor, *parameters: Tensor) -> Pictures:
        """A batch that is on the device, as the networks take it.

        The parameters follow the reference pictures, if the batch carries them.
        """

    @abstractmethod
    def generate(self, pictures: Pictures) -> Result:
        """The generator's forward pass."""

    @abstractmethod
    def real(self, pictures: Pictures) -> DiscriminatorInput:
        """What the discriminator should take for true."""

    @abstractmethod
    def fake(self, pictures: Pictures, result: Result) -> DiscriminatorInput:
        """The same with the result in the truth's place."""

    @abstractmethod
    def losses(self, pictures: Pictures, result: Result) -> dict[str, Tensor]:
        """All of the generator's losses but the adversarial, under the names of their weights."""

    @abstractmethod
    def sample_grid(self) -> SampleGrid:
        """What shows, on held-out pictures, how far the generator is."""

    @abstractmethod
    def held_out(self) -> HeldOut:
        """What measures it."""

    # ---- What it trains

    def set_learning_rates(self, factor: float) -> dict[str, float]:
        """Set all to so much of what the settings say; gives them by network."""
        return {name: learner.set_learning_rate(factor) for name, learner in self.learners.items()}

    @property
    def result_generator(self) -> nn.Module:
        """The generator that results are made with: the running average if there is one.

        In float32, as all programs that use a trained generator.
        """
        if self.average is not None:
            return self.average.network
        live = copy(self.generator.unwrapped)  # the weights are the same
        live.__dict__.pop("forward", None)  # with autocast around it
        live._compiled_call_impl = None  # calls the one with autocast
        return live

    def on_device(self, batch: Batch) -> list[Tensor]:
        """All its tensors, for the networks to work on."""
        device, memory = self.accelerator.device, batch.memory
        if device.type == "cuda":  # only from pinned memory does a copy not keep the host waiting
            memory = memory.pin_memory()
        return batch.layout.views(memory.to(device, non_blocking=True))

    # ---- One step

    def step(self, batch: Batch) -> StepResult:
        """Learn from one batch; the optimizers act when the accumulated batches are complete.

        An update whose gradient is not finite is left out, without the host knowing yet.
        """
        pictures = self.augmented(*self.on_device(batch))
        weight = self._weight_of(batch)
        before = [buffer.clone() for buffer in self._buffers] if self.keeps_buffers else []
        outcome = StepResult({}, {})
        result = self.generate(pictures)
        if self.discriminator is not None:
            # D's update is finished before G's backward: one gradient scaler serves both.
            self._update_discriminator(self.discriminator, pictures, result, weight, outcome)
        self._update_generator(pictures, result, weight, outcome)
        if before:
            self._restore(before, outcome.losses)
        if self.average is not None and self.accelerator.sync_gradients:
            self.average.update()
        return outcome

    def _weight_of(self, batch: Batch) -> float:
        """What its losses count: 1, or more or less where not all processes have as many samples.

        The means over batches that follow, of gradients and of figures, are over samples so.
        """
        runs = self.accelerator.num_processes * self.config.accumulate
        if self.config.batch_size % runs == 0:
            return 1.0
        return len(batch.numbers) * runs / self.config.batch_size

    def _update_discriminator(
        self,
        discriminator: Learner[Discriminator],
        pictures: Pictures,
        result: Result,
        weight: float,
        outcome: StepResult,
    ) -> None:
        fake = self.fake(pictures, result)
        with discriminator.unwrapped.normalized_once():
            real_scores = discriminator.network(*self.real(pictures))
            fake_scores = discriminator.network(fake.picture.detach(), fake.line.detach())
        loss = discriminator_loss(real_scores, fake_scores)
        if weight != 1:
            loss = weight * loss
        self.accelerator.backward(loss)
        outcome.losses["discriminator"] = loss.detach()
        _update(discriminator, outcome)

    def _update_generator(
        self, pictures: Pictures, result: Result, weight: float, outcome: StepResult
    ) -> None:
        losses = self.losses(pictures, result)
        if self.discriminator is not None:
            scores = _judged(self.discriminator, self.fake(pictures, result))
            losses["adversarial"] = adversarial_loss(scores)
        if weight != 1:
            losses = {name: weight * loss for name, loss in losses.items()}
        self.accelerator.backward(
            sum(getattr(self.config.loss, name) * loss for name, loss in losses.items())
        )
        outcome.losses.update((name, loss.detach()) for name, loss in losses.items())
        _update(self.generator, outcome)

    def _restore(self, before: list[Tensor], losses: dict[str, Tensor]) -> None:
        """Put the buffers back, on the device, if a loss is not finite: nor are they then.

        All processes put theirs back if one of them has such a loss.
        """
        finite = torch.stack(list(losses.values())).isfinite().all()
        finite = reduced(self.accelerator, finite.float(), "mean") == 1
        for buffer, old in zip(self._buffers, before, strict=True):
            buffer.copy_(torch.where(finite, buffer, old))

    # ---- What it begins with, and what a checkpoint holds

    def begin_with(self, weights: TrainedWeights) -> None:
        """Take trained weights in place of random ones, before the first step."""
        self.generator.unwrapped.load_state_dict(weights.generator)
        if self.average is not None:
            self.average.network.load_state_dict(weights.generator)
        if self.discriminator is not None and weights.discriminator is not None:
            self.discriminator.unwrapped.load_state_dict(weights.discriminator)

    def state(self) -> dict[str, dict[str, Tensor]]:
        """File name → tensors."""
        state = self.generator.state()
        if self.average is not None:
            state["average"] = self.average.network.state_dict()
        if self.discriminator is not None:
            state |= self.discriminator.state()
        return state

    def load_state(self, state: Mapping[str, Mapping[str, Tensor]], updates: int) -> None:
        """Put back what `state` gave, after `updates` optimisation steps."""
        for learner in self.learners.values():
            learner.load_state(state)
        if self.average is not None:
            self.average.network.load_state_dict(state["average"])
            self.average.updates = updates


def _update(learner: Learner[nn.Module], outcome: StepResult) -> None:
    norm = learner.update()
    if norm is not None:
        outcome.norms[learner.name] = norm


def _judged(discriminator: Learner[Discriminator], fake: DiscriminatorInput) -> Tensor:
    """D's scores for G's loss, without gradients for D or DDP's bookkeeping of them."""
    with discriminator.frozen(), discriminator.unwrapped.normalized_once():
        return discriminator.unwrapped(*fake)
