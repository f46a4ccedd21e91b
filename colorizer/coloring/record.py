"""What a folder of results was made of: OUTPUT/colorize.jsonl.

Before a result is written a line says so, after it another says of what. Lines are appended, so a
kill tears the last one at most; a result without its second line is made again.
"""

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from colorizer.system.errors import UserError
from colorizer.system.json_file import parse_json
from colorizer.system.storage import writing

NAME = "colorize.jsonl"
BEGUN = "begun"


@dataclass(frozen=True)
class Origin:
    """What a result is made of."""

    settings: Mapping[str, Any]  # JSON
    references: Mapping[str, str]  # path → digest
    drawing: str  # digest; of a cut: of all frames so far

    def difference(self, other: "Origin") -> str:
        """In words, how another one's settings and references differ; empty if they do not."""
        changes = [
            f"{name} was {_said(self.settings.get(name))}, now {_said(value)}"
            for name, value in other.settings.items()
            if self.settings.get(name) != value
        ]
        if set(self.references.values()) != set(other.references.values()):
            same = set(self.references) == set(other.references)
            were, now = ", ".join(self.references), ", ".join(other.references)
            changes.append(
                f"{now} has changed" if same else f"the references were {were}, now {now}"
            )
        return "; ".join(changes)


def _said(value: Any) -> str:
    return " ".join(value) if isinstance(value, list) else str(value)


class Record:
    """The record of a folder of results; any thread may append."""

    def __init__(self, folder: Path) -> None:
        """Read what is there.

        Raises:
            UserError: it cannot be read, or not be written to.
        """
        self.path = folder / NAME
        self._lock = threading.Lock()
        self._made: dict[str, Origin | None] = {}  # None: begun
        with writing(self.path):
            folder.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a+b")
            self._file.seek(0)
            torn = False
            for line in self._file:
                self._take(line)
                torn = not line.endswith(b"\n")
            if torn:
                self._file.write(b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def _take(self, line: bytes) -> None:
        """A line that is not whole, or no line of ours, says nothing: its result is made again."""
        try:
            content = parse_json(line)
            name, begun = content.pop("output"), content.pop(BEGUN, False)
            self._made[name] = None if begun else Origin(**content)
        except (ValueError, TypeError, KeyError, AttributeError):
            return

    def made(self, output: str) -> Origin | None:
        """What a result was made of; None: it was not made, or not to its end."""
        return self._made.get(output)

    def knows(self, output: str) -> bool:
        """Whether this program has made a result, or has begun to."""
        return output in self._made

    def begin(self, output: str) -> None:
        """Say that a result is being written; what is there under its name counts for nothing."""
        self._append({"output": output, BEGUN: True}, safe=True)
        self._made[output] = None

    def finish(self, output: str, origin: Origin) -> None:
        """Say that it is written to its end."""
        self._append({"output": output, **asdict(origin)}, safe=False)
        self._made[output] = origin

    def _append(self, content: dict[str, Any], safe: bool) -> None:
        line = json.dumps(content).encode() + b"\n"
        with self._lock, writing(self.path):
            self._file.write(line)
            self._file.flush()
            if safe:  # else a power cut would leave a result that nobody is known to have made
                os.fsync(self._file.fileno())


def refuse_difference(folder: Path, output: str, held: Origin | None, wanted: Origin) -> None:
    """Refuse to write over a result with other settings or references, or of somebody else.

    Raises:
        UserError: naming what differs.
    """
    way_out = "give --overwrite to colour it anew, or another --output."
    if held is None:
        raise UserError(f"{folder / output} exists, and is not from here; {way_out}")
    if difference := held.difference(wanted):
        raise UserError(f"{folder / output} was made otherwise ({difference}); {way_out}")
