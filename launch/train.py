"""Train on shards: `accelerate launch launch/train.py PRESET --data SHARDS --output RUN`."""

import tyro

from colorizer import console
from colorizer.presets import PRESETS
from colorizer.processes import part
from colorizer.training.trainer import train


def main() -> None:
    presets = {name: (make.__doc__, make()) for name, make in PRESETS.items()}
    train(tyro.extras.overridable_config_cli(presets, description=__doc__))
    part()


if __name__ == "__main__":
    console.run(main)
