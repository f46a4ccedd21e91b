"""A running average of the generator, which makes better pictures than its last step."""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

Pair = tuple[Tensor, Tensor]  # the average's and the live network's


class RunningAverage:
    """average ← decay·average + (1 - decay)·live; a shorter memory at first."""

    def __init__(
        self, network: nn.Module, live: nn.Module, decay: float, trained: bool = False
    ) -> None:
        """Start with a copy of the live network.

        Args:
            network: Becomes the average. A copy of `live`.
            live: On its device already: its tensors stay where they are from now on.
            decay: Of one step.
            trained: They begin with trained weights, which no shorter memory must wash out.
        """
        self.network = network
        self.updates = 0
        self._decay = decay
        self._trained = trained
        # Made once: going through all modules takes milliseconds.
        state = live.state_dict()
        pairs = [(mean, state[name]) for name, mean in network.state_dict().items()]
        self._averaged = _columns([pair for pair in pairs if pair[0].is_floating_point()])
        # Batch norm's counters are copied.
        self._counted = _columns([pair for pair in pairs if not pair[0].is_floating_point()])

    @torch.no_grad()
    def update(self) -> None:
        """Take in the live network as it is now."""
        self.updates += 1
        decay = self._decay
        if not self._trained:  # random weights are soon forgotten
            decay = min(decay, (1 + self.updates) / (10 + self.updates))
        get_ema_multi_avg_fn(decay)(*self._averaged, self.updates)  # all in one go
        # torch has no public function that copies many tensors in one go.
        torch._foreach_copy_(*self._counted)  # pyright: ignore[reportPrivateImportUsage]


def _columns(pairs: list[Pair]) -> tuple[list[Tensor], list[Tensor]]:
    return [mean for mean, _ in pairs], [live for _, live in pairs]
