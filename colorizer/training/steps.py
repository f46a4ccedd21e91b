"""One optimisation step of the colorization task: networks, optimizers, losses (Sec. 3.4)."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict

import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor, nn

from colorizer.config import TrainConfig
from colorizer.data.augment import Augmented, augment, draw_negatives, draw_parameters
from colorizer.data.dataset import Batch
from colorizer.networks.discriminator import Discriminator
from colorizer.networks.generator import Colored, Generator
from colorizer.training import checkpoint
from colorizer.training.losses import (
    VGGFeatures,
    adversarial_loss,
    discriminator_loss,
    perceptual_loss,
    style_loss,
    tokens_come_from,
    triplet_loss,
)
from colorizer.weights import VGG19, load_weights


class Colorization:
    """What is trained, and how one batch changes it."""

    def __init__(self, config: TrainConfig, accelerator: Accelerator) -> None:
        self.config = config
        self.accelerator = accelerator
        device = accelerator.device
        loss, optimizer = config.loss, config.optimizer

        self.vgg = None
        if loss.needs_vgg:  # before anything large is built: it may be missing
            with accelerator.local_main_process_first():  # one download a machine
                state = load_weights(VGG19, loss.vgg_weights)
            self.vgg = VGGFeatures(state, loss.imagenet_normalization).to(device)

        torch.manual_seed(config.seed)
        self.generator = Generator(**asdict(config.network))
        self.average = deepcopy(self.generator).to(device) if optimizer.ema_decay > 0 else None
        self.generator, self.generator_optimizer = self._prepare(
            self.generator, optimizer.generator_lr
        )
        self.discriminator = None
        if loss.adversarial > 0:
            self.discriminator, self.discriminator_optimizer = self._prepare(
                Discriminator(width=config.discriminator_width), optimizer.discriminator_lr
            )
        self.updates = 0

    def _prepare(self, network: nn.Module, lr: float) -> tuple[nn.Module, torch.optim.Optimizer]:
        if self.accelerator.num_processes > 1 and self.accelerator.device.type == "cuda":
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
        network.to(self.accelerator.device)
        betas = self.config.optimizer.betas
        optimizer = torch.optim.Adam(network.parameters(), lr=lr, betas=betas, fused=True)
        return self.accelerator.prepare(network, optimizer)

    @property
    def trained(self) -> list[nn.Module]:
        """The networks whose gradients accumulate."""
        return [n for n in (self.generator, self.discriminator) if n is not None]

    @property
    def result_generator(self) -> nn.Module:
        """The generator that results are made with: the running average if there is one."""
        return self.average or self.accelerator.unwrap_model(self.generator)

    # ---- One step

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Learn from one batch; the optimizers act when the accumulated batches are complete.

        Returns:
            Every loss, unweighted, as scalars on the device without gradient.
        """
        pictures = self.augment(batch)
        with self.accelerator.autocast():
            result: Colored = self.generator(pictures.line, pictures.reference)
        losses = {}
        if self.discriminator is not None:
            # D's update is finished before G's backward: one gradient scaler serves both.
            losses["discriminator"] = self._update_discriminator(pictures, result.image.detach())
        losses |= self._update_generator(pictures, result, batch.numbers)
        if self.average is not None and self.accelerator.sync_gradients:
            self._update_average()
        return {name: value.detach() for name, value in losses.items()}

    def augment(self, batch: Batch) -> Augmented:
        """The batch on the device as line, truth and distorted reference."""
        config, device = self.config, self.accelerator.device
        parameters = draw_parameters(config.augment, config.seed, batch.numbers)
        parameters = type(parameters)(*(p.to(device, non_blocking=True) for p in parameters))
        color, line = (t.to(device, non_blocking=True) for t in (batch.color, batch.line))
        return augment(config.augment, parameters, color, line)

    def _update_discriminator(self, pictures: Augmented, fake: Tensor) -> Tensor:
        with self.accelerator.autocast():
            real_scores = self.discriminator(pictures.truth, pictures.line)
            fake_scores = self.discriminator(fake, pictures.line)
        loss = discriminator_loss(real_scores, fake_scores)
        self.accelerator.backward(loss)
        self.discriminator_optimizer.step()
        self.discriminator_optimizer.zero_grad()
        return loss

    def _update_generator(
        self, pictures: Augmented, result: Colored, numbers: list[int]
    ) -> dict[str, Tensor]:
        losses = self._generator_losses(pictures, result, numbers)
        weights = self.config.loss
        self.accelerator.backward(
            sum(getattr(weights, name) * loss for name, loss in losses.items())
        )
        self.generator_optimizer.step()
        self.generator_optimizer.zero_grad()
        return losses

    def _generator_losses(
        self, pictures: Augmented, result: Colored, numbers: list[int]
    ) -> dict[str, Tensor]:
        """Eq. 5 to 8, under the names of their weights in `LossConfig`."""
        weights = self.config.loss
        losses = {}
        if weights.l1 > 0:
            losses["l1"] = F.l1_loss(result.image.float(), pictures.truth)
        if self.vgg is not None:
            with self.accelerator.autocast():
                features = self.vgg(result.image)
                with torch.no_grad():
                    wanted = self.vgg(pictures.truth)
            if weights.perceptual > 0:
                losses["perceptual"] = perceptual_loss(features, wanted)
            if weights.style > 0:
                losses["style"] = style_loss(features, wanted)
        if self.discriminator is not None:
            losses["adversarial"] = adversarial_loss(self._judge(result.image, pictures.line))
        if weights.triplet > 0:
            stride = self.config.network.stride
            rows, columns = (side // stride for side in pictures.line.shape[2:])
            negatives = draw_negatives(self.config.seed, numbers, rows * columns)
            losses["triplet"] = triplet_loss(
                result.logits,
                tokens_come_from(pictures.grid, rows, columns),
                negatives.to(result.logits.device),
                weights.triplet_margin,
            )
        return losses

    def _judge(self, picture: Tensor, line: Tensor) -> Tensor:
        """D's scores for G's loss, without gradients for D or DDP's bookkeeping of them."""
        discriminator = self.accelerator.unwrap_model(self.discriminator)
        discriminator.requires_grad_(False)
        with self.accelerator.autocast():
            scores = discriminator(picture, line)
        discriminator.requires_grad_(True)
        return scores

    @torch.no_grad()
    def _update_average(self) -> None:
        """average ← decay·average + (1 - decay)·generator; a shorter memory at first."""
        self.updates += 1
        decay = min(self.config.optimizer.ema_decay, (1 + self.updates) / (10 + self.updates))
        live = self.accelerator.unwrap_model(self.generator).state_dict()
        for name, value in self.average.state_dict().items():
            if value.is_floating_point():
                value.lerp_(live[name], 1 - decay)
            else:
                value.copy_(live[name])

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
            state["average"] = self.average.state_dict()
        if self.discriminator is not None:
            discriminator = self.accelerator.unwrap_model(self.discriminator)
            state["discriminator"] = discriminator.state_dict()
            state["discriminator_optimizer"] = checkpoint.optimizer_tensors(
                discriminator, self.discriminator_optimizer.optimizer
            )
        return state

    def load_state(self, state: Mapping[str, Mapping[str, Tensor]], updates: int) -> None:
        """Put back what `state` gave, after `updates` optimisation steps."""
        self.updates = updates
        generator = self.accelerator.unwrap_model(self.generator)
        generator.load_state_dict(state["generator"])
        checkpoint.load_optimizer(
            generator, self.generator_optimizer.optimizer, state["generator_optimizer"]
        )
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        if self.discriminator is not None:
            discriminator = self.accelerator.unwrap_model(self.discriminator)
            discriminator.load_state_dict(state["discriminator"])
            checkpoint.load_optimizer(
                discriminator,
                self.discriminator_optimizer.optimizer,
                state["discriminator_optimizer"],
            )
