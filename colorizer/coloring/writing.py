"""What is written of a painting, and where."""

from collections.abc import Sequence
from pathlib import Path

from colorizer.coloring.painting import Painting
from colorizer.config.commands import Kind
from colorizer.pictures.grid import write_picture


def output_paths(output: Path, kinds: Sequence[Kind]) -> list[Path]:
    """The files that `write_outputs` writes."""
    names = {"result": output, "colors": output.with_name(f"{output.stem}.colors.png")}
    return [names[kind] for kind in kinds if kind in names]


def write_outputs(painting: Painting, output: Path, kinds: Sequence[Kind]) -> list[Path]:
    """Write a painting.

    Raises:
        UserError: a file cannot be written.
    """
    paths = output_paths(output, kinds)
    for path in paths:
        write_picture(path, painting.picture if path == output else painting.colors)
    return paths
