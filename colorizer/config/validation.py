"""Settings as JSON values, and the ranges they must be in."""

import dataclasses
import sys
from math import inf
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from colorizer.system.errors import UserError

Settings = TypeVar("Settings")

BELOW_ONE = 1 - 1e-9
BOUNDS = {  # from the first to the second; inf: any finite number
    "steps": (1, inf),
    "batch_size": (1, 2**20),
    "accumulate": (1, inf),
    "seed": (0, 2**64 - 1),  # what torch takes
    "workers": (0, 1024),
    "shard_window": (1, inf),
    "log_every": (1, inf),
    "sample_every": (0, inf),
    "sample_count": (1, inf),
    "evaluate_every": (0, inf),
    "evaluate_count": (1, inf),
    "patience": (0, inf),
    "profile": (0, inf),
    "checkpoint_every": (1, inf),
    "keep_checkpoints": (1, inf),
    "keep_every": (0, inf),
    "bad_samples": (0, 1),
    "timeout": (1, 1e6),
    "network.width": (0.01, 100),
    "network.stages": (2, 10),
    "network.residual_blocks": (0, 100),
    "discriminator_width": (0.01, 100),
    "loss.l1": (0, inf),
    "loss.perceptual": (0, inf),
    "loss.style": (0, inf),
    "loss.adversarial": (0, inf),
    "loss.triplet": (0, inf),
    "loss.triplet_margin": (0, inf),
    "optimizer.generator_lr": (0, inf),
    "optimizer.discriminator_lr": (0, inf),
    "optimizer.warmup": (0, inf),
    "optimizer.decay_from": (0, 1),
    "optimizer.final_lr": (0, 1),
    "optimizer.betas": (0, BELOW_ONE),
    "optimizer.ema_decay": (0, BELOW_ONE),
    "degrade.chance": (0, 1),
    "degrade.flip": (0, 1),
    "degrade.zoom": (0.1, 10),
    "degrade.ink": (0, 1),
    "degrade.shading": (0, 1),
    "degrade.patches": (0, 1),
    "degrade.texture": (0, 1),
    "degrade.haze": (0, 1),
    "degrade.hue": (0, 0.5),
    "degrade.saturation": (0, 1),
    "degrade.brightness": (0, 1),
    "degrade.gamma": (0, 3),
    "degrade.blur": (0, 2),
    "degrade.noise": (0, 1),
    "degrade.jpeg": (1, 100),
    "augment.grid": (1, 100),
    "augment.strength": (0, 1),
    "augment.flip": (0, 1),
    "augment.flip_reference": (0, 1),
    "augment.hue": (0, 0.5),
    "augment.saturation": (0, 1),
    "augment.brightness": (0, 1),
}


def to_json(config: Any) -> dict[str, Any]:
    """A settings dataclass as plain JSON values."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, tuple):
            return [plain(item) for item in value]
        return str(value) if isinstance(value, Path) else value

    return plain(dataclasses.asdict(config))


def from_json(kind: type[Settings], content: Any) -> Settings:
    """The settings that `to_json` has written.

    Raises:
        ValueError: a setting is missing, unknown, of another type or not finite; names it.
    """
    return _parse(kind, content, "")


def _parse(kind: Any, value: Any, name: str) -> Any:
    if dataclasses.is_dataclass(kind):
        return _parse_settings(kind, value, name)
    parts = get_args(kind)
    if get_origin(kind) is Literal and value in parts:
        return value
    if get_origin(kind) is UnionType:  # X | None
        return None if value is None else _parse(parts[0], value, name)
    if get_origin(kind) is tuple and isinstance(value, list):
        kinds = parts[:1] * len(value) if parts[-1] is Ellipsis else parts
        if len(kinds) == len(value):
            return tuple(_parse(k, v, name) for k, v in zip(kinds, value, strict=True))
    if get_origin(kind) is dict and isinstance(value, dict):
        return value
    if kind is Path and isinstance(value, str):
        return Path(value)
    # A comparison, which nan fails and an integer of any length does not overflow.
    if kind is float and type(value) in (int, float) and abs(value) <= sys.float_info.max:
        return float(value)
    if kind in (int, bool, str) and type(value) is kind:
        return value
    raise ValueError(f"{name} is {value!r}")


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


def check_bounds(settings: dict[str, Any]) -> None:
    """Refuse numbers that make no sense, among them those that are not finite.

    Args:
        settings: As JSON.

    Raises:
        UserError: naming the setting, what it is and what it may be.
    """
    for name, setting in flatten(settings).items():
        if name not in BOUNDS:
            continue
        least, most = BOUNDS[name]
        for value in setting if isinstance(setting, list) else [setting]:
            if not least <= value <= most or value == inf:  # so that nan is refused as well
                option = f"--{name.replace('_', '-')}"
                limits = f"from {least} to {most}"
                if most == inf:
                    limits = "finite" if value == inf else f"at least {least}"
                raise UserError(f"{option} is {value}; it must be {limits}.")
