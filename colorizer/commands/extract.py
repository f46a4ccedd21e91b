"""Draw the lines of a colour picture, or of a folder of them, with a trained extractor."""

import tyro

from colorizer.config.training import ExtractCommand
from colorizer.lines.extractor import extract
from colorizer.system import console


def run() -> None:
    extract(tyro.cli(ExtractCommand))


def main() -> None:
    """The program `colorizer-extract`, and `launch/extract.py`."""
    console.run(run)


if __name__ == "__main__":
    main()
