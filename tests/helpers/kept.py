"""What a forward pass keeps in memory."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


def kept_for_backward(network: nn.Module, forward: Callable[[], object]) -> int:
    """Bytes that a forward pass keeps for the backward pass, the network's weights aside."""
    weights = {p.untyped_storage().data_ptr() for p in network.parameters()}
    kept = {}  # the storages themselves, so that none is freed and its address given again

    def pack(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        forward()
    return sum(s.nbytes() for address, s in kept.items() if address not in weights)
