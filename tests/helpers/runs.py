"""What a run has written, read again."""

import json
from typing import Any

from safetensors.torch import load
from torch import Tensor

from colorizer.config.training import TrainConfig


def metrics_of(config: TrainConfig) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl."""
    return [json.loads(line) for line in (config.output / "metrics.jsonl").read_text().splitlines()]


def tensors_of(config: TrainConfig, step: int, name: str) -> dict[str, Tensor]:
    """The tensors of a file of a checkpoint ("generator", "average", ...)."""
    path = config.output / "checkpoints" / f"step-{step:08d}" / f"{name}.safetensors"
    return load(path.read_bytes())  # not mapped: a test may write to the file
