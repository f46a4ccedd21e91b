"""Colour one line drawing with the colours of a reference picture."""

import tyro

from colorizer.coloring.colorizer import colorize
from colorizer.config.commands import ColorizeConfig
from colorizer.system import console


def main() -> None:
    colorize(tyro.cli(ColorizeConfig))


if __name__ == "__main__":
    console.run(main)
