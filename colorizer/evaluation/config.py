"""Every setting of evaluating and of Table 1. A field's docstring is its `--help`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, get_args

import tyro

from colorizer.config.cache import CacheConfig
from colorizer.config.training import ColorizationConfig
from colorizer.remote.address import Location

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


@dataclass(frozen=True)
class MeasureConfig:
    """What is measured, and how."""

    modes: tuple[Mode, ...] = ()
    """Which references: the truth itself, another picture drawn with a seed, or one of the group.

    For cross the truth is known only of drawn characters. Default: all that the data allow."""
    metrics: tuple[Metric, ...] = ()
    """Which figures. One that is named here and cannot be had is an error.

    Default: all that the size of the pictures and the weights that are found allow."""
    batch_size: int = 8
    """Pictures worked on at a time, at most one a core; the figures do not depend on it."""
    pairs_seed: int = 0
    """Draws the random references."""
    weights: WeightsConfig = field(default_factory=WeightsConfig)


@dataclass(frozen=True)
class EvaluateConfig(CacheConfig):
    """Colour held-out drawings and compare with the truth.

    `--weights` alone lists the weights that the figures need, and where they are.
    """

    checkpoint: Path
    """Run folder (its newest intact checkpoint), checkpoint folder, .safetensors file, or shipped:
    the small colorizer that comes with the program."""
    data: Location
    """Folder of shards, or the address of one; its held-out/ part is used."""
    output: Path
    """Folder for report.md, report.json, pictures.csv and grids of pictures."""
    against: Path | None = None
    """Another evaluation's report.json: print how far the figures are apart, paired by picture."""
    measure: Annotated[MeasureConfig, tyro.conf.arg(name="")] = field(default_factory=MeasureConfig)


@dataclass(frozen=True)
class Table1Config(ColorizationConfig):
    """Train and evaluate the four methods of Table 1 and ours alike."""

    output: Path
    """Gets table1.md, .json and .png, and METHOD/seed-N/ with each training and its report."""
    seed: int = 0
    """Seed of the first training of each method."""
    seeds: int = 1
    """Trainings of each method, with the seeds --seed, --seed + 1, ..."""
    rows: int = 6
    """Pictures in the comparison grid."""
    measure: MeasureConfig = field(default_factory=MeasureConfig)
