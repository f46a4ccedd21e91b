"""What test_batch_norm.py has two processes try: `torchrun batch_norm_cases.py FOLDER`."""

import copy
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounterWithBackend
from torch.utils._python_dispatch import TorchDispatchMode

from colorizer.networks.attention import StopGradientAttention
from colorizer.networks.batch_norm import normalize_over_processes
from colorizer.networks.blocks import DecoderLayer, EncoderLayer, ResidualBlock
from colorizer.training.recompute import recompute_activations

WAITS = {"aten::_local_scalar_dense", "aten::nonzero", "aten::index", "aten::masked_select"}


def _mine(whole: Tensor, cut: int = 4) -> Tensor:
    """This process's part of a batch: up to `cut`, or from there on."""
    return whole[cut:] if dist.get_rank() else whole[:cut]


def _shared(network: nn.Module) -> nn.Module:
    """A copy that normalises over both processes."""
    shared = copy.deepcopy(network)
    normalize_over_processes(shared)
    return shared


def _compare(network: nn.Module, *shape: int) -> None:
    """One network sees the whole batch in each process, the other its half."""
    network = network.double()
    shared = _shared(network)
    for cut in (4, 3, 7):
        whole = (2 * torch.randn(8, *shape, dtype=torch.float64) + 5).requires_grad_()
        part = _mine(whole, cut).detach().requires_grad_()
        y, shared_y = network(whole), shared(part)
        gradient = torch.randn_like(y)
        y.backward(gradient)
        shared_y.backward(_mine(gradient, cut))
        _close(shared_y, _mine(y, cut))
        _close(part.grad, _mine(whole.grad, cut))
    for mine, wanted in zip(shared.parameters(), network.parameters(), strict=True):
        dist.all_reduce(mine.grad)
        _close(mine.grad, wanted.grad)
    for mine, wanted in zip(shared.buffers(), network.buffers(), strict=True):
        _close(mine, wanted)
    _close(shared.eval()(part), _mine(network.eval()(whole), cut))


def _close(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-11)


def pictures() -> None:
    _compare(nn.Sequential(nn.BatchNorm2d(5)), 5, 6, 7)


def a_constant_channel() -> None:
    shared = _shared(nn.Sequential(nn.BatchNorm2d(2)))
    x = torch.randn(4, 2, 3, 3)
    x[:, 1] = 7.0
    x.requires_grad_()
    y = shared(x)
    y.square().sum().backward()
    assert y[:, 1].abs().max() < 1e-3 and x.grad.isfinite().all()
    assert all(buffer.isfinite().all() for buffer in shared.buffers())


def vectors() -> None:
    _compare(nn.Sequential(nn.BatchNorm1d(5)), 5)


def layers() -> None:
    layers = EncoderLayer(3, 16, 2, True, True), ResidualBlock(16), DecoderLayer(16, 4)
    _compare(nn.Sequential(*layers), 3, 8, 8)


def attention() -> None:
    class SelfAttention(StopGradientAttention):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x, x)[0]

    _compare(SelfAttention(6), 5, 6)


def recomputed() -> None:
    kept = _shared(nn.Sequential(ResidualBlock(4)).double())
    again = copy.deepcopy(kept)
    recompute_activations(again, ResidualBlock)
    x = _mine(torch.randn(8, 4, 5, 5, dtype=torch.float64))
    for network in (kept, again):
        network(x).square().sum().backward()
    for p, q in zip(kept.parameters(), again.parameters(), strict=True):
        assert torch.equal(p.grad, q.grad)
    for p, q in zip(kept.buffers(), again.buffers(), strict=True):
        assert torch.equal(p, q)


def half_precision() -> None:
    network = nn.Sequential(nn.BatchNorm2d(4))
    shared = _shared(network)
    whole = (torch.randn(8, 4, 9, 9) + 100).bfloat16().requires_grad_()
    half = _mine(whole).detach().requires_grad_()
    gradient = torch.randn(8, 4, 9, 9).bfloat16()
    y, shared_y = network(whole.float()), shared(half)
    y.backward(gradient.float())
    shared_y.backward(_mine(gradient))
    assert shared_y.dtype == half.grad.dtype == torch.bfloat16
    torch.testing.assert_close(shared_y, _mine(y).bfloat16(), rtol=0.01, atol=1e-3)
    torch.testing.assert_close(half.grad, _mine(whole.grad), rtol=0.01, atol=1e-3)
    torch.testing.assert_close(shared[0].running_var, network[0].running_var)


def one_graph() -> None:
    layers = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4)
    plain = _shared(nn.Sequential(*layers))
    compiled, counter = copy.deepcopy(plain), CompileCounterWithBackend("aot_eager")
    compiled.compile(backend=counter)
    x = _mine(torch.randn(8, 3, 9, 9))
    for _ in range(2):
        for network in (plain, compiled):
            network(x).square().mean().backward()
    assert counter.frame_count == 1, counter.frame_count
    for p, q in zip(plain.parameters(), compiled.parameters(), strict=True):
        torch.testing.assert_close(q.grad, p.grad)
    for p, q in zip(plain.buffers(), compiled.buffers(), strict=True):
        torch.testing.assert_close(q, p)


def no_wait() -> None:
    names: list[str] = []

    class Asked(TorchDispatchMode):
        def __torch_dispatch__(
            self, function: Callable, types: object, args: tuple = (), kwargs: dict | None = None
        ) -> object:
            names.append(function._schema.name)
            return function(*args, **kwargs or {})

    network = _shared(nn.Sequential(nn.BatchNorm2d(4)))
    x = torch.randn(2, 4, 5, 5).requires_grad_()
    with Asked():
        network(x).sum().backward()
    assert names.count("c10d::allreduce_") == 2, names  # one a direction
    assert not WAITS & set(names), names


CASES = (
    *(pictures, a_constant_channel, vectors, layers, attention),
    *(recomputed, half_precision, one_graph, no_wait),
)


def main(folder: Path) -> None:
    dist.init_process_group("gloo")
    for case in CASES:
        torch.manual_seed(0)
        try:
            case()
        except Exception:
            said = traceback.format_exc()
        else:
            said = ""
        (folder / f"{case.__name__} {dist.get_rank()}").write_text(said)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
