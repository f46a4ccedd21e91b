"""What is to be coloured, like what, and where the results go."""

import glob
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePath

from colorizer.coloring.sheet import FORMATS, read_sheet
from colorizer.coloring.writing import output_paths
from colorizer.config.commands import ColorizeConfig
from colorizer.pictures.files import PictureFile, Rejection, find_pictures, no_pictures
from colorizer.pictures.result_names import result_names
from colorizer.system import console
from colorizer.system.errors import UserError

WILD = re.compile(r"[*?[]")


@dataclass(frozen=True)
class Job:
    """A drawing to be coloured."""

    drawing: Path
    references: tuple[Path, ...]
    output: Path


def colors_one(config: ColorizeConfig) -> bool:
    """Whether one drawing becomes one file; else results go into a folder.

    Raises:
        UserError: no drawing is there, or the output's name is that of neither.
    """
    if not config.line.exists() and not WILD.search(str(config.line)):
        raise UserError(f"{config.line}: no such drawing, folder or table.")
    one = config.line.is_file() and not _is_sheet(config.line)
    suffix = config.output.suffix.lower()
    if config.output.is_dir():
        return False
    if one and suffix and suffix not in FORMATS:
        raise UserError(f"{config.output}: the result's name must end in .png, .jpg or .webp.")
    if not one and suffix in FORMATS:
        raise UserError(
            f"{config.output} is a picture's name; give a folder for the drawings of {config.line}."
        )
    return bool(one and suffix)


def list_jobs(config: ColorizeConfig) -> list[Job]:
    """What a command asks for: in natural order, or a table's.

    Raises:
        UserError: something is not there, a reference is missing, two drawings have one result, or
            a result would take a drawing's or a reference's place.
    """
    pictures_once = cache(pictures_of)  # a table names the same ones again and again
    given = pictures_once(config.reference)
    if colors_one(config):
        jobs = [Job(config.line, given, config.output)]
    else:
        jobs = [
            Job(drawing, pictures_once(references) or given, config.output / name)
            for drawing, references, name in _drawings(config)
        ]
    for job in jobs:
        if not job.references:
            raise UserError(f"{job.drawing} has no reference; give --reference.")
    _refuse_collisions(jobs, config)
    return jobs


def natural(path: str | Path) -> list[tuple[int, str]]:
    """The key that sorts 2 before 10, in every part of a path."""
    parts = re.split(r"(\d+)", str(path).lower())
    return [(int(part), part) if part.isdecimal() else (-1, part) for part in parts]


def pictures_of(references: tuple[Path, ...]) -> tuple[Path, ...]:
    """Pictures, and all those in folders.

    Raises:
        UserError: one is not there, or a folder holds none.
    """
    found: list[Path] = []
    for path in references:
        if not path.is_dir():
            if not path.exists():
                raise UserError(f"{path}: no such picture.")
            found.append(path)
            continue
        files = [f.source for f in find_pictures(path) if isinstance(f, PictureFile)]
        if not files:
            raise UserError(no_pictures(path))
        found += [path / source for source in sorted(files, key=natural)]
    return tuple(found)


Drawing = tuple[Path, tuple[Path, ...], PurePath]  # its references, its result's name


def _is_sheet(path: Path) -> bool:
    return path.suffix.lower() == ".csv"


def _drawings(config: ColorizeConfig) -> Iterator[Drawing]:
    line, suffix = config.line, f".{config.format}"
    if line.is_dir():
        if config.output.resolve().is_relative_to(line.resolve()):
            raise UserError(
                f"--output {config.output} is or lies inside {line}, so that the next time its"
                " results would be drawings; choose a folder outside it."
            )
        names = _in_folder(line)
        for name, result in zip(names, result_names(names, suffix), strict=True):
            yield line / name, (), result
    elif line.exists() and _is_sheet(line):
        yield from ((row.line, row.references, row.result(suffix)) for row in read_sheet(line))
    elif line.exists():
        yield line, (), PurePath(line.name).with_suffix(suffix)
    else:
        found = list(_matching(line))
        results = result_names([name.as_posix() for _, name in found], suffix)
        for (path, _), result in zip(found, results, strict=True):
            yield path, (), result


def _in_folder(folder: Path) -> list[str]:
    names = []
    for file in find_pictures(folder):
        if isinstance(file, Rejection):
            console.warn(f"{folder / file.source}: {file.why}, skipped")
        else:
            names.append(file.source)
    if not names:
        raise UserError(no_pictures(folder))
    return sorted(names, key=natural)


def _matching(pattern: Path) -> Iterator[tuple[Path, PurePath]]:
    """The files of a pattern, and their paths below its last folder without a wildcard."""
    fixed = Path()
    for part in pattern.parts[:-1]:
        if WILD.search(part):
            break
        fixed /= part
    found = [path for path in glob.glob(str(pattern), recursive=True) if Path(path).is_file()]
    if not found:
        raise UserError(f"{pattern}: no file has such a name.")
    for path in sorted(found, key=natural):
        yield Path(path), Path(path).relative_to(fixed)


def _refuse_collisions(jobs: Sequence[Job], config: ColorizeConfig) -> None:
    """Before anything is done: no file is written twice, and none that is read."""
    read = {p.resolve(): p for job in jobs for p in (job.drawing, *job.references)}
    written: dict[Path, Job] = {}
    for job in jobs:
        for path in output_paths(job.output, config.write):
            place = path.resolve()
            if place in read:
                raise UserError(
                    f"{path} would take the place of {read[place]}, which is read; choose another"
                    " --output."
                )
            if place in written:
                raise UserError(
                    f"{job.drawing} and {written[place].drawing} would both become {path}; rename"
                    " one, or give each its output in a .csv."
                )
            written[place] = job
