"""Draw the lines of a colour picture, or of a folder of them, with a trained extractor."""

from collections.abc import Sequence

import tyro

from colorizer.commands.command_line import command_line
from colorizer.config.commands import ExtractCommand
from colorizer.lines.extractor import extract
from colorizer.system import console
from colorizer.system.programs import command, started_as


def settings(arguments: Sequence[str] | None = None) -> ExtractCommand:
    """What the command line asks for; None: that of this process."""
    examples = {"": "--checkpoint runs/extractor --picture pictures --output lines"}
    with command_line(command("extract"), examples, arguments):
        return tyro.cli(ExtractCommand, prog=started_as(), args=arguments)


def run() -> None:
    """Draw the pictures that the command line names."""
    extract(settings())


def main() -> None:
    """The program `colorizer-extract`, and `launch/extract.py`."""
    console.run(run)


if __name__ == "__main__":
    main()
