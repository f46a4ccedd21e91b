"""What is measured of the held-out pictures: by one process, and gathered from all."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from colorizer.evaluation.constant_colors import TERMS, constant_errors
from colorizer.evaluation.examine import Examined
from colorizer.evaluation.protocol import Column
from colorizer.pictures.grid import psnr_of
from colorizer.system.processes import World

CONSTANT = Column("constant", "psnr")
PARTNERED = Column("cross", "psnr")  # that the pictures have whose constant colours are taken


@dataclass
class Findings:
    """What was measured of all pictures, in their order."""

    values: np.ndarray  # N×columns float64; not a number: none
    features: dict[str, Tensor]  # mode or "references" → n×2048
    constant: np.ndarray  # n×TERMS float64: of each picture that has them, its `constant_terms`


class Share:
    """What one process has measured, in the order of its pictures."""

    def __init__(self, columns: Sequence[Column], features: Sequence[str]) -> None:
        """Nothing is measured yet.

        Args:
            columns: The figures of a picture.
            features: Modes, or "references", that features are taken of.
        """
        self.columns = columns
        self.values: list[list[float]] = []
        self.features: dict[str, list[Tensor]] = {name: [] for name in features}
        self.constant: list[np.ndarray] = []

    def add(self, examined: Examined) -> None:
        """Add what was measured of the next picture."""
        self.values.append([examined.values.get(column, np.nan) for column in self.columns])
        for name, feature in examined.features.items():
            self.features[name].append(feature)
        if examined.constant is not None:
            self.constant.append(examined.constant)

    def gather(self, world: World) -> Findings | None:
        """All processes' shares, in the order of ranks; None in all but the first process.

        Raises:
            LostConnection: another process has ended before.
        """
        values = world.gather(_rows(self.values, len(self.columns)))
        features: dict[str, Tensor] = {}
        for name, taken in self.features.items():
            own = torch.stack(taken) if taken else torch.empty(0, 2048)
            if (every := world.gather(own)) is not None:
                features[name] = every
        constant = world.gather(_rows(self.constant, TERMS))
        if values is None or constant is None:
            return None
        return Findings(values.numpy(), features, constant.numpy())


def _rows(rows: Sequence[Sequence[float] | np.ndarray], width: int) -> Tensor:
    """Rows of numbers, maybe none → n×width float64."""
    return torch.from_numpy(np.array(rows, float).reshape(len(rows), width))


def add_constant_colors(findings: Findings, columns: Sequence[Column]) -> None:
    """Fill in the PSNR of constant colours, which can be told of all pictures together only."""
    if CONSTANT not in columns:
        return
    has_partner = ~np.isnan(findings.values[:, columns.index(PARTNERED)])
    psnr = psnr_of(constant_errors(findings.constant))
    findings.values[has_partner, columns.index(CONSTANT)] = psnr
