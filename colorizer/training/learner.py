"""A network in training: what prepares it, what an update is, what a checkpoint holds of it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Generic, TypeVar

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from colorizer.checkpoints import checkpoint
from colorizer.config.training import TrainConfig
from colorizer.networks.batch_norm import normalize_over_processes
from colorizer.networks.blocks import DecoderLayer, EncoderLayer, ResidualBlock
from colorizer.training.recompute import recompute_activations

Network = TypeVar("Network", bound=nn.Module, covariant=True)


class Learner(Generic[Network]):
    """A network and its optimizer, ready for the device, the processes and the precision."""

    def __init__(
        self, name: str, network: Network, config: TrainConfig, accelerator: Accelerator
    ) -> None:
        """Prepare a network, which changes in place, and make its optimizer.

        Args:
            name: `generator` or `discriminator`, in settings, figures and files.
            network: On the CPU, with its first weights. Frozen parts require no gradient.
            config: Its learning rate, and how it is computed.
            accelerator: Of this process.
        """
        self.name = name
        self._accelerator = accelerator
        self._full_rate = getattr(config.optimizer, f"{name}_lr")
        if config.recompute:
            recompute_activations(network, EncoderLayer, ResidualBlock, DecoderLayer)
        if accelerator.num_processes > 1:
            normalize_over_processes(network)
        network.to(accelerator.device)
        if config.compile:
            network.compile()
        # Walking through all modules takes milliseconds, and what learns stays what it is.
        self.parameters = [p for p in network.parameters() if p.requires_grad]
        adam = torch.optim.Adam(
            self.parameters, lr=self._full_rate, betas=config.optimizer.betas, fused=True
        )
        # What is prepared has autocast around its forward pass from here on.
        self.network, self.optimizer = accelerator.prepare(network, adam)
        self.unwrapped: Network = accelerator.unwrap_model(self.network)  # without DDP around it

    def set_learning_rate(self, factor: float) -> float:
        """Set it to so much of what the settings say; gives it."""
        rate = factor * self._full_rate
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        return rate

    def update(self) -> Tensor | None:
        """The optimizer's step, which the device leaves out where the gradient is not finite.

        Returns:
            The gradient's norm, on the device; None while gradients accumulate.
        """
        norm = self._judge_gradient() if self._accelerator.sync_gradients else None
        self.optimizer.step()
        self.optimizer.zero_grad()
        return norm

    def _judge_gradient(self) -> Tensor:
        self._accelerator.unscale_gradients(self.optimizer)  # fp16's
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        # Averaged over the processes already, so that all decide alike. In float32 its sum of
        # squares overflows from 1e19 on: as bad as infinite.
        norm = nn.utils.get_total_norm(gradients, foreach=True)
        if self._accelerator.scaler is None:
            # What fp16's scaler does as well: fused Adam reads it on the device. Only what is
            # not finite differs from itself by more than nothing.
            self.optimizer.optimizer.found_inf = (norm - norm).ne(0).float()
        return norm

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """What is computed within gives its parameters no gradients."""
        for parameter in self.parameters:
            parameter.requires_grad = False
        yield
        for parameter in self.parameters:
            parameter.requires_grad = True

    def state(self) -> dict[str, dict[str, Tensor]]:
        """File name → tensors."""
        network = self.unwrapped
        return {
            self.name: network.state_dict(),
            f"{self.name}_optimizer": checkpoint.optimizer_tensors(
                network, self.optimizer.optimizer
            ),
        }

    def load_state(self, state: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Put back what `state` gave; other files are passed over."""
        network = self.unwrapped
        network.load_state_dict(state[self.name])
        checkpoint.load_optimizer(
            network, self.optimizer.optimizer, state[f"{self.name}_optimizer"]
        )
