"""Gradients that are written by hand: torch's Function, with the types that its own stubs lack."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor


class Context(Protocol):
    """What the forward pass of a `Function` leaves to its backward pass."""

    @property
    def saved_tensors(self) -> tuple[Tensor, ...]:
        """Those that were saved, in their order."""
        ...

    def save_for_backward(self, *tensors: Tensor) -> None:
        """Keep inputs, results and others."""

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Say of results that they have no gradient."""


if TYPE_CHECKING:

    class Function(torch.autograd.Function):
        """torch's; `once_differentiable` gives a `backward` that torch's stub would refuse."""

        backward: Callable[..., Any]

else:
    Function = torch.autograd.Function
