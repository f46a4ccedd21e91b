"""What the losses were since the last look: kept on the device, so that no step waits for it."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

KEYS_SHOWN = 16  # samples that a message names


class Entry(NamedTuple):
    """One batch of this process."""

    step: int
    keys: list[str]
    losses: tuple[str, ...]  # names
    gradients: tuple[str, ...]  # names of the networks that were updated
    values: Tensor  # all of them in this order, on the device


class LossSummary(NamedTuple):
    """What one process has recorded."""

    sums: dict[str, float]  # of `loss/l1`, `gradient/generator`, ...: of those that were finite
    counts: dict[str, int]  # of these
    faults: list[str]  # what was not finite, for each batch with something that was not


class LossRecord:
    """Losses and gradients' norms of the batches since the last look."""

    def __init__(self, judges_gradients: bool = True) -> None:
        """Begin with nothing recorded.

        Args:
            judges_gradients: Whether one that is not finite is a fault; fp16's scaler, which looks
                for the largest scale, makes some.
        """
        self._judges_gradients = judges_gradients
        self.left_out: dict[str, int] = {}  # network → its last updates in a row that were left out
        self._entries: list[Entry] = []

    def add(
        self, step: int, keys: list[str], losses: Mapping[str, Tensor], norms: Mapping[str, Tensor]
    ) -> None:
        """Remember a batch.

        Args:
            step: The optimisation step that it belongs to.
            keys: Its samples.
            losses: Scalars on the device, without gradient.
            norms: Of the gradients of the networks that were updated, likewise.
        """
        values = torch.stack([*losses.values(), *norms.values()])
        self._entries.append(Entry(step, keys, tuple(losses), tuple(norms), values))

    def look(self) -> LossSummary:
        """Forget the batches and tell of them: the one wait for the device."""
        entries, self._entries = self._entries, []
        look = LossSummary({}, {}, [])
        values = torch.cat([entry.values for entry in entries]).tolist() if entries else []
        for entry in entries:
            count = len(entry.losses)
            losses = dict(zip(entry.losses, values[:count], strict=True))
            norms = dict(zip(entry.gradients, values[count:], strict=False))
            del values[: count + len(norms)]
            figures = {f"loss/{name}": value for name, value in losses.items()}
            figures |= {f"gradient/{name}": value for name, value in norms.items()}
            for name, value in figures.items():
                finite = math.isfinite(value)
                look.sums[name] = look.sums.get(name, 0.0) + (value if finite else 0.0)
                look.counts[name] = look.counts.get(name, 0) + finite
            judged = norms if self._judges_gradients else {}
            for name, value in judged.items():
                run = self.left_out.get(name, 0)
                self.left_out[name] = 0 if math.isfinite(value) else run + 1
            # A loss that is not finite has no finite gradient: that is no news.
            named = {f"the {name} loss": v for name, v in losses.items()}
            gradients = {f"the {name}'s gradient": v for name, v in judged.items()}
            if wrong := _not_finite(named) or _not_finite(gradients):
                look.faults.append(f"step {entry.step}: {wrong} ({_samples(entry.keys)})")
        return look


def _not_finite(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} is {v}" for name, v in values.items() if not math.isfinite(v))


def _samples(keys: list[str]) -> str:
    more = f" and {len(keys) - KEYS_SHOWN} more" if len(keys) > KEYS_SHOWN else ""
    return f"samples {', '.join(keys[:KEYS_SHOWN])}{more}"
