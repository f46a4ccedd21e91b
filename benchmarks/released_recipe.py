"""One training step computed as the paper's released code does, from its facts: no code is copied.

Same networks, same losses, same updates as ours. What differs is how: VGG-19 is run in five
prefixes, each from the picture on; the truth's features keep a graph, as VGG's weights are not
frozen; everything is float32, contiguous and not compiled; Adam has torch's defaults; the
discriminator's spectral norms are computed in each of its three forward passes.
"""

from dataclasses import asdict

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import vgg19

from colorizer.augmentation.distortion import Augmented
from colorizer.config.training import ColorizationConfig
from colorizer.networks.convolutional_attention import ConvolutionalAttention
from colorizer.networks.discriminator import Discriminator
from colorizer.networks.generator import Generator
from colorizer.training.losses import RELU_LAYERS, VGGFeatures


class ReleasedStep:
    """Networks with weights of their own, copied from ours."""

    def __init__(
        self,
        config: ColorizationConfig,
        generator: nn.Module,
        discriminator: nn.Module,
        vgg: VGGFeatures,
        frozen: bool,
    ) -> None:
        """
        Args:
            config: Weights of the losses, learning rates.
            generator: Its weights are copied, as are those of the others.
            discriminator: Likewise.
            vgg: Likewise.
            frozen: Spare VGG's weights their gradients, and the truth its graph.
        """
        self.weights = config.loss
        self.generator = built_anew(Generator(**asdict(config.network)), generator)
        for module in self.generator.modules():
            if isinstance(module, ConvolutionalAttention):
                module.forward = module.by_operations
        width = config.discriminator_width
        self.discriminator = built_anew(Discriminator(width=width), discriminator)
        layers = vgg19().features[: RELU_LAYERS[-1] + 1]
        built_anew(layers, nn.Sequential(*(layer for stage in vgg.stages for layer in stage)))
        self.prefixes = [layers[: last + 1] for last in RELU_LAYERS]
        layers.requires_grad_(not frozen)
        betas = config.optimizer.betas
        self.generator_optimizer = torch.optim.Adam(
            self.generator.parameters(), config.optimizer.generator_lr, betas
        )
        self.discriminator_optimizer = torch.optim.Adam(
            self.discriminator.parameters(), config.optimizer.discriminator_lr, betas
        )

    def __call__(self, pictures: Augmented) -> dict[str, float]:
        """One step on a batch that is on the device; every loss, read at once."""
        line, truth = pictures.line, pictures.truth
        result = self.generator(line, pictures.reference).image

        self.discriminator_optimizer.zero_grad()
        real, fake = self.discriminator(truth, line), self.discriminator(result.detach(), line)
        judging = F.mse_loss(real, torch.ones_like(real)) + F.mse_loss(fake, torch.zeros_like(fake))
        judging.backward()
        self.discriminator_optimizer.step()

        self.generator_optimizer.zero_grad()
        scores = self.discriminator(result, line)
        maps = [(prefix(result), prefix(truth)) for prefix in self.prefixes]
        losses = {
            "l1": F.l1_loss(result, truth),
            "perceptual": sum(F.l1_loss(a, b) for a, b in maps),
            "style": sum(F.l1_loss(_gram(a), _gram(b)) for a, b in maps),
            "adversarial": F.mse_loss(scores, torch.ones_like(scores)),
        }
        sum(getattr(self.weights, name) * loss for name, loss in losses.items()).backward()
        self.generator_optimizer.step()
        return {"discriminator": judging.item(), **{k: v.item() for k, v in losses.items()}}


def built_anew(network: nn.Module, ours: nn.Module) -> nn.Module:
    """The network with the weights of ours, but neither its memory layout nor its autocast."""
    network.load_state_dict(ours.state_dict())
    return network.to(next(ours.parameters()).device)


def _gram(features: Tensor) -> Tensor:
    batch, channels, height, width = features.shape
    flat = features.reshape(batch, channels, height * width)
    return torch.bmm(flat, flat.transpose(1, 2)) / (channels * height * width)
