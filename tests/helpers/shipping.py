"""Untrained stand-ins for the files that the package ships."""

from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from colorizer.checkpoints.export import publish
from colorizer.checkpoints.generator_file import MODULES, NetworkConfig, describe_generator
from colorizer.config.networks import ExtractorConfig, GeneratorConfig
from colorizer.config.shipped import KINDS

NETWORKS = (
    GeneratorConfig("none", copying=True, width=0.125, stages=3, residual_blocks=1),
    ExtractorConfig(width=0.125, stages=3),
)


def ship(folder: Path, network: NetworkConfig) -> Path:
    """Write a network with random weights where the package has its own for that task."""
    torch.manual_seed(0)
    tensors = MODULES[type(network)](**asdict(network)).state_dict()
    path = folder / f"{KINDS[network.task]}.safetensors"
    publish(path, tensors, describe_generator(network.task, asdict(network), 64, 7, tensors))
    return path


def ship_into(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have this folder, with both files in it, be what the package ships."""
    monkeypatch.setattr("colorizer.config.shipped.FOLDER", folder)
    for network in NETWORKS:
        ship(folder, network)
    return folder
