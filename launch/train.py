"""Train on shards: `accelerate launch launch/train.py PRESET --data SHARDS --output RUN`."""

import os
import shlex
import sys

from colorizer.config.command_line import read_command_line
from colorizer.system import console
from colorizer.system.processes import leave_group
from colorizer.training.signals import stop_with_launcher
from colorizer.training.train import train

EXAMPLE = "Example: accelerate launch launch/train.py demo --data shards/demo --output runs/demo"


def main() -> None:
    stop_with_launcher()
    config = read_command_line(__doc__, EXAMPLE)
    finished = train(config)
    if not finished and not config.dry_run and os.environ.get("RANK", "0") == "0":
        console.say(f"To continue, with the launcher you used: {shlex.join(sys.argv)}")
    leave_group()


if __name__ == "__main__":
    console.run(main)
