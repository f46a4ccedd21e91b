"""CBAM against a computation by hand, and its passes for a GPU against autograd's."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from colorizer.networks import convolutional_attention
from colorizer.networks.convolutional_attention import ConvolutionalAttention, InFewPasses


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def test_convolutional_attention_is_channel_then_spatial():
    torch.manual_seed(0)
    module = ConvolutionalAttention(32).double()
    x = torch.randn(1, 32, 4, 5, dtype=torch.float64)
    first, second = (module.mlp[i].weight.detach().numpy()[:, :, 0, 0] for i in (0, 2))
    assert first.shape == (2, 32)  # reduction 16

    value = x[0].numpy()
    hidden = [np.maximum(first @ v, 0) for v in (value.mean((1, 2)), value.max((1, 2)))]
    value = value * _sigmoid(second @ hidden[0] + second @ hidden[1])[:, None, None]
    summary = np.pad(np.stack([value.max(0), value.mean(0)]), ((0, 0), (3, 3), (3, 3)))
    kernel = module.spatial.weight.detach().numpy()[0]
    spatial = np.array(
        [[(summary[:, i : i + 7, j : j + 7] * kernel).sum() for j in range(5)] for i in range(4)]
    )
    expected = value * _sigmoid(spatial)
    assert np.abs(module(x)[0].detach().numpy() - expected).max() < 1e-12


def _few(module: ConvolutionalAttention, x: Tensor) -> Tensor:
    return InFewPasses.apply(x, module.mlp[0].weight, module.mlp[2].weight, module.spatial.weight)


def _plain(module: ConvolutionalAttention, x: Tensor) -> Tensor:
    return module(x)


def _results(form, module: ConvolutionalAttention, x: Tensor) -> list[Tensor]:
    """The result and all gradients."""
    module.zero_grad()
    x = x.detach().requires_grad_()
    z = form(module, x)
    torch.manual_seed(1)
    z.backward(torch.randn(z.shape, dtype=torch.float64).to(z.dtype))
    return [z.detach(), x.grad, *(p.grad.clone() for p in module.parameters())]


def _off(found: Tensor, wanted: Tensor) -> float:
    return ((found.double() - wanted).norm() / wanted.norm()).item()


def _with_equal_values() -> Tensor:
    """Few levels: the largest of a channel is there several times."""
    torch.manual_seed(0)
    x = (torch.randn(3, 32, 12, 10, dtype=torch.float64) * 2).round() / 2
    return x.to(memory_format=torch.channels_last)


@pytest.mark.parametrize("alike", [False, True])
def test_passes_give_what_autograd_gives(monkeypatch, alike):
    monkeypatch.setattr(convolutional_attention, "in_one_kernel", lambda function: function)
    x = _with_equal_values()
    module = ConvolutionalAttention(32).double()
    if alike:  # then the largest of a place is there several times as well
        nn.init.zeros_(module.mlp[2].weight)
    pairs = zip(_results(_few, module, x), _results(_plain, module, x), strict=True)
    for found, wanted in pairs:
        torch.testing.assert_close(found, wanted, atol=1e-13, rtol=1e-13)


@pytest.mark.slow
@pytest.mark.parametrize("precision", [torch.float64, torch.bfloat16])
def test_compiled_passes_are_off_by_a_rounding(precision):
    x = _with_equal_values()
    module = ConvolutionalAttention(32).double()
    wanted = _results(_plain, module, x)
    found = _results(
        _few, module.to(torch.promote_types(precision, torch.float32)), x.to(precision)
    )
    assert found[0].dtype == found[1].dtype == precision
    for each, exact in zip(found, wanted, strict=True):
        assert _off(each, exact) < max(2 * torch.finfo(precision).eps, 1e-14)


def test_only_the_map_is_kept(monkeypatch):
    monkeypatch.setattr(convolutional_attention, "in_one_kernel", lambda function: function)
    module = ConvolutionalAttention(32)
    x = torch.randn(1, 32, 16, 16, requires_grad=True)
    kept = {}
    for form in (_few, _plain):
        tensors: dict[int, int] = {}

        def keep(t: Tensor, tensors: dict[int, int] = tensors) -> Tensor:
            tensors[t.untyped_storage().data_ptr()] = t.untyped_storage().nbytes()
            return t

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
            result = form(module, x)
        kept[form] = sum(tensors.values()) / x.nbytes
        del result
    assert kept[_few] < 1.2 < 2 < kept[_plain]
