"""What is computed in float32 whatever the precision of the networks."""

import torch
from torch import Tensor


def widened(x: Tensor) -> Tensor:
    """In float32 or wider."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
