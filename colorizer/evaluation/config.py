"""Every setting of evaluating and of Table 1. A field's docstring is its `--help`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from colorizer.config import ColorizationConfig

Mode = Literal["self", "random", "cross"]
Metric = Literal["psnr", "ms-ssim", "lpips-alex", "lpips-vgg", "palette", "fid", "kid"]
MODES: tuple[Mode, ...] = get_args(Mode)
METRICS: tuple[Metric, ...] = get_args(Metric)


@dataclass(frozen=True)
class WeightsConfig:
    """Weights of the networks that judge; else $COLORIZER_WEIGHTS, torch hub's cache, download."""

    lpips_alex: Path | None = None
    """AlexNet, for lpips-alex."""
    lpips_vgg: Path | None = None
    """VGG-16, for lpips-vgg."""
    inception: Path | None = None
    """Inception, for fid and kid: the published TorchScript file."""


@dataclass(frozen=True, kw_only=True)
class MeasureConfig:
    """What is measured, and how."""

    modes: tuple[Mode, ...] = ()
    """Which references. Default: all that the data allow.

    self: the truth itself. random: another picture, drawn with --seed. cross: another picture of
    the same group; what is then right is known for drawn characters."""
    metrics: tuple[Metric, ...] = ()
    """Which figures. Default: all that the pictures' size and the weights found allow.

    One asked for by name that cannot be had is an error."""
    batch_size: int = 8
    """Pictures worked on at a time, in a thread each; the figures do not depend on it."""
    pairs_seed: int = 0
    """Draws the random references."""
    weights: WeightsConfig = field(default_factory=WeightsConfig)


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig(MeasureConfig):
    """Colour held-out drawings and compare with the truth.

    `evaluate.py --weights` alone lists the weights that the figures need, and where they are.
    """

    checkpoint: Path
    """Run folder (its newest intact checkpoint), checkpoint folder, or .safetensors file."""
    data: Path
    """Folder of shards; its held-out/ part is used."""
    output: Path
    """Folder for report.md, report.json, pictures.csv and grids of pictures."""
    against: Path | None = None
    """Another evaluation's report.json: print how far the figures are apart, paired by picture."""


@dataclass(frozen=True)
class Table1Config(ColorizationConfig):
    """Train and evaluate the four methods of Table 1 alike."""

    seeds: int = 1
    """Trainings of each method, with the seeds --seed, --seed + 1, ..."""
    rows: int = 6
    """Pictures in the comparison grid."""
    paper: Path | None = None
    """JSON with figures to stand beside ours: {"attention-aware": {"psnr": 21.5, ...}, ...}."""
    measure: MeasureConfig = field(default_factory=MeasureConfig)
