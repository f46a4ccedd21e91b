"""How sure a mean over the held-out pictures is."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from colorizer.loading.references import numbered

RESAMPLES = 2000
CHUNK = 100  # resamples in memory at a time


class Interval(NamedTuple):
    """A mean with its 95 % interval."""

    mean: float
    low: float | None  # both None: of one group alone nothing can be said
    high: float | None


class Bootstrap:
    """Percentile bootstrap of means (Efron 1979).

    Pictures of one group are alike, so whole groups are drawn, not pictures. The drawing is always
    the same: equal values give equal intervals.
    """

    def __init__(
        self,
        groups: Sequence[str],  # of each picture
    ) -> None:
        self.group = numbered(groups)

    def mean(self, values: np.ndarray) -> Interval:
        """The mean of one value a picture; pictures whose value is not a number do not count.

        Raises:
            ValueError: no picture has a value.
        """
        there = ~np.isnan(values)
        if not there.any():
            raise ValueError("no picture has a value")
        used, group = np.unique(self.group[there], return_inverse=True)
        sums = np.bincount(group, values[there])
        sizes = np.bincount(group)
        if len(used) < 2:
            return Interval(float(values[there].mean()), None, None)
        rng = np.random.default_rng(0)
        means = []
        for _ in range(RESAMPLES // CHUNK):
            drawn = rng.integers(len(used), size=(CHUNK, len(used)))
            means.append(sums[drawn].sum(1) / sizes[drawn].sum(1))
        low, high = np.percentile(np.concatenate(means), (2.5, 97.5))
        return Interval(float(values[there].mean()), float(low), float(high))
