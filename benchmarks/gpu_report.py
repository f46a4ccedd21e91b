"""What benchmarks/gpu.py has found, as gpu.json and gpu.md, and how its parts tell of it."""

import json
import math
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

from colorizer.system.storage import replace_file

Cell = str | float | int | bool | None
State = Literal["waiting", "running", "done", "failed", "stopped"]
NO = "**NO**"  # a check that does not hold
HOLDS = "holds"  # the column of a check's outcome


@dataclass
class Failure:
    """A piece of a part that raised an exception, or a check that does not hold."""

    what: str
    detail: str  # a traceback, or what was compared


@dataclass
class Findings:
    """What one part has told so far."""

    name: str
    title: str
    state: State = "waiting"
    seconds: float = 0.0
    limit: float = 0.0  # seconds
    tables: dict[str, list[dict[str, Cell]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)  # for the parts that come later
    failures: list[Failure] = field(default_factory=list)

    def take(self, kind: str, *content: Any) -> None:
        """Keep what a part has sent."""
        match kind, content:
            case "row", (table, cells):
                # JSON has no infinity.
                finite = {n: v if is_writable(v) else str(v) for n, v in cells.items()}
                self.tables.setdefault(table, []).append(finite)
            case "note", (text,):
                self.notes.append(text)
            case "fact", (name, value):
                self.facts[name] = value
            case "failure", (what, detail):
                self.failures.append(Failure(what, detail))


def is_writable(value: Cell) -> bool:
    """Whether JSON can hold it."""
    return not isinstance(value, float) or math.isfinite(value)


class Teller:
    """How a part tells what it finds, at once, and knows how much time it has."""

    def __init__(self, connection: Connection, deadline: float, facts: dict[str, Any]) -> None:
        """
        Args:
            connection: To the process that writes the report.
            deadline: Of `time.monotonic()`; what is not begun by then is left out.
            facts: What earlier parts have told for later ones.
        """
        self._connection = connection
        self._deadline = deadline
        self.facts = facts

    @property
    def left(self) -> float:
        """Seconds until this part should end."""
        return self._deadline - time.monotonic()

    def row(self, table: str, **cells: Cell) -> None:
        """Add a row to the table of this title; names are columns, `_` stands for a space."""
        named = {name.replace("_", " "): value for name, value in cells.items()}
        self._connection.send(("row", table, named))

    def check(self, table: str, holds: bool, **cells: Cell) -> None:
        """Add a row that says whether what was to be shown holds."""
        self.row(table, **cells, **{HOLDS: holds})
        if not holds:
            shown = ", ".join(f"{name} {text_of(value)}" for name, value in cells.items())
            self._connection.send(("failure", f"{table}: does not hold", shown))

    def note(self, text: str) -> None:
        """Add a sentence."""
        self._connection.send(("note", text))

    def fact(self, name: str, value: Any) -> None:
        """Tell later parts."""
        self.facts[name] = value
        self._connection.send(("fact", name, value))

    def attempt(self, what: str, work: Callable[[], object], seconds: float = 0.0) -> None:
        """Do a piece of the part; if it fails, its traceback is told, and the rest goes on.

        Args:
            what: Its name.
            work: The piece.
            seconds: It is left out, and that is said, where less time than this is left.
        """
        if self.left < seconds:
            self.note(f"{what}: left out, as {seconds:.0f} s were not left for it.")
            return
        try:
            work()
        except Exception:  # whatever one piece meets, the others are tried
            self._connection.send(("failure", what, traceback.format_exc()))


class Report:
    """gpu.json and gpu.md, written anew after everything that is told."""

    def __init__(self, folder: Path, about: dict[str, Cell], parts: list[Findings]) -> None:
        self.folder = folder
        self.about = about
        self.parts = parts
        folder.mkdir(parents=True, exist_ok=True)

    def write(self) -> None:
        content = {"about": self.about, "parts": [asdict(part) for part in self.parts]}
        replace_file(self.folder / "gpu.json", json.dumps(content, indent=1).encode() + b"\n")
        replace_file(self.folder / "gpu.md", self.markdown().encode())

    def markdown(self) -> str:
        """The whole report for a reader."""
        rows = [
            {
                "part": part.name,
                "state": part.state,
                "failures": len(part.failures),
                "seconds": part.seconds,
                "limit": part.limit,
            }
            for part in self.parts
        ]
        about = [{"": name, "what": value} for name, value in self.about.items()]
        pieces = ["# What a GPU says", table_of(about), table_of(rows)]
        for part in self.parts:
            pieces += self._section(part)
        return "\n\n".join(pieces) + "\n"

    def _section(self, part: Findings) -> list[str]:
        if part.state == "waiting":
            return []
        pieces = [f"## {part.name}: {part.title}"]
        for title, rows in part.tables.items():
            pieces += [f"**{title}**", table_of(rows)]
        pieces += part.notes
        for failure in part.failures:
            pieces.append(f"**Failed: {failure.what}**\n\n```\n{failure.detail.strip()}\n```")
        return pieces


def table_of(rows: list[dict[str, Cell]]) -> str:
    """A Markdown table; its columns are those of all rows, in the order of their appearance."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for row in rows:
        cells = (text_of(row[name]) if name in row else "" for name in columns)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def text_of(value: Cell) -> str:
    """A cell as it is read: three digits of a figure."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else NO
        case float():
            return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value).replace("|", "\\|").replace("\n", " ")
