"""The ranges that settings must be in; each is written at its field."""

import dataclasses
from dataclasses import dataclass
from math import inf
from typing import Annotated, Any, get_type_hints

from colorizer.system.errors import UserError

BELOW_ONE = 1 - 1e-9


@dataclass(frozen=True)
class Bounds:
    """Least and greatest value of a number, or of each in a tuple; inf: any finite number."""

    least: float
    most: float = inf

    def hold(self, value: float) -> bool:
        """Whether a value is within: nan and inf never are."""
        return self.least <= value <= self.most and value != inf

    def said_of(self, value: float) -> str:
        """What a value that is not within must be."""
        if self.most != inf:
            return f"from {self.least} to {self.most}"
        return "finite" if value == inf else f"at least {self.least}"


@dataclass(frozen=True)
class RangeBounds(Bounds):
    """The same of a pair that is a range: from its first number to its second."""


Count = Annotated[int, Bounds(0)]
PositiveCount = Annotated[int, Bounds(1)]
NotNegative = Annotated[float, Bounds(0)]
Share = Annotated[float, Bounds(0, 1)]
Turn = Annotated[float, Bounds(0, 0.5)]  # of the hue; half a turn either way is any
WidthFactor = Annotated[float, Bounds(0.01, 100)]


def check_bounds(settings: Any, prefix: str = "") -> None:
    """Refuse numbers that make no sense, among them those that are not finite.

    Args:
        settings: A settings dataclass.
        prefix: What its settings' names on the command line begin with: `network.`, say.

    Raises:
        UserError: naming the setting, what it is and what it must be.
    """
    kinds = get_type_hints(type(settings), include_extras=True)
    for field in dataclasses.fields(settings):
        name, value = prefix + field.name, getattr(settings, field.name)
        if dataclasses.is_dataclass(value):
            check_bounds(value, f"{name}.")
            continue
        for bounds in bounds_of(kinds[field.name]):
            _check(f"--{name.replace('_', '-')}", value, bounds)


def bounds_of(kind: Any) -> list[Bounds]:
    """What a setting's annotation says of its range: at most one, none if it is no number."""
    return [note for note in getattr(kind, "__metadata__", ()) if isinstance(note, Bounds)]


def _check(option: str, setting: float | tuple[float, ...], bounds: Bounds) -> None:
    for value in setting if isinstance(setting, tuple) else [setting]:
        if not bounds.hold(value):
            raise UserError(f"{option} is {value}; it must be {bounds.said_of(value)}.")
    if isinstance(bounds, RangeBounds) and isinstance(setting, tuple) and setting[0] > setting[1]:
        raise UserError(f"{option} is {setting[0]} {setting[1]}; give the smaller number first.")
