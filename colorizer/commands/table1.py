"""Train and evaluate the four methods of the paper's Table 1 and ours alike, and write one table.

         --data SHARDS --output FOLDER             at the paper's scale
    demo --data shards/demo --output FOLDER        small, on a CPU in less than an hour

Under `accelerate launch` or torchrun in several processes. The same command goes on where an
earlier one was stopped; what is trained and evaluated is not done again. Settings of the training
hold for all methods.
"""

import sys
from collections.abc import Sequence

import tyro

from colorizer.commands.command_line import command_line
from colorizer.evaluation.config import Table1Config
from colorizer.evaluation.table1 import SCALES, make_table1
from colorizer.system import console
from colorizer.system.processes import leave_group
from colorizer.system.programs import launched_command, started_as
from colorizer.training.signals import ignore_notices


def settings(arguments: Sequence[str] | None = None) -> Table1Config:
    """What the command line asks for; None: that of this process."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    scale = arguments.pop(0) if arguments[:1] and arguments[0] in SCALES else "paper"
    examples = {"": "--data shards/mine --output runs/table1"}
    with command_line(launched_command("table1"), examples, arguments):
        return tyro.cli(
            Table1Config,
            default=SCALES[scale](),
            prog=started_as(),
            args=arguments,
            description=__doc__,
        )


def run() -> None:
    """Make the table, and take leave of the other processes."""
    config = settings()
    try:
        make_table1(config)
    finally:
        ignore_notices()
    leave_group()


def main() -> None:
    """The program `colorizer-table1`, and `launch/table1.py`."""
    console.run(run)


if __name__ == "__main__":
    main()
