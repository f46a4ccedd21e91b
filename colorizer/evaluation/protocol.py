"""What is coloured with which reference, and judged against what (Sec. 4.4)."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

from colorizer.evaluation.available import OF_PAIRS, OF_SETS, Available
from colorizer.evaluation.config import MODES, MeasureConfig, Mode
from colorizer.evaluation.stream import share
from colorizer.loading.characters_truth import is_drawn, is_redrawn_exactly
from colorizer.loading.references import groups, random_references, same_group
from colorizer.shards.reader import ShardReader
from colorizer.system.errors import UserError
from colorizer.system.processes import World


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

# Of each mode, what needs drawn characters: only of them is it known what is right then.
NEED_DRAWING: dict[Mode, tuple[str, ...]] = {
    "cross": ("cross against truth", "as_it_stands", "constant"),
    "random": ("recolored",),
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

    def reference_of(self, mode: Mode, number: int) -> int:
        """The reference of a picture that has one in a mode."""
        reference = self.references[mode][number]
        assert reference is not None
        return reference

    def truth_is_known(self, mode: Mode) -> bool:
        """Whether it is known what a drawing should look like with a mode's reference."""
        return mode == "self" or self.redrawn


def plan(
    config: MeasureConfig, reader: ShardReader, available: Available, world: World
) -> Protocol:
    """Decide what is evaluated; in every process the same.

    Raises:
        UserError: a mode or metric asked for by name is not possible with these pictures, or one of
            them cannot be read.
    """
    of_groups = groups(reader)
    references, absent = _choose_references(config, of_groups)
    strangers = redrawn = False
    if "random" in references:
        reason = _why_not_strangers(of_groups, references["random"])
        strangers = reason is None
        if reason is not None:
            absent["wrong references"] = reason
    need_drawing = [
        row for mode, rows in NEED_DRAWING.items() if mode in references for row in rows
    ]
    if need_drawing:
        reason = _why_not_redrawn(reader, world)
        redrawn = reason is None
        if reason is not None:
            absent |= dict.fromkeys(need_drawing, reason)
    columns = [
        Column(name, metric)
        for name, row in ROWS.items()
        if row.mode in references
        for metric in _metrics_of(name, available, redrawn, strangers)
    ]
    _check_named(config, available, columns)
    return Protocol(of_groups, references, redrawn, columns, absent)


def _choose_references(
    config: MeasureConfig, of_groups: Sequence[str]
) -> tuple[dict[Mode, list[int | None]], dict[str, str]]:
    """The references of each wanted mode; and the wanted modes that do not exist, and why.

    Raises:
        UserError: a mode asked for by name does not exist.
    """
    possible: dict[Mode, list[int | None]] = {
        "self": list(range(len(of_groups))),
        "random": random_references(of_groups, config.pairs_seed),
        "cross": same_group(of_groups),
    }
    reasons = {
        "random": "there is only one held-out picture.",
        "cross": "no two held-out pictures belong to one group.",
    }
    wanted: list[Mode] = [mode for mode in possible if mode in (config.modes or MODES)]
    absent = {m: reasons[m] for m in wanted if all(r is None for r in possible[m])}
    for mode in config.modes:
        if mode in absent:
            raise UserError(f"--modes {mode} is not possible: {absent[mode]}")
    return {mode: possible[mode] for mode in wanted if mode not in absent}, absent


def _why_not_strangers(of_groups: Sequence[str], references: Sequence[int | None]) -> str | None:
    """Why random references are not all wrong ones; None: each is of another group."""
    same = sum(r is not None and of_groups[n] == of_groups[r] for n, r in enumerate(references))
    if not same:
        return None
    return (
        f"one group holds more than half of the pictures, so {same} of {len(of_groups)} random"
        " references are of the drawing's own group."
    )


def _why_not_redrawn(reader: ShardReader, world: World) -> str | None:
    """Why it is not known how drawings look in other colours; None: all are redrawn exactly."""
    if not all(is_drawn(reader.metadata(number)[1]) for number in range(len(reader))):
        return "only of drawn characters is it known what is right then."
    others = _drawn_otherwise(reader, world)
    if not others:
        return None
    more = f" and {len(others) - 1} more" if len(others) > 1 else ""
    return (
        f"this version draws {reader.metadata(others[0])[0]}{more} differently from the one"
        " that made the shards."
    )


def _drawn_otherwise(reader: ShardReader, world: World) -> list[int]:
    """Numbers of the samples that this version draws differently; the processes share the work."""
    same = [True] * len(reader)
    own = share(len(reader), world)
    with ThreadPoolExecutor(world.cores) as pool:
        redrawn = pool.map(lambda number: is_redrawn_exactly(reader[number]), own)
        same[own.start : own.stop] = redrawn
    return [number for number, equal in enumerate(world.agree(same)) if not equal]


def _metrics_of(name: str, available: Available, redrawn: bool, strangers: bool) -> list[str]:
    """The figures of one row."""
    of_pairs: list[str] = list(available.among(OF_PAIRS))
    palettes = ["palette"] if "palette" in available.metrics else []
    if palettes and strangers:
        palettes.append("palette-wrong")
    match name:
        case "self":
            return of_pairs + palettes
        case "cross":  # of real characters light and clothes may differ, so there is no truth
            return (of_pairs if redrawn else []) + palettes
        case "random":
            return (of_pairs if strangers else []) + palettes
        case "constant":
            return [metric for metric in of_pairs if metric == "psnr" and redrawn]
        case _:
            return of_pairs if redrawn else []


def _check_named(config: MeasureConfig, available: Available, columns: list[Column]) -> None:
    """Raise UserError for a metric asked for by name that no row has, or if there is none."""
    measured = {column.metric for column in columns} | set(available.among(OF_SETS))
    for metric in config.metrics:
        if metric not in measured:
            raise UserError(
                f"--metrics {metric} cannot be had with --modes {' '.join(config.modes)} of these"
                " pictures: the truth is not known then."
            )
    if not measured:
        raise UserError("nothing can be measured with these --modes and --metrics.")
