"""Draw the lines of a colour picture, or of a folder of them, with a trained extractor."""

from collections.abc import Sequence

import tyro

from colorizer.config.training import ExtractCommand
from colorizer.lines.extractor import extract
from colorizer.system import console


def settings(arguments: Sequence[str] | None = None) -> ExtractCommand:
    """What the command line asks for; None: that of this process."""
    return tyro.cli(ExtractCommand, args=arguments)


def run() -> None:
    extract(settings())


def main() -> None:
    """The program `colorizer-extract`, and `launch/extract.py`."""
    console.run(run)


if __name__ == "__main__":
    main()
