"""What is written of a painting, and where."""

from collections.abc import Sequence
from pathlib import Path

from colorizer.coloring.painting import Painting
from colorizer.config.commands import Kind
from colorizer.pictures.grid import write_picture


def output_paths(output: Path, kinds: Sequence[Kind]) -> list[Path]:
    """The files that `write_outputs` writes."""
    return [output for kind in kinds if kind == "result"]


def write_outputs(painting: Painting, output: Path, kinds: Sequence[Kind]) -> None:
    """Write a painting.

    Raises:
        UserError: a file cannot be written.
    """
    for path in output_paths(output, kinds):
        write_picture(path, painting.picture)
