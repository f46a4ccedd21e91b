"""Which look at the held-out pictures was the best so far."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from colorizer.system.errors import UserError


@dataclass(frozen=True)
class Best:
    """The best of the looks so far."""

    figure: str  # by which it is: cross/psnr, ...
    value: float
    step: int
    looks_since: int = 0  # that were not better

    def after(self, step: int, value: float) -> "Best":
        """The best when another look has been taken."""
        higher_is_better = self.figure.endswith("psnr")
        if value > self.value if higher_is_better else value < self.value:
            return Best(self.figure, value, step)
        return replace(self, looks_since=self.looks_since + 1)


def chosen_figure(best_by: str, figures: Sequence[str]) -> str:
    """The figure that `--best-by` means.

    Raises:
        UserError: these pictures do not have it; names those that they have.
    """
    if best_by == "auto":
        return figures[0]
    if best_by not in figures:
        raise UserError(
            f"--best-by {best_by}: the held-out pictures have no such figure; give"
            f" {', '.join(figures)}."
        )
    return best_by


def no_longer_gains(best_by: str, patience: int, best: Best | None) -> bool:
    """Whether the patience is at its end: so many looks have not been better."""
    if not patience or best is None or best_by not in ("auto", best.figure):
        return False
    return best.looks_since >= patience
