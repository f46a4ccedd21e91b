"""JSON that somebody else may have written: bounded, and one kind of error for every fault."""

import json
from pathlib import Path
from typing import Any


def read_json(path: Path, most: int) -> Any:
    """The value in a JSON file of at most `most` bytes.

    Raises:
        ValueError: the file is larger, or not JSON.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(most + 1)  # never more, whatever a size on the disk says
    if len(data) > most:
        raise ValueError(f"it is larger than {most} bytes")
    return parse_json(data)


def parse_json(data: bytes | str) -> Any:
    """The value that a JSON text holds.

    Raises:
        ValueError: the text is malformed, no Unicode, nested too deeply, names a key twice, or
            has NaN or Infinity.
    """
    try:
        return json.loads(data, parse_constant=_refuse_constant, object_pairs_hook=_object)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a key is there twice")
    return content
