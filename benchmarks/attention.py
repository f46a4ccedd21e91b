"""Time and memory of attention to so many tokens, forward and backward: held whole, and not.

    python benchmarks/attention.py --tokens 256 4096 16384

Each figure comes from a process of its own. Memory is the most that is in use beyond tokens, values
and the gradient that comes in: the map, or what stands for it, the result and the gradients.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
import tyro
from measuring import apart, memory_now, memory_peak, timed
from torch import Tensor

from colorizer.networks import attention
from colorizer.system.memory import keep_freed_memory, keep_nothing

CHANNELS = 992


@dataclass(frozen=True)
class AttentionConfig:
    """Time attention that holds its whole map, and attention that does not."""

    tokens: tuple[int, ...] = (256, 4096, 16384)
    """Queries, and as many keys."""
    batch: int = 1
    """Pictures."""
    rounds: int = 3
    """Times each is run; the least counts."""


def stop_gradient_whole(x: Tensor, y: Tensor, value: Tensor) -> Tensor:
    """Ours for few tokens."""
    attention.MAX_ENTRIES = 2**62
    return attention.doubly_normalized_attention(x, y, value)


def stop_gradient_in_chunks(x: Tensor, y: Tensor, value: Tensor) -> Tensor:
    """Ours for many tokens."""
    attention.MAX_ENTRIES = 0
    return attention.doubly_normalized_attention(x, y, value)


def scft_whole(x: Tensor, y: Tensor, value: Tensor) -> Tensor:
    """As the formula is written."""
    return torch.softmax(x @ y.transpose(1, 2) / CHANNELS**0.5, 2) @ value


def scft_fused(x: Tensor, y: Tensor, value: Tensor) -> Tensor:
    """Ours."""
    return F.scaled_dot_product_attention(x[:, None], y[:, None], value[:, None]).squeeze(1)


KINDS: dict[str, list[Callable[[Tensor, Tensor, Tensor], Tensor]]] = {
    "stop-gradient": [stop_gradient_whole, stop_gradient_in_chunks],
    "scft": [scft_whole, scft_fused],
}


def seconds_of(kind: str, number: int, config: AttentionConfig, tokens: int) -> float:
    """The least time of a forward and backward pass."""
    if not torch.cuda.is_available():
        keep_freed_memory()  # as training does
    passes = prepare(kind, number, config, tokens)
    return min(timed(passes) for _ in range(config.rounds))


def gigabytes_of(kind: str, number: int, config: AttentionConfig, tokens: int) -> float:
    """The most memory that a forward and backward pass takes beyond what was there."""
    if not torch.cuda.is_available():
        keep_nothing()
    passes = prepare(kind, number, config, tokens)
    timed(passes)  # libraries take memory once
    before = memory_now()
    timed(passes)
    return (memory_peak() - before) / 1e9


def prepare(kind: str, number: int, config: AttentionConfig, tokens: int) -> Callable[[], None]:
    """A forward and backward pass, the gradients of the last one gone."""
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    shape = (config.batch, tokens, CHANNELS)
    # As of a trained network: products spread over some tens.
    inputs = [torch.randn(shape, device=device).mul_(0.5).requires_grad_() for _ in range(3)]
    incoming = torch.randn(shape, device=device)

    def passes() -> None:
        KINDS[kind][number](*inputs).backward(incoming)
        for tensor in inputs:
            tensor.grad = None

    return passes


def main() -> None:
    config = tyro.cli(AttentionConfig, description=__doc__)
    for tokens in config.tokens:
        for kind, functions in KINDS.items():
            found = []
            for number, function in enumerate(functions):
                case = (kind, number, config, tokens)
                found.append((apart(seconds_of, *case), apart(gigabytes_of, *case)))
                seconds, memory = found[-1]
                print(f"{tokens} tokens, {function.__name__}: {seconds:.3f} s, {memory:.3f} GB")
            (slow, large), (fast, small) = found
            print(f"  {fast / slow:.2f} of the time, {small / large:.3f} of the memory", flush=True)


if __name__ == "__main__":
    main()
