"""Train a colorizer or a line extractor on shards, from a preset."""

import os
from collections.abc import Sequence

import tyro

from colorizer.commands.command_line import command_line
from colorizer.commands.grouping import in_groups
from colorizer.config.presets import PRESETS
from colorizer.config.training import TrainConfig
from colorizer.system import console
from colorizer.system.processes import leave_group
from colorizer.system.programs import launched_command, same_command, started_as
from colorizer.training.signals import ignore_notices, stop_with_launcher
from colorizer.training.train import train


def settings(arguments: Sequence[str] | None = None) -> TrainConfig:
    """What the command line asks for; None: that of this process."""
    presets = {name: (make.__doc__ or "", make()) for name, make in PRESETS.items()}
    examples = {"demo": "demo --data shards/demo --output runs/demo"}
    for name in PRESETS.keys() - examples.keys():
        examples[name] = f"{name} --data shards/mine --output runs/mine"
    with command_line(launched_command("train"), examples, arguments), in_groups:
        return tyro.extras.overridable_config_cli(
            presets, prog=started_as(), description=__doc__, args=arguments
        )


def run() -> None:
    """Train; after a stop, say how to continue."""
    stop_with_launcher()
    config = settings()
    try:
        finished = train(config)
    finally:
        ignore_notices()
    if not finished and not config.dry_run and os.environ.get("RANK", "0") == "0":
        console.say(f"To continue, with the launcher you used: {same_command()}")
    leave_group()


def main() -> None:
    """The program `colorizer-train`, and `launch/train.py`."""
    console.run(run)


if __name__ == "__main__":
    main()
