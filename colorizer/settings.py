"""Settings as JSON values, and the ranges they must be in."""

import dataclasses
from math import inf
from pathlib import Path
from typing import Any

from colorizer.errors import UserError

BELOW_ONE = 1 - 1e-9
BOUNDS = {
    "steps": (1, inf),
    "batch_size": (1, inf),
    "accumulate": (1, inf),
    "seed": (0, inf),
    "workers": (0, inf),
    "shard_window": (1, inf),
    "log_every": (1, inf),
    "sample_every": (0, inf),
    "sample_count": (1, inf),
    "checkpoint_every": (1, inf),
    "keep_checkpoints": (1, inf),
    "network.width": (0.01, 100),
    "network.stages": (2, 10),
    "network.residual_blocks": (0, inf),
    "discriminator_width": (0.01, 100),
    "loss.l1": (0, inf),
    "loss.perceptual": (0, inf),
    "loss.style": (0, inf),
    "loss.adversarial": (0, inf),
    "loss.triplet": (0, inf),
    "loss.triplet_margin": (0, inf),
    "optimizer.generator_lr": (0, inf),
    "optimizer.discriminator_lr": (0, inf),
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


def flatten(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by their names on the command line: `loss.l1`, ..."""
    flat = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def check_bounds(config: Any) -> None:
    """Refuse numbers that make no sense.

    Raises:
        UserError: naming the setting, what it is and what it may be.
    """
    for name, setting in flatten(to_json(config)).items():
        if name not in BOUNDS:
            continue
        least, most = BOUNDS[name]
        for value in setting if isinstance(setting, list) else [setting]:
            if not least <= value <= most:  # so that nan is refused as well
                option = f"--{name.replace('_', '-')}"
                limits = f"at least {least}" if most == inf else f"from {least} to {most}"
                raise UserError(f"{option} is {value}; it must be {limits}.")
