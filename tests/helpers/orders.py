"""Which samples a run learns from."""

import json
from dataclasses import replace
from typing import Any

from colorizer.config.networks import GeneratorConfig
from colorizer.config.training import ColorizationConfig
from colorizer.training.train import train


def order_of(config: ColorizationConfig) -> list[dict[str, Any]]:
    """Lines of its log of samples: whatever learns from them, so the cheapest does."""
    loss = replace(config.loss, adversarial=0.0, triplet=0.0, copying=0.0, place=0.0)
    network = GeneratorConfig("scft", False, False, width=0.125, stages=3, residual_blocks=0)
    optimizer = replace(config.optimizer, ema_decay=0.0)
    train(replace(config, loss=loss, network=network, optimizer=optimizer))
    lines = (config.output / "order" / "rank-0.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]
