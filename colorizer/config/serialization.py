"""Settings as JSON values, and back."""

import dataclasses
import sys
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from colorizer.remote.address import Address, Location, location_of

Settings = TypeVar("Settings")


def to_json(config: Any) -> dict[str, Any]:
    """A settings dataclass as plain JSON values."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, tuple):
            return [plain(item) for item in value]
        return str(value) if isinstance(value, Path | Address) else value

    return plain(_fields(config))


def _fields(settings: Any) -> dict[str, Any]:
    """Settings by name; only dataclasses of settings are taken apart, no address."""
    values = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
    return {
        name: _fields(value)
        if dataclasses.is_dataclass(value) and not isinstance(value, Address)
        else value
        for name, value in values.items()
    }


def from_json(kind: type[Settings], content: Any) -> Settings:
    """The settings that `to_json` has written.

    Raises:
        ValueError: a setting is missing, unknown, of another type or not finite; names it.
    """
    return _parse(kind, content, "")


def _parse(kind: Any, value: Any, name: str) -> Any:
    """A JSON value as one of a type; `name` is for the message."""
    if dataclasses.is_dataclass(kind):
        return _parse_settings(kind, value, name)
    origin, inner = get_origin(kind), get_args(kind)
    if kind in (Location, Location | None) and isinstance(value, str):
        return location_of(value)
    if origin is UnionType:  # X | None
        return None if value is None else _parse(inner[0], value, name)
    if origin is tuple and isinstance(value, list):
        kinds = inner[:1] * len(value) if inner[-1] is Ellipsis else inner
        if len(kinds) == len(value):
            return tuple(_parse(k, v, name) for k, v in zip(kinds, value, strict=True))
    elif _is_plain(kind, value):
        return kind(value) if kind in (float, Path) else value
    raise ValueError(f"{name} is {value!r}")


def _is_plain(kind: Any, value: Any) -> bool:
    """Whether a JSON value stands for one of a type that has no types within."""
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if kind is float:
        # A comparison, which nan fails and an integer of any length does not overflow.
        return type(value) in (int, float) and abs(value) <= sys.float_info.max
    return type(value) is (str if kind is Path else get_origin(kind) or kind)


def _parse_settings(kind: Any, content: Any, name: str) -> Any:
    if not isinstance(content, dict):
        raise ValueError(f"{name or 'the whole'} is {content!r}, no settings")
    types = get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    prefix = f"{name}." if name else ""
    for key in content.keys() ^ fields.keys():
        raise ValueError(f"{prefix}{key} is {'missing' if key in fields else 'unknown'}")
    values = {key: _parse(types[key], content[key], prefix + key) for key in fields}
    settings = kind(**{key: value for key, value in values.items() if fields[key].init})
    for key, value in values.items():
        if getattr(settings, key) != value:  # one that is not to be chosen
            raise ValueError(f"{prefix}{key} is {value!r}")
    return settings


def flatten(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by their names on the command line: `loss.l1`, ..."""
    flat = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
