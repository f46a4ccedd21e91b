"""Train a colorizer or a line extractor on shards, from a preset."""

import os
import shlex
import sys

import tyro

from colorizer.config.presets import PRESETS
from colorizer.system import console
from colorizer.system.processes import leave_group
from colorizer.training.signals import stop_with_launcher
from colorizer.training.train import train


def run() -> None:
    presets = {name: (make.__doc__, make()) for name, make in PRESETS.items()}
    stop_with_launcher()
    config = tyro.extras.overridable_config_cli(presets, description=__doc__)
    finished = train(config)
    if not finished and not config.dry_run and os.environ.get("RANK", "0") == "0":
        console.say(f"To continue, with the launcher you used: {shlex.join(sys.argv)}")
    leave_group()


def main() -> None:
    """The program `colorizer-train`, and `launch/train.py`."""
    console.run(run)


if __name__ == "__main__":
    main()
