"""Parts of a generator that do not learn (`--freeze`)."""

from collections.abc import Sequence

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from colorizer.checkpoints.generator_file import unfilled
from colorizer.config.training import TrainConfig
from colorizer.system.errors import UserError


def check_freezing(config: TrainConfig) -> None:
    """Refuse parts that are not there or must learn, before anything is built.

    Raises:
        UserError: naming what is wrong and what to do.
    """
    if config.freeze and config.start_from is None:
        raise UserError(
            f"--freeze {' '.join(config.freeze)}: without --start-from these weights are random;"
            " give --start-from too, or leave --freeze out."
        )
    freeze(unfilled(config.network), config.freeze)


def freeze(network: nn.Module, names: Sequence[str]) -> None:
    """Have parts of a network keep their weights and statistics, in place.

    Args:
        network: Before its optimizer is made.
        names: Of its children (`line_encoder`), or of parts within (`decoder.head`).

    Raises:
        UserError: a part is not there, or nothing would be left to learn.
    """
    for name in names:
        part = _part(network, name)
        part.requires_grad_(False)
        for module in part.modules():
            if isinstance(module, _BatchNorm):
                module.__class__ = KeptBatchNorm  # parameters and buffers stay what they are
                module.eval()
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise UserError(f"--freeze {' '.join(names)}: nothing would be left to learn; name fewer.")


def _part(network: nn.Module, name: str) -> nn.Module:
    part, place = network, "the generator"
    for piece in name.split("."):
        parts = dict(part.named_children())
        if piece not in parts:
            there = ", ".join(parts) or "none"
            raise UserError(
                f"--freeze {name}: {place} has no part {piece!r}; those it has: {there}."
            )
        part, place = parts[piece], piece
    return part


class KeptBatchNorm(_BatchNorm):
    """Batch norm that uses and keeps its running statistics, in training too."""

    def train(self, mode: bool = True) -> "KeptBatchNorm":
        """Stay in eval mode, whatever the network around it does."""
        return super().train(False)

    def _check_input_dim(self, input: object) -> None:
        """Any will do."""
