"""Colour line drawings with the colours of reference pictures."""

import signal
import sys
from collections.abc import Sequence
from types import FrameType

import tyro

from colorizer.coloring.colorize import colorize
from colorizer.commands.command_line import command_line
from colorizer.config.commands import ColorizeConfig
from colorizer.system import console
from colorizer.system.programs import command, started_as


def settings(arguments: Sequence[str] | None = None) -> ColorizeConfig:
    """What the command line asks for; None: that of this process."""
    examples = {"": "--checkpoint runs/mine --line a.png --reference b.png --output c.png"}
    with command_line(command("colorize"), examples, arguments):
        return tyro.cli(ColorizeConfig, prog=started_as(), args=arguments)


def run() -> None:
    """Colour the drawings that the command line names."""
    signal.signal(signal.SIGTERM, _end)
    colorize(settings())


def _end(number: int, frame: FrameType | None) -> None:
    """End in order: what is being written is written to its end."""
    sys.exit(128 + number)  # as a shell reports a program ended by that signal


def main() -> None:
    """The program `colorizer-colorize`, and `launch/colorize.py`."""
    console.run(run)


if __name__ == "__main__":
    main()
