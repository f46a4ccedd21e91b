"""The training presets: the paper's Table 1, ours, the line extractor, the demos, little data.

tyro.MISSING makes --data and --output required on the command line.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import tyro

from colorizer.config.augmentation import AugmentConfig
from colorizer.config.losses import ExtractionLossConfig, LossConfig
from colorizer.config.networks import ExtractorConfig, GeneratorConfig
from colorizer.config.references import ReferencesConfig
from colorizer.config.run import OptimizerConfig
from colorizer.config.shipped import SHIPPED
from colorizer.config.training import ColorizationConfig, ExtractorTraining, TrainConfig

Data = Path | tuple[Path, ...]


def several(data: Data) -> tuple[Path, ...]:
    """A folder alone as the settings hold several."""
    return (data,) if isinstance(data, Path) else data


def attention_aware(data: Data = tyro.MISSING, output: Path = tyro.MISSING) -> ColorizationConfig:
    """The paper's method: convolutional and stop-gradient attention (Sec. 3.2.1 and 3.2.2)."""
    return ColorizationConfig(several(data), output)


def sga(data: Data = tyro.MISSING, output: Path = tyro.MISSING) -> ColorizationConfig:
    """Stop-gradient attention alone (Li et al., ECCV 2022)."""
    return ColorizationConfig(
        several(data), output, network=GeneratorConfig(convolutional_attention=False)
    )


def scft_ca(data: Data = tyro.MISSING, output: Path = tyro.MISSING) -> ColorizationConfig:
    """SCFT with convolutional attention (Sec. 3.2.1)."""
    network = GeneratorConfig(attention="scft")
    return ColorizationConfig(several(data), output, network=network, loss=LossConfig(triplet=1.0))


def scft(data: Data = tyro.MISSING, output: Path = tyro.MISSING) -> ColorizationConfig:
    """SCFT, the baseline (Lee et al., CVPR 2020)."""
    network = GeneratorConfig("scft", convolutional_attention=False, encoder_batch_norm=False)
    return ColorizationConfig(several(data), output, network=network, loss=LossConfig(triplet=1.0))


def ours(data: Data = tyro.MISSING, output: Path = tyro.MISSING) -> ColorizationConfig:
    """Ours: each pixel picks its colour from the reference's, and learns in less time."""
    network = GeneratorConfig("none", copying=True, residual_blocks=1)
    loss = LossConfig(copying=1.0, place=0.1)
    return ColorizationConfig(several(data), output, network=network, loss=loss)


def demo(data: Data = tyro.MISSING, output: Path = tyro.MISSING) -> ColorizationConfig:
    """Ours, small: learns drawn characters at 64x64 on a CPU in minutes."""
    return ColorizationConfig(
        several(data),
        output,
        steps=600,
        workers=1,
        log_every=20,
        sample_every=100,
        evaluate_every=100,
        evaluate_count=32,
        checkpoint_every=200,
        # A token for 4x4 pixels, to carry colours to places as small as an eye.
        network=replace(ours().network, width=0.75, stages=3),
        loss=replace(ours().loss, perceptual=0.0, style=0.0, adversarial=0.0),
        optimizer=OptimizerConfig(generator_lr=4e-3, betas=(0.9, 0.99), ema_decay=0.99),
        augment=AugmentConfig("grid", strength=0.1, border="reflect"),
    )


def few(data: Data = tyro.MISSING, output: Path = tyro.MISSING) -> ColorizationConfig:
    """For 100 to 500 drawings of your own: starts from the shipped colorizer, ends by itself."""
    return ColorizationConfig(
        several(data),
        output,
        start_from=SHIPPED,
        steps=4000,
        workers=1,
        log_every=20,
        sample_every=100,
        evaluate_every=100,
        patience=8,
        checkpoint_every=500,
        network=demo().network,  # the shipped colorizer's
        loss=demo().loss,
        optimizer=OptimizerConfig(generator_lr=1e-3, betas=(0.9, 0.99), ema_decay=0.99),
        references=ReferencesConfig(same_group=0.4),
        # Few drawings are learned by heart, unless each looks different every time.
        augment=AugmentConfig(
            "grid",
            strength=0.1,
            scale=0.6,
            turn=0.25,
            shift=0.35,
            border="white",  # as what --fit pad adds
            flip=0.5,
            flip_reference=0.5,
            hue=0.05,
        ),
    )


def extractor(data: Data = tyro.MISSING, output: Path = tyro.MISSING) -> ExtractorTraining:
    """The line extraction network: colour picture to line drawing."""
    return ExtractorTraining(
        several(data),
        output,
        steps=100_000,
        optimizer=OptimizerConfig(generator_lr=2e-4, ema_decay=0.999),
    )


def extractor_demo(data: Data = tyro.MISSING, output: Path = tyro.MISSING) -> ExtractorTraining:
    """A small line extractor that learns from drawn characters at 128x128 on a CPU in minutes."""
    return ExtractorTraining(
        several(data),
        output,
        steps=1000,
        workers=1,
        log_every=20,
        sample_every=100,
        evaluate_every=100,
        evaluate_count=32,
        checkpoint_every=200,
        optimizer=OptimizerConfig(generator_lr=4e-3, betas=(0.9, 0.99), ema_decay=0.99),
        network=ExtractorConfig(width=0.5),
        loss=ExtractionLossConfig(adversarial=0.0),
    )


COLORIZERS: dict[str, Callable[..., ColorizationConfig]] = {
    "attention-aware": attention_aware,
    "sga": sga,
    "scft-ca": scft_ca,
    "scft": scft,
    "ours": ours,
    "demo": demo,
    "few": few,
}
EXTRACTORS: dict[str, Callable[..., ExtractorTraining]] = {
    "extractor": extractor,
    "extractor-demo": extractor_demo,
}
PRESETS: dict[str, Callable[..., TrainConfig]] = {**COLORIZERS, **EXTRACTORS}
