"""Colour one line drawing with the colours of a reference picture."""

import tyro

from colorizer.coloring.colorizer import colorize
from colorizer.config.training import ColorizeConfig
from colorizer.system import console


def run() -> None:
    colorize(tyro.cli(ColorizeConfig))


def main() -> None:
    """The program `colorizer-colorize`, and `launch/colorize.py`."""
    console.run(run)


if __name__ == "__main__":
    main()
