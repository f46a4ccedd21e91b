"""Colour one line drawing with the colours of a reference picture."""

import tyro

from colorizer import console
from colorizer.config import ColorizeConfig
from colorizer.inference import colorize


def main() -> None:
    colorize(tyro.cli(ColorizeConfig))


if __name__ == "__main__":
    console.run(main)
