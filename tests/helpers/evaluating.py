"""Evaluations of tiny runs: their settings, and what they write."""

import csv
from dataclasses import replace
from pathlib import Path

from colorizer.config.training import TrainConfig
from colorizer.evaluation.config import EvaluateConfig, MeasureConfig


def settings_for(
    run: TrainConfig, folder: Path, data: Path | None = None, output: str = "report", **measure
) -> EvaluateConfig:
    """Of a run, on its own data unless others are given, into a folder."""
    settings = MeasureConfig(**({"batch_size": 4} | measure))
    return EvaluateConfig(run.output, data or run.data[0], folder / output, measure=settings)


def with_measure(config: EvaluateConfig, **measure) -> EvaluateConfig:
    """The same with other settings of what is measured."""
    return replace(config, measure=replace(config.measure, **measure))


def rows_of(config: EvaluateConfig) -> list[dict[str, str]]:
    """The lines of pictures.csv."""
    with (config.output / "pictures.csv").open(newline="") as file:
        return list(csv.DictReader(file))
