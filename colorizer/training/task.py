"""What every task trains and saves, and how one batch changes it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import copy, deepcopy
from dataclasses import asdict
from typing import Generic, NamedTuple, TypeVar

import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from torch import Tensor, nn

from colorizer.checkpoints import checkpoint
from colorizer.config.training import TrainConfig
from colorizer.loading.batch import Batch
from colorizer.networks.batch_norm import normalize_over_processes
from colorizer.networks.blocks import DecoderLayer, EncoderLayer, ResidualBlock
from colorizer.networks.discriminator import Discriminator
from colorizer.training.average import RunningAverage
from colorizer.training.held_out import HeldOut
from colorizer.training.losses import adversarial_loss, discriminator_loss
from colorizer.training.recompute import recompute_activations
from colorizer.training.samples import SampleGrid

MEMORY_FORMAT = torch.channels_last  # what convolutions compute in, so that none converts its input
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


class Task(ABC, Generic[Parameters, Pictures, Result]):
    """A generator, its discriminator if it has one, and their optimizers.

    A task says how a batch is prepared, what the generator makes of it, what the discriminator
    compares, and the other losses.
    """

    def __init__(
        self, config: TrainConfig, accelerator: Accelerator, generator: type[nn.Module]
    ) -> None:
        self.config = config
        self.accelerator = accelerator
        self.weights = config.loss
        torch.manual_seed(config.seed)
        live = generator(**asdict(config.network)).to(memory_format=MEMORY_FORMAT)
        decay = config.optimizer.ema_decay
        # Before autocast is around its forward pass.
        copied = deepcopy(live).to(accelerator.device) if decay > 0 else None
        self.generator, self.generator_optimizer = self._prepare(
            live, config.optimizer.generator_lr
        )
        self.discriminator = None
        if config.loss.adversarial > 0:
            self.discriminator, self.discriminator_optimizer = self._prepare(
                Discriminator(width=config.discriminator_width).to(memory_format=MEMORY_FORMAT),
                config.optimizer.discriminator_lr,
            )
        self.average = None
        if copied is not None:
            live = accelerator.unwrap_model(self.generator)
            self.average = RunningAverage(copied, live, decay)
        self.keeps_buffers = config.not_finite == "skip"
        # Walking through all modules takes milliseconds, and they stay what they are.
        self._parameters = {name: list(n.parameters()) for name, n in self._networks.items()}
        self._buffers = [b for network in self.trained for b in network.buffers()]
        if config.compile:
            self.augmented = torch.compile(self.augmented)

    # ---- What differs between tasks

    @abstractmethod
    def draw_parameters(self, numbers: list[int], size: int) -> Parameters:
        """The augmentation of the n-th samples of the run, of so many pixels a side.

        Tensors on the CPU with a row a sample. Loader processes call it, so it uses nothing but the
        settings.
        """

    @abstractmethod
    def augmented(self, color: Tensor, line: Tensor, *parameters: Tensor) -> Pictures:
        """A batch that is on the device, as the networks take it."""

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

    def _prepare(self, network: nn.Module, lr: float) -> tuple[nn.Module, torch.optim.Optimizer]:
        if self.config.recompute:
            recompute_activations(network, EncoderLayer, ResidualBlock, DecoderLayer)
        if self.accelerator.num_processes > 1:
            normalize_over_processes(network)
        network.to(self.accelerator.device)
        if self.config.compile:
            network.compile()
        betas = self.config.optimizer.betas
        # What is prepared has autocast around its forward pass from here on.
        optimizer = torch.optim.Adam(network.parameters(), lr=lr, betas=betas, fused=True)
        return self.accelerator.prepare(network, optimizer)

    @property
    def optimizers(self) -> dict[str, AcceleratedOptimizer]:
        """Of each network that is trained."""
        optimizers = {"generator": self.generator_optimizer}
        if self.discriminator is not None:
            optimizers["discriminator"] = self.discriminator_optimizer
        return optimizers

    def set_learning_rates(self, factor: float) -> dict[str, float]:
        """Set both to so much of what the settings say; gives them by network."""
        rates = {}
        for name, optimizer in self.optimizers.items():
            rates[name] = factor * getattr(self.config.optimizer, f"{name}_lr")
            for group in optimizer.param_groups:
                group["lr"] = rates[name]
        return rates

    @property
    def _networks(self) -> dict[str, nn.Module]:
        networks = {"generator": self.generator}
        if self.discriminator is not None:
            networks["discriminator"] = self.discriminator
        return networks

    @property
    def trained(self) -> list[nn.Module]:
        """The networks whose gradients accumulate."""
        return list(self._networks.values())

    @property
    def result_generator(self) -> nn.Module:
        """The generator that results are made with: the running average if there is one.

        In float32, as all programs that use a trained generator.
        """
        if self.average is not None:
            return self.average.network
        live = copy(self.accelerator.unwrap_model(self.generator))  # the weights are the same
        live.__dict__.pop("forward", None)  # with autocast around it
        live._compiled_call_impl = None  # calls the one with autocast
        return live

    def on_device(self, batch: Batch) -> list[Tensor]:
        """Its colour, line and parameters, for the networks to work on."""
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
        before = [buffer.clone() for buffer in self._buffers] if self.keeps_buffers else []
        outcome = StepResult({}, {})
        result = self.generate(pictures)
        if self.discriminator is not None:
            # D's update is finished before G's backward: one gradient scaler serves both.
            self._update_discriminator(pictures, result, outcome)
        self._update_generator(pictures, result, outcome)
        if before:
            self._restore(before, outcome.losses)
        if self.average is not None and self.accelerator.sync_gradients:
            self.average.update()
        return outcome

    def _update_discriminator(
        self, pictures: Pictures, result: Result, outcome: StepResult
    ) -> None:
        fake = self.fake(pictures, result)
        discriminator = self.accelerator.unwrap_model(self.discriminator)
        with discriminator.normalized_once():
            real_scores = self.discriminator(*self.real(pictures))
            fake_scores = self.discriminator(fake.picture.detach(), fake.line.detach())
        loss = discriminator_loss(real_scores, fake_scores)
        self.accelerator.backward(loss)
        outcome.losses["discriminator"] = loss.detach()
        self._update("discriminator", self.discriminator_optimizer, outcome)

    def _update_generator(self, pictures: Pictures, result: Result, outcome: StepResult) -> None:
        losses = self.losses(pictures, result)
        if self.discriminator is not None:
            losses["adversarial"] = adversarial_loss(self._judge(self.fake(pictures, result)))
        self.accelerator.backward(
            sum(getattr(self.weights, name) * loss for name, loss in losses.items())
        )
        outcome.losses.update((name, loss.detach()) for name, loss in losses.items())
        self._update("generator", self.generator_optimizer, outcome)

    def _update(self, name: str, optimizer: AcceleratedOptimizer, outcome: StepResult) -> None:
        """An optimizer's step, which the device leaves out where the gradient is not finite."""
        if self.accelerator.sync_gradients:
            self.accelerator.unscale_gradients(optimizer)  # fp16's
            gradients = [p.grad for p in self._parameters[name] if p.grad is not None]
            # Averaged over the processes already, so that all decide alike. In float32 its sum of
            # squares overflows from 1e19 on: as bad as infinite.
            norm = nn.utils.get_total_norm(gradients, foreach=True)
            if self.accelerator.scaler is None:
                # What fp16's scaler does as well: fused Adam reads it on the device. Only what is
                # not finite differs from itself by more than nothing.
                optimizer.optimizer.found_inf = (norm - norm).ne(0).float()
            outcome.norms[name] = norm
        optimizer.step()
        optimizer.zero_grad()

    def _restore(self, before: list[Tensor], losses: dict[str, Tensor]) -> None:
        """Put the buffers back, on the device, if a loss is not finite: nor are they then.

        All processes put theirs back if one of them has such a loss.
        """
        finite = torch.stack(list(losses.values())).isfinite().all()
        finite = self.accelerator.reduce(finite.float(), "mean") == 1
        for buffer, old in zip(self._buffers, before, strict=True):
            buffer.copy_(torch.where(finite, buffer, old))

    def _judge(self, fake: DiscriminatorInput) -> Tensor:
        """D's scores for G's loss, without gradients for D or DDP's bookkeeping of them."""
        discriminator = self.accelerator.unwrap_model(self.discriminator)
        self._freeze_discriminator(True)
        with discriminator.normalized_once():
            scores = discriminator(*fake)
        self._freeze_discriminator(False)
        return scores

    def _freeze_discriminator(self, frozen: bool) -> None:
        for parameter in self._parameters["discriminator"]:
            parameter.requires_grad = not frozen

    # ---- What a checkpoint holds

    def state(self) -> dict[str, dict[str, Tensor]]:
        """File name → tensors."""
        generator = self.accelerator.unwrap_model(self.generator)
        state = {
            "generator": generator.state_dict(),
            "generator_optimizer": checkpoint.optimizer_tensors(
                generator, self.generator_optimizer.optimizer
            ),
        }
        if self.average is not None:
            state["average"] = self.average.network.state_dict()
        if self.discriminator is not None:
            discriminator = self.accelerator.unwrap_model(self.discriminator)
            state["discriminator"] = discriminator.state_dict()
            state["discriminator_optimizer"] = checkpoint.optimizer_tensors(
                discriminator, self.discriminator_optimizer.optimizer
            )
        return state

    def load_state(self, state: Mapping[str, Mapping[str, Tensor]], updates: int) -> None:
        """Put back what `state` gave, after `updates` optimisation steps."""
        generator = self.accelerator.unwrap_model(self.generator)
        generator.load_state_dict(state["generator"])
        checkpoint.load_optimizer(
            generator, self.generator_optimizer.optimizer, state["generator_optimizer"]
        )
        if self.average is not None:
            self.average.network.load_state_dict(state["average"])
            self.average.updates = updates
        if self.discriminator is not None:
            discriminator = self.accelerator.unwrap_model(self.discriminator)
            discriminator.load_state_dict(state["discriminator"])
            checkpoint.load_optimizer(
                discriminator,
                self.discriminator_optimizer.optimizer,
                state["discriminator_optimizer"],
            )
