"""Attention on a GPU: in chunks as held whole, and both as in float64."""

import pytest
import torch

from colorizer.networks import attention

TOKENS = 512


@pytest.fixture
def inputs():
    torch.manual_seed(0)
    return [torch.randn(2, TOKENS, 992, device="cuda").mul_(0.5) for _ in range(3)]


def _passes(queries, keys, values, monkeypatch, most):
    monkeypatch.setattr(attention, "MAX_ENTRIES", most)
    monkeypatch.setattr(attention, "PART_ENTRIES", TOKENS * 50)
    values = values.clone().requires_grad_()
    result = attention.doubly_normalized_attention(queries, keys, values)
    (gradient,) = torch.autograd.grad(result, values, torch.ones_like(result))
    return result.detach(), gradient


@pytest.mark.parametrize("most", [0, 2**62])
def test_stop_gradient_attention_is_that_of_float64(inputs, monkeypatch, most):
    found = _passes(*inputs, monkeypatch, most)
    wanted = _passes(*(t.double() for t in inputs), monkeypatch, 2**62)
    for one, other in zip(found, wanted, strict=True):
        assert (one - other).norm() < 1e-3 * other.norm()


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("most", [0, 2**62])
def test_autocast_does_not_reach_the_logits(inputs, monkeypatch, half, most):
    """In half precision they would be off by whole units, and in fp16 overflow."""
    queries, keys, values = inputs
    found = _passes(queries, keys, values, monkeypatch, most)
    with torch.autocast("cuda", half):
        halved = _passes(queries, keys, values.to(half), monkeypatch, most)
    for one, other in zip(halved, found, strict=True):
        assert one.isfinite().all()
        assert (one.float() - other).norm() < 1e-2 * other.norm()
