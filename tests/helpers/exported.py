"""Networks with random weights, and generator files of them, for tests of exports."""

from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from colorizer.checkpoints.export import publish
from colorizer.checkpoints.generator_file import MODULES, NetworkConfig, describe_generator


def random_network(config: NetworkConfig) -> nn.Module:
    """In eval mode; its batch norms have statistics that change something."""
    torch.manual_seed(0)
    network = MODULES[type(config)](**asdict(config))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    return network.eval().requires_grad_(False)


def random_file(path: Path, config: NetworkConfig, size: int = 64) -> Path:
    """A generator file of such a network."""
    tensors = random_network(config).state_dict()
    publish(path, tensors, describe_generator(config.task, asdict(config), size, 7, tensors))
    return path
