"""Colour one line drawing with the colours of a reference picture."""

from collections.abc import Sequence

import tyro

from colorizer.coloring.colorizer import colorize
from colorizer.config.training import ColorizeConfig
from colorizer.system import console


def settings(arguments: Sequence[str] | None = None) -> ColorizeConfig:
    """What the command line asks for; None: that of this process."""
    return tyro.cli(ColorizeConfig, args=arguments)


def run() -> None:
    colorize(settings())


def main() -> None:
    """The program `colorizer-colorize`, and `launch/colorize.py`."""
    console.run(run)


if __name__ == "__main__":
    main()
