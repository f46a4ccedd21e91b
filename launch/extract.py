"""Draw the lines of a colour picture, or of a folder of them, with a trained extractor."""

import tyro

from colorizer.config.commands import ExtractCommand
from colorizer.lines.extractor import extract
from colorizer.system import console


def main() -> None:
    extract(tyro.cli(ExtractCommand))


if __name__ == "__main__":
    console.run(main)
