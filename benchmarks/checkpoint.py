"""How long a checkpoint holds training: copied and written in the background, or written at once.

    python benchmarks/checkpoint.py --output FOLDER

Generator and discriminator at full width with Adam's moments: what a run of the paper's saves. The
two ways take turns in one process. While a checkpoint is written, matrix products go on, to see
what writing takes from the training on a CPU; on a GPU the products run there.
"""

import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import tyro
from torch import Tensor

from colorizer.checkpoints import saving
from colorizer.checkpoints.checkpoint import State, optimizer_tensors
from colorizer.config.networks import GeneratorConfig
from colorizer.config.serialization import to_json
from colorizer.config.training import ColorizationConfig
from colorizer.networks.discriminator import Discriminator
from colorizer.networks.generator import Generator
from colorizer.system.device import choose_device


@dataclass(frozen=True)
class CheckpointConfig:
    """Time that training is held for a checkpoint."""

    output: Path
    """Folder to write to: on the disk that matters."""
    rounds: int = 7
    """How often the two take turns."""


def training_state(device: torch.device) -> dict[str, dict[str, Tensor]]:
    """The tensors of a run that has made one step."""
    networks = {
        "generator": Generator(**asdict(GeneratorConfig())),
        "discriminator": Discriminator(),
    }
    tensors = {}
    for name, network in networks.items():
        network.to(device)
        optimizer = torch.optim.Adam(network.parameters(), fused=True)
        for parameter in network.parameters():
            parameter.grad = torch.ones_like(parameter)
        optimizer.step()
        tensors[name] = network.state_dict()
        tensors[f"{name}_optimizer"] = optimizer_tensors(network, optimizer)
    return tensors


def products(seconds: float, device: torch.device) -> float:
    """Matrix products a second, over so many seconds."""
    matrix = torch.randn(512, 512, device=device)
    start, count = time.perf_counter(), 0
    while (passed := time.perf_counter() - start) < seconds:
        matrix @ matrix
        count += 1
    return count / passed


def main() -> None:
    config = tyro.cli(CheckpointConfig, description=__doc__)
    device = choose_device()
    tensors = training_state(device)
    size = sum(t.nbytes for content in tensors.values() for t in content.values())
    print(f"{size / 1e6:,.0f} MB on {device}, to {config.output}")
    settings = to_json(ColorizationConfig(Path("shards"), config.output))
    held: list[float] = []
    at_once: list[float] = []
    written: list[float] = []
    slowed: list[float] = []
    with saving.Saver(config.output, 1, 0) as saver:
        for number in range(1, 2 * config.rounds + 1, 2):
            state = State(number, settings, "0" * 64, 256, 1, None, {})
            quiet = products(1.0, device)
            start = time.perf_counter()
            saver.save(tensors, state)
            held.append(time.perf_counter() - start)
            slowed.append(products(1.0, device) / quiet)
            saver.wait()
            written.append(time.perf_counter() - start)

            state = State(number + 1, settings, "0" * 64, 256, 1, None, {})
            start = time.perf_counter()
            saver.save(tensors, state)
            saver.wait()
            at_once.append(time.perf_counter() - start)
    print(f"held, first (memory taken): {held[0] * 1000:.0f} ms")
    print(f"held, median of the others: {statistics.median(held[1:]) * 1000:.0f} ms")
    print(f"held by a synchronous save: {statistics.median(at_once) * 1000:.0f} ms")
    ratios = [late / early for early, late in zip(held[1:], at_once[1:], strict=True)]
    print(f"ratio, median: {statistics.median(ratios):.1f}")
    print(f"on the disk after: {statistics.median(written) * 1000:.0f} ms")
    print(f"products meanwhile, of those undisturbed: {statistics.median(slowed):.2f}")


if __name__ == "__main__":
    main()
