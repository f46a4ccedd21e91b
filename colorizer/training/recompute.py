"""Activations that are computed again in the backward pass instead of being kept.

Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016; gradient checkpointing.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm
from torch.utils.checkpoint import checkpoint


def recompute_activations(network: nn.Module, *kinds: type[nn.Module]) -> None:
    """Have every module of these kinds keep only what goes into it until its backward pass.

    Its results, gradients and batch norm's statistics stay what they are. A module must not hold
    another.
    """
    for module in network.modules():
        if isinstance(module, kinds):
            module.forward = partial(
                checkpoint,
                module.forward,
                use_reentrant=False,
                preserve_rng_state=False,  # nothing here is random
                context_fn=partial(_first_and_second_time, module),
            )


def _first_and_second_time(
    module: nn.Module,
) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    return nullcontext(), _statistics_left_alone(module)


@contextmanager
def _statistics_left_alone(module: nn.Module) -> Iterator[None]:
    """Batch norm counts a batch the first time only; what it gives back is the same."""
    before = [
        (norm, norm.momentum, count)
        for norm in module.modules()
        if isinstance(norm, BatchNorm) and (count := norm.num_batches_tracked) is not None
    ]
    for norm, _, count in before:
        norm.momentum = 0.0
        norm.num_batches_tracked = count.clone()
    try:
        yield
    finally:
        for norm, momentum, count in before:
            norm.momentum, norm.num_batches_tracked = momentum, count
