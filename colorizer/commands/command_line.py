"""Reading a program's command line: `~` in a path is home, and the help ends with an example."""

import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docstring_parser
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from colorizer.remote.address import Address, Location, location_of
from colorizer.system.errors import UserError

_paths = ConstructorRegistry()


@_paths.primitive_rule
def _path(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Path] | None:
    """Paths as tyro takes them; a shell expands no `~` in `--output=~/runs/x`."""
    if info.type is not Path:
        return None
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="PATH",
        instance_from_str=lambda words: _at_home(words[0]),
        is_instance=lambda value: isinstance(value, Path),
        str_from_instance=lambda path: [str(path)],
    )


@_paths.primitive_rule
def _location(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Location | None] | None:
    """A folder, or the address of one."""
    if info.type not in (Location, Location | None):
        return None
    optional = info.type != Location
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="{None}|FOLDER|ADDRESS" if optional else "FOLDER|ADDRESS",
        instance_from_str=lambda words: _location_of(words[0], optional),
        is_instance=lambda value: isinstance(value, Path | Address) or (optional and value is None),
        str_from_instance=lambda location: [str(location)],
    )


def _location_of(word: str, optional: bool) -> Location | None:
    if optional and word == "None":
        return None
    try:
        location = location_of(word)
    except UserError as error:
        raise ValueError(str(error)) from error
    return _at_home(word) if isinstance(location, Path) else location


def _at_home(word: str) -> Path:
    try:
        return Path(word).expanduser()
    except RuntimeError as error:
        if word.split("/")[0] == "~":
            raise ValueError(f"{word}: there is no home folder; set HOME.") from error
        raise ValueError(f"{word}: nobody here is called {word.split('/')[0][1:]}.") from error


@contextmanager
def _flowing_help() -> Iterator[None]:
    """Settings' docstrings without the indentation of their source, which tyro takes for lists.

    It would keep each line of theirs as a line of the help, whatever the terminal's width.
    """
    parse = docstring_parser.parse_from_object

    def cleaned(settings: Any) -> docstring_parser.Docstring:
        parsed = parse(settings)
        for field in parsed.params:
            field.description = inspect.cleandoc(field.description or "") or None
        return parsed

    docstring_parser.parse_from_object = cleaned
    try:
        yield
    finally:
        docstring_parser.parse_from_object = parse


@contextmanager
def command_line(
    program: str, examples: Mapping[str, str], arguments: Sequence[str] | None
) -> Iterator[None]:
    """Read settings within: `~` in a path is home, and an example follows the `--help`.

    Args:
        program: The command that starts the program.
        examples: First argument → arguments; the first example stands for all other arguments.
        arguments: Those that are read within; None: this process's.
    """
    read = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with _paths, _flowing_help():
            yield
    except SystemExit:
        if {"-h", "--help"} & set(read):
            print(f"Example: {program} {examples.get(read[0], next(iter(examples.values())))}")
        raise
