"""What is coloured with which reference, and judged against what (Sec. 4)."""

from dataclasses import dataclass
from typing import NamedTuple

from colorizer.data.dataset import ShardReader
from colorizer.data.references import groups, random_references, same_group
from colorizer.errors import UserError
from colorizer.evaluation import drawn
from colorizer.evaluation.config import MODES, MeasureConfig, Mode
from colorizer.evaluation.measures import Measures


class Row(NamedTuple):
    """A row of the report."""

    mode: Mode
    reference: str
    judged_against: str


ROWS = {
    "self": Row("self", "the truth itself", "truth"),
    "cross": Row("cross", "same group, another picture", "truth"),
    "random": Row("random", "another picture, so a wrong one", "truth"),
    "recolored": Row("random", "another character", "truth in that character's colours"),
    "as_it_stands": Row("cross", "same group, taken as it stands", "truth"),
    "constant": Row("cross", "none, best constant colour per region", "truth"),
}


class Column(NamedTuple):
    """A figure of every picture."""

    row: str
    metric: str


@dataclass(frozen=True)
class Protocol:
    """Which picture gets which reference, and which figures are taken of it."""

    groups: list[str]  # of each held-out picture
    references: dict[Mode, list[int | None]]  # for each mode, of each picture
    redrawn: bool  # drawn characters, which this version draws as they are in the shards
    columns: list[Column]
    absent: dict[str, str]  # modes and rows that do not exist, and why

    @property
    def modes(self) -> list[Mode]:
        """Those evaluated, in the order of reports."""
        return list(self.references)


def plan(config: MeasureConfig, reader: ShardReader, measures: Measures) -> Protocol:
    """Decide what is evaluated; in every process the same.

    Raises:
        UserError: a mode asked for by name is not possible with these pictures.
    """
    found = groups(reader)
    possible: dict[Mode, list[int | None]] = {
        "self": list(range(len(found))),
        "random": random_references(found, config.pairs_seed),
        "cross": same_group(found),
    }
    reasons = {
        "random": "there is only one held-out picture.",
        "cross": "no two held-out pictures belong to one group.",
    }
    absent = {mode: reasons[mode] for mode in MODES if not any(_there(possible[mode]))}
    for mode in config.modes:
        if mode in absent:
            raise UserError(f"--modes {mode} is not possible: {absent[mode]}")
    wanted = config.modes or MODES
    references = {m: r for m, r in possible.items() if m in wanted and m not in absent}
    absent = {mode: reason for mode, reason in absent.items() if mode in wanted}
    redrawn = _is_redrawn(reader, absent)
    columns = [c for row in ROWS for c in _columns(row, references, redrawn, measures)]
    return Protocol(found, references, redrawn, columns, absent)


def _there(references: list[int | None]) -> list[bool]:
    return [number is not None for number in references]


def _is_redrawn(reader: ShardReader, absent: dict[str, str]) -> bool:
    """Whether these are drawn characters that come out the same when drawn again."""
    first = reader[0]
    reason = "only of drawn characters is it known what is right then."
    if drawn.is_drawn(first.metadata):
        if drawn.is_redrawn_exactly(first):
            return True
        reason = f"this version draws {first.key} differently from the one that made the shards."
    absent |= {
        row: reason for row in ("cross against truth", "recolored", "as_it_stands", "constant")
    }
    return False


def _columns(
    row: str, references: dict[Mode, list[int | None]], redrawn: bool, measures: Measures
) -> list[Column]:
    """The figures of one row."""
    if ROWS[row].mode not in references:
        return []
    of_pairs, palette = list(measures.of_pairs), measures.palette
    metrics: list[str]
    match row:
        case "self" | "random" | "cross":
            # With another picture of a real character, light and clothes may differ: no truth.
            metrics = of_pairs if row != "cross" or redrawn else []
            metrics = metrics + (["palette"] if palette else [])
            if palette and "random" in references:
                metrics = [*metrics, "palette-wrong"]
        case "constant":
            metrics = ["psnr"] if redrawn and "psnr" in of_pairs else []
        case _:
            metrics = of_pairs if redrawn else []
    return [Column(row, metric) for metric in metrics]
