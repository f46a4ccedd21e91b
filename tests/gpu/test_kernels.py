"""What computes otherwise on a GPU than on the CPU, where the other tests look at it."""

import copy
from collections.abc import Iterator

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn

from colorizer.networks.batch_norm import normalize_over_processes
from colorizer.networks.convolutional_attention import ConvolutionalAttention
from colorizer.networks.doubling import doubled
from colorizer.training.differences import gram, gram_difference, mean_difference

HALF = (torch.bfloat16, torch.float16)
LAYOUTS = pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])


@pytest.fixture
def alone(tmp_path) -> Iterator[None]:
    """A group of one process."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def _off(found: Tensor, wanted: Tensor) -> float:
    wanted = wanted.double()
    return ((found.double() - wanted).norm() / wanted.norm()).item()


@LAYOUTS
@pytest.mark.parametrize("precision", [torch.float32, *HALF])
def test_batch_norm_over_processes_is_torchs(alone, layout, precision):
    torch.manual_seed(0)
    network = nn.Sequential(nn.BatchNorm2d(64)).cuda()
    shared = copy.deepcopy(network)
    normalize_over_processes(shared)
    x = (2 * torch.randn(4, 64, 17, 16, device="cuda") + 5).to(precision, memory_format=layout)
    x[:, 3] = 7.0  # a channel that says nothing
    d_y = torch.randn_like(x)
    results = []
    for each, given in ((network.double(), x.double()), (shared, x)):
        given = given.detach().requires_grad_()
        y = each(given)
        y.backward(d_y.to(y.dtype))
        results.append((y, given.grad, each[0].weight.grad, each[0].running_var))
    bound = 2 * torch.finfo(precision).eps if precision in HALF else 1e-5
    for wanted, found in zip(*results, strict=True):
        assert _off(found, wanted) < bound
    assert results[1][0].dtype == results[1][1].dtype == precision


@pytest.mark.parametrize("precision", HALF)
@pytest.mark.parametrize("loss", [mean_difference, gram_difference])
def test_differences_in_half_precision_are_off_by_a_rounding(loss, precision):
    torch.manual_seed(0)
    maps = [torch.randn(2, 128, 24, 24, device="cuda").relu().to(precision) for _ in range(2)]
    found = maps[0].to(memory_format=torch.channels_last).requires_grad_()
    wanted = maps[0].double().requires_grad_()
    value, exact = loss(found, maps[1]), loss(wanted, maps[1].double())
    for each in (value, exact):
        (100_000 * each).backward()  # as the scaler of float16 does
    eps = torch.finfo(precision).eps
    assert abs(value.item() / exact.item() - 1) < eps / 8
    assert _off(found.grad, wanted.grad) < eps
    assert gram(maps[0]).dtype == torch.float32


@pytest.mark.parametrize("precision", HALF)
def test_the_enlargements_gradient_is_the_same_each_time(precision):
    torch.manual_seed(0)
    x = torch.randn(2, 32, 32, 32, device="cuda").to(precision, memory_format=torch.channels_last)
    d_y = torch.randn(2, 32, 64, 64, device="cuda").to(precision)
    gradients = []
    for given in (x, x, x.double()):
        given = given.detach().requires_grad_()
        doubled(given, True).backward(d_y.to(given.dtype))
        gradients.append(given.grad)
    assert torch.equal(*gradients[:2])
    assert _off(gradients[0], gradients[2]) < torch.finfo(precision).eps


@pytest.mark.parametrize("precision", [torch.float32, *HALF])
def test_convolutional_attentions_passes_are_off_by_a_rounding(exact, precision):
    torch.manual_seed(0)
    module = ConvolutionalAttention(64).cuda()
    with torch.no_grad():
        module.mlp[0].weight.abs_()  # so that what is pooled reaches all channels
    x = torch.randn(2, 64, 64, 64, device="cuda").to(precision, memory_format=torch.channels_last)
    d_z = torch.randn_like(x)
    results = []
    for each, given in ((module, x), (copy.deepcopy(module).cpu().double(), x.cpu().double())):
        given = given.detach().requires_grad_()
        z = each(given)
        z.backward(d_z.to(z))
        results.append([z, given.grad, *(p.grad for p in each.parameters())])
    for found, wanted in zip(*results, strict=True):
        assert _off(found.cpu(), wanted) < 2 * max(torch.finfo(precision).eps, 1e-6)
