"""What is written of a painting, and where."""

from collections.abc import Sequence
from pathlib import Path

from colorizer.coloring.painting import Painting
from colorizer.config.commands import Kind
from colorizer.pictures.grid import write_picture
from colorizer.system.errors import UserError


def output_paths(output: Path, kinds: Sequence[Kind]) -> list[Path]:
    """The files that `write_outputs` writes."""
    return [output for kind in kinds if kind == "result"]


def check_outputs(output: Path, kinds: Sequence[Kind]) -> None:
    """Before long work: whether these can be written.

    Raises:
        UserError: nothing is to be written.
    """
    if not output_paths(output, kinds):
        raise UserError(f"{output}: nothing is to be written; name one kind of output at least.")


def write_outputs(painting: Painting, output: Path, kinds: Sequence[Kind]) -> None:
    """Write a painting.

    Raises:
        UserError: a file cannot be written.
    """
    for path in output_paths(output, kinds):
        write_picture(path, painting.picture)
