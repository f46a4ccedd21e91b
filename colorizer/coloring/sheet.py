"""A table of drawings and their references: .csv."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from colorizer.system.errors import UserError

COLUMNS = ("line", "reference", "output")  # the last may be missing
SEVERAL = "|"  # between the references of one drawing
FORMATS = (".png", ".jpg", ".jpeg", ".webp")  # of results


@dataclass(frozen=True)
class Row:
    """A drawing of a table."""

    line: Path
    references: tuple[Path, ...]  # empty: those of the command line
    name: PurePath  # the drawing's, below the table's folder
    output: str  # what the table says; empty: nothing

    def result(self, suffix: str) -> PurePath:
        """The result's path below the output folder; `suffix` where the table says none."""
        if not self.output:
            return self.name.with_suffix(suffix)
        own = PurePath(self.output).suffix.lower() in FORMATS
        return PurePath(self.output if own else self.output + suffix)


def read_sheet(path: Path) -> list[Row]:
    """The rows of a .csv with the columns line, reference and, if wanted, output.

    Raises:
        UserError: it cannot be read, has other columns or no row, or names a file that is not
            there.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(_rows(path, csv.reader(file, strict=True)))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is no CSV in UTF-8 ({error}); save it as one.") from error
    if not rows:
        raise UserError(f"{path} has no drawing below its header; give one a line.")
    return rows


def _rows(path: Path, lines: Iterator[list[str]]) -> Iterator[Row]:
    header = [name.strip() for name in next(lines, [])]
    if len(set(header)) < len(header) or not set(COLUMNS[:2]) <= set(header) <= set(COLUMNS):
        found = ",".join(header)[:200]
        raise UserError(
            f"{path}: its first line is {found!r}; it must be line,reference or"
            " line,reference,output."
        )
    for number, cells in enumerate(lines, 2):
        if not any(cell.strip() for cell in cells):
            continue
        where = f"{path}, row {number}"
        if len(cells) != len(header):
            raise UserError(
                f"{where} has {len(cells)} cells; the header has {len(header)}. Put cells that"
                " hold a comma in quotes."
            )
        yield _row(path.parent, where, dict(zip(header, map(str.strip, cells), strict=True)))


def _row(folder: Path, where: str, cells: dict[str, str]) -> Row:
    if not cells["line"]:
        raise UserError(f"{where} names no line drawing.")
    line = _there(folder, where, cells["line"])
    if line.is_dir():
        raise UserError(f"{where}: {line} is a folder; name a drawing.")
    names = (name.strip() for name in cells["reference"].split(SEVERAL))
    references = tuple(_there(folder, where, name) for name in names if name)
    given, output = PurePath(cells["line"]), cells.get("output", "")
    if not _is_below(PurePath(output)) or output.endswith("/") or "\0" in output:
        raise UserError(f"{where}: the output {output!r} is no file's name in the output folder.")
    return Row(line, references, given if _is_below(given) else PurePath(given.name), output)


def _is_below(path: PurePath) -> bool:
    return not path.is_absolute() and ".." not in path.parts


def _there(folder: Path, where: str, name: str) -> Path:
    path = folder / name
    if "\0" in name or not path.exists():
        raise UserError(f"{where}: {path}: no such file. Paths are relative to the table's folder.")
    return path
