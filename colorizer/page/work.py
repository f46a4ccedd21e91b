"""What a person works on: a drawing, its colours, points, the files of it."""

import re
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from colorizer.coloring.colorizer import Colorizer
from colorizer.coloring.painting import Painting
from colorizer.coloring.writing import write_outputs
from colorizer.config.commands import Kind
from colorizer.drawings.corrections import ANY, Point, parse_points
from colorizer.page.uploads import Limits
from colorizer.system.errors import UserError
from colorizer.system.memory import naming_lack_of_memory

Report = Callable[[float, str], object]  # the share that is done, and what is next


@dataclass(frozen=True)
class Work:
    """A drawing that has its colours."""

    name: str  # of the drawing's file, without its ending
    painting: Painting  # without points
    said: str  # what was done, for the person
    folder: Path  # for its files; nobody else's

    def close(self) -> None:
        """Remove its files."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, painting: Painting, kinds: Sequence[Kind]) -> list[Path]:
        """Write files in place of those before.

        Args:
            painting: This one, with points.
            kinds: Of files.

        Raises:
            UserError: one cannot be written.
        """
        self.close()
        self.folder.mkdir()
        if not kinds:
            return []
        with naming_lack_of_memory("choose fewer files or give a smaller drawing."):
            return write_outputs(painting, self.folder / f"{self.name}.png", kinds)


@dataclass(frozen=True)
class Desk:
    """Where drawings are coloured: what all who use the page share."""

    colorizer: Colorizer
    limits: Limits
    folder: Path  # for the files of all

    def color(self, drawing: Path | None, references: Sequence[Path], report: Report) -> Work:
        """Colour a drawing that was uploaded.

        Raises:
            UserError: a picture is missing or cannot be used.
        """
        if drawing is None:
            raise UserError("No drawing yet: drop a line drawing.")
        start = time.monotonic()
        report(0.05, "Reading the pictures")
        line = self.limits.decoded(drawing)
        pictures = self.limits.all_decoded(references)
        with naming_lack_of_memory("give smaller pictures."):
            report(0.3, "Looking at the references")
            read = self.colorizer.read(pictures)
            report(0.5, "Colouring")
            painting = self.colorizer(line, read)
            report(0.9, "Laying the lines on top")
            height, width = painting.picture.shape[:2]
        seconds = time.monotonic() - start
        said = f"Coloured in {seconds:.1f} s, {width}×{height}."
        said = " ".join([said, *(f"{note[:1].upper()}{note[1:]}." for note in painting.notes)])
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        return Work(file_name(drawing), painting, said, folder)

    def points(self, text: str, references: Sequence[Path]) -> list[Point]:
        """The points of the page's list.

        Raises:
            UserError: a line is no point, or a reference that it names cannot be used.
        """
        named = [self.limits.decoded(path).pixels for path in references] if "@" in text else []
        points = parse_points(text, named, "Points")
        if points.keys() - {ANY}:
            raise UserError("Points: `frame` is for cuts; leave it out.")
        return points.get(ANY, [])


def file_name(path: Path) -> str:
    """A name for files that are made of one, without its ending."""
    return re.sub(r"[^\w.-]+", "_", path.stem).strip("._")[:80] or "drawing"


def line_of(x: int, y: int, color: tuple[int, int, int]) -> str:
    """A point in the list."""
    return f"{x} {y} {hex_of(color)}"


def hex_of(color: tuple[int, int, int]) -> str:
    """#rrggbb."""
    return f"#{bytes(color).hex()}"


def color_of(said: str) -> tuple[int, int, int]:
    """The colour that a colour picker says: `#rrggbb` or `rgba(r, g, b, a)`.

    Raises:
        UserError: it is neither.
    """
    if re.fullmatch(r"#[0-9a-fA-F]{6}", said):
        red, green, blue = bytes.fromhex(said[1:])
        return red, green, blue
    numbers = re.fullmatch(r"rgba?\(\s*([\d.]+)[\s,]+([\d.]+)[\s,]+([\d.]+).*\)", said)
    if numbers is None:
        raise UserError(f"{said!r} is no colour; choose one, or write #rrggbb.")
    red, green, blue = (min(255, round(float(number))) for number in numbers.groups())
    return red, green, blue


def without_last(text: str) -> str:
    """The list without its last point."""
    return "".join(f"{line}\n" for line in text.splitlines()[:-1])


def with_another(text: str, line: str) -> str:
    """The list with another point."""
    return "".join(f"{each}\n" for each in [*text.splitlines(), line] if each.strip())


def size_of(pixels: np.ndarray) -> tuple[int, int]:
    """Width and height."""
    return pixels.shape[1], pixels.shape[0]
