"""How much each loss weighs."""

from dataclasses import dataclass
from pathlib import Path

from colorizer.config.bounds import NotNegative


@dataclass(frozen=True)
class LossConfig:
    """Weights of the losses (Eq. 5). A loss of weight 0 is neither computed nor built."""

    l1: NotNegative = 30.0
    """Weigh the mean absolute difference between result and truth (Eq. 1)."""
    perceptual: NotNegative = 0.01
    """Weigh how far VGG-19's features differ (Eq. 2); needs its weights."""
    style: NotNegative = 50.0
    """Weigh how far VGG-19's Gram matrices differ (Eq. 3); needs its weights."""
    adversarial: NotNegative = 1.0
    """Weigh the least-squares GAN loss of the discriminator (Eq. 4)."""
    triplet: NotNegative = 0.0
    """Weigh Lee et al.'s triplet loss: line tokens must match their own reference tokens best.
    It is part of SCFT. With stop-gradient attention it is our addition, for short trainings."""
    triplet_margin: NotNegative = 12.0
    """Demand this lead of a true match over a false one, only with --loss.triplet."""
    copying: NotNegative = 0.0
    """Weigh how unlikely the true colours are among those that the pixels may copy.
    It is ours, only with --network.copying."""
    place: NotNegative = 0.0
    """Weigh how unsure a token is which cell of its own picture, distorted, shows its place.
    It is ours, only with --network.copying."""
    imagenet_normalization: bool = False
    """Give VGG-19 ImageNet-normalised pictures; the released code gives it [-1, 1]."""
    vgg_weights: Path | None = None
    """Read VGG-19 from this file; else from $COLORIZER_WEIGHTS or torch's hub cache."""

    @property
    def needs_vgg(self) -> bool:
        """Whether a loss compares features of VGG-19, whose weights must then be read."""
        return self.perceptual > 0 or self.style > 0

    @property
    def teaches(self) -> bool:
        """Whether any loss judges the result; the triplet loss judges the attention alone."""
        return any((self.l1, self.perceptual, self.style, self.adversarial))


@dataclass(frozen=True)
class ExtractionLossConfig:
    """Weights of the losses (pix2pix, Isola et al., CVPR 2017). One of weight 0 is not built."""

    l1: NotNegative = 100.0
    """Weigh the mean absolute difference between result and true line."""
    adversarial: NotNegative = 1.0
    """Weigh the least-squares GAN loss of a discriminator that sees the picture with its line."""

    @property
    def teaches(self) -> bool:
        """Whether any loss judges the result."""
        return any((self.l1, self.adversarial))
