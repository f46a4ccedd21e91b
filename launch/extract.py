"""Draw the lines of a colour picture, or of a folder of them, with a trained extractor."""

import tyro

from colorizer import console
from colorizer.config import ExtractConfig
from colorizer.extraction import extract


def main() -> None:
    extract(tyro.cli(ExtractConfig))


if __name__ == "__main__":
    console.run(main)
