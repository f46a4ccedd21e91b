"""The two trainings and all their settings.

A field's docstring is its `--help`. Defaults are the paper's (Cao, Tian, Mok, "Attention-Aware
Anime Line Drawing Colorization", ICME 2023); where the paper is silent, the authors' released
code's.
"""

from dataclasses import dataclass, field
from typing import Annotated

import tyro

from colorizer.config.augmentation import AugmentConfig, DegradeConfig
from colorizer.config.losses import ExtractionLossConfig, LossConfig
from colorizer.config.networks import ExtractorConfig, GeneratorConfig
from colorizer.config.references import ReferencesConfig
from colorizer.config.run import RunConfig


@dataclass(frozen=True)
class ColorizationConfig(RunConfig):
    """Train a colorizer on shards. The same command again continues where the run stopped."""

    task: Annotated[str, tyro.conf.Suppress] = field(init=False, default=GeneratorConfig.task)
    network: GeneratorConfig = field(default_factory=GeneratorConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    references: ReferencesConfig = field(default_factory=ReferencesConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)


@dataclass(frozen=True)
class ExtractorTraining(RunConfig):
    """Train a line extractor on shards of colour and line."""

    task: Annotated[str, tyro.conf.Suppress] = field(init=False, default=ExtractorConfig.task)
    network: ExtractorConfig = field(default_factory=ExtractorConfig)
    loss: ExtractionLossConfig = field(default_factory=ExtractionLossConfig)
    degrade: DegradeConfig = field(default_factory=DegradeConfig)


TrainConfig = ColorizationConfig | ExtractorTraining
