"""Ten steps of the demo and of the extractor's: losses to the last digit, and the weights' sha256.

    make golden

A change that is meant to change nothing prints the same before and after, on one machine.
"""

import hashlib
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file

from colorizer.config.presets import PRESETS
from colorizer.making.config import CharactersConfig
from colorizer.making.pipeline import make_shards
from colorizer.system import console
from colorizer.training.train import train

STEPS = 10


def main() -> None:
    torch.set_num_threads(1)  # sums in another order are other sums
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shards = folder / "shards"
        make_shards(CharactersConfig(output=shards, count=60, size=64, held_out=0.1, workers=1))
        for preset in ("demo", "extractor-demo"):
            run(preset, shards, folder / preset)


def run(preset: str, shards: Path, output: Path) -> None:
    """Train, and print what came of it."""
    config = replace(
        PRESETS[preset](shards, output), steps=STEPS, log_every=1, sample_every=0, workers=0
    )
    train(config)
    for line in (output / "metrics.jsonl").read_text().splitlines():
        losses = {n: v for n, v in json.loads(line).items() if n.startswith(("loss/", "held-out/"))}
        if losses:
            print(preset, *(f"{name} {value!r}" for name, value in losses.items()))
    for path in sorted((output / "checkpoints" / f"step-{STEPS:08d}").glob("*.safetensors")):
        digest = hashlib.sha256()
        for tensor_name, tensor in sorted(load_file(path).items()):
            digest.update(tensor_name.encode() + tensor.numpy().tobytes())
        print(preset, path.name, digest.hexdigest())


if __name__ == "__main__":
    console.run(main)
