"""Both attentions against independent float64 computations."""

import numpy as np
import pytest
import torch

from colorizer.networks import attention
from colorizer.networks.attention import (
    SCFTAttention,
    StopGradientAttention,
    doubly_normalized_attention,
)
from tests.helpers.largest import LargestTensor

B, N, C = 2, 5, 6


@pytest.fixture(params=["whole", "two queries at a time", "one query at a time"])
def at_once(request, monkeypatch):
    """How much of the map is held."""
    if request.param != "whole":
        monkeypatch.setattr(attention, "MAX_ENTRIES", 1)
        entries = {"two queries at a time": 2 * B * N, "one query at a time": 1}
        monkeypatch.setattr(attention, "PART_ENTRIES", entries[request.param])


def _tokens(seed: int, count: int = N, scale: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(B, count, C, generator=generator, dtype=torch.float64)


def _map_by_hand(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Rows softmax, then columns brought to sum N / M, an entry at a time."""
    queries, keys = len(x), len(y)
    attention = np.zeros((queries, keys))
    for i in range(queries):
        scores = [float(np.dot(x[i], y[j])) for j in range(keys)]
        weights = [np.exp(s - max(scores)) for s in scores]
        attention[i] = np.array(weights) / sum(weights)
    for j in range(keys):
        attention[:, j] /= max(sum(attention[i, j] for i in range(queries)), 1e-12)
    return attention * queries / keys


def _leaky(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, 0.2 * x)


def _forward_by_hand(module: StopGradientAttention, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Eq. 3 in float64: the batch norm normalises each channel over batch and tokens."""
    state = {name: t.detach().numpy() for name, t in module.state_dict().items()}
    z = np.zeros_like(x)
    for b in range(len(x)):
        value = _leaky(y[b] @ state["value.weight"].T + state["value.bias"])
        shortcut = _leaky(x[b] @ state["shortcut.weight"].T + state["shortcut.bias"])
        z[b] = _map_by_hand(x[b], y[b]) @ value + shortcut
    mean, variance = z.mean((0, 1)), z.var((0, 1))
    normed = (z - mean) / np.sqrt(variance + 1e-5)
    return normed * state["norm.weight"] + state["norm.bias"] + x


@pytest.mark.usefixtures("at_once")
def test_stop_gradient_attention_forward():
    torch.manual_seed(0)
    module = StopGradientAttention(C).double()
    x, y = _tokens(1), _tokens(2)
    expected = _forward_by_hand(module, x.numpy(), y.numpy())
    assert np.abs(module(x, y)[0].detach().numpy() - expected).max() < 1e-12


@pytest.mark.usefixtures("at_once")
def test_stop_gradient_attention_gives_values_their_gradient_and_logits_none():
    """Without the norm: dV = Aᵀ·dZ, Y is reached through V alone, X through the shortcut alone."""
    torch.manual_seed(0)
    module = StopGradientAttention(C).double()
    module.norm = torch.nn.Identity()
    x, y = _tokens(1).requires_grad_(), _tokens(2).requires_grad_()
    upstream = _tokens(3)
    module(x, y)[0].backward(upstream)

    for b in range(B):
        attention = _map_by_hand(x[b].detach().numpy(), y[b].detach().numpy())
        d_value = attention.T @ upstream[b].numpy()
        weight = module.value.weight.detach().numpy()
        before = y[b].detach().numpy() @ weight.T + module.value.bias.detach().numpy()
        d_y = (d_value * np.where(before > 0, 1, 0.2)) @ weight
        assert np.abs(y.grad[b].numpy() - d_y).max() < 1e-12

        weight = module.shortcut.weight.detach().numpy()
        before = x[b].detach().numpy() @ weight.T + module.shortcut.bias.detach().numpy()
        d_x = (upstream[b].numpy() * np.where(before > 0, 1, 0.2)) @ weight + upstream[b].numpy()
        assert np.abs(x.grad[b].numpy() - d_x).max() < 1e-12


def test_the_matching_can_be_taught():
    torch.manual_seed(0)
    module = StopGradientAttention(C).double()
    x, y = _tokens(1).requires_grad_(), _tokens(2).requires_grad_()
    _, matching = module(x, y)
    query, key = torch.tensor([[1, 4], [0, 0]]), torch.tensor([[2, 2], [3, 4]])
    scores = matching.scores(query, key)
    products = (x @ y.transpose(1, 2)).detach()
    expected = [[products[0, 1, 2], products[0, 4, 2]], [products[1, 0, 3], products[1, 0, 4]]]
    torch.testing.assert_close(scores.detach(), torch.tensor(expected))
    (taught,) = torch.autograd.grad(scores[0, 0], [x])
    torch.testing.assert_close(taught[0, 1], y[0, 2])
    assert taught[1].eq(0).all()


@pytest.mark.usefixtures("at_once")
def test_huge_logits_stay_exact_under_autocast():
    """Logits of some hundreds, as before training: half precision would be off by whole units."""
    x, y = _tokens(1, scale=8.0).float(), _tokens(2, scale=8.0).float()
    assert (x @ y.transpose(1, 2)).abs().max() > 200
    with torch.autocast("cpu", torch.bfloat16):
        found = doubly_normalized_attention(
            x.bfloat16(), y.bfloat16(), torch.eye(N).expand(B, N, N)
        )
    for b in range(B):
        expected = _map_by_hand(*(t[b].bfloat16().double().numpy() for t in (x, y)))
        assert np.abs(found[b].float().numpy() - expected).max() < 4e-3  # bfloat16's own precision


@pytest.mark.usefixtures("at_once")
def test_a_key_nobody_looks_at_keeps_a_finite_column():
    x = torch.full((1, 3, 2), 50.0)
    y = torch.tensor([[[50.0, 50.0], [-50.0, -50.0]]])
    found = doubly_normalized_attention(x, y, torch.eye(2)[None])
    assert torch.isfinite(found).all()
    assert found[0, :, 1].eq(0).all()


@pytest.mark.parametrize("kind", [StopGradientAttention, SCFTAttention])
def test_nothing_of_the_maps_size_is_held_at_any_time(kind, monkeypatch):
    queries, keys = 70, 90
    monkeypatch.setattr(attention, "MAX_ENTRIES", 4 * B * keys)
    monkeypatch.setattr(attention, "PART_ENTRIES", 4 * B * keys)
    module = kind(C).double()
    x, y = _tokens(1, queries).requires_grad_(), _tokens(2, keys).requires_grad_()
    with LargestTensor() as largest:
        module(x, y)[0].sum().backward()
    assert largest.entries <= B * keys * C < B * queries * keys


@pytest.mark.usefixtures("at_once")
def test_a_reference_given_twice_equals_the_same_given_once():
    torch.manual_seed(0)
    module = StopGradientAttention(C).double().eval()
    x, y = _tokens(1), _tokens(2, 4)
    twice = torch.cat([y, y], 1)
    shuffled = twice[:, torch.randperm(8)]
    torch.testing.assert_close(module(x, twice)[0], module(x, y)[0])
    torch.testing.assert_close(module(x, shuffled)[0], module(x, y)[0])


@pytest.mark.parametrize("held", [True, False])
def test_scft_attention_forward_and_its_gradient_reaches_the_keys(held, monkeypatch):
    if held:
        monkeypatch.setattr(attention.F, "scaled_dot_product_attention", None)
    else:
        monkeypatch.setattr(attention, "MAX_ENTRIES", 1)
    torch.manual_seed(0)
    module = SCFTAttention(C).double()
    x, y = _tokens(1), _tokens(2, 7)
    result, matching = module(x, y)
    places = torch.cartesian_prod(torch.arange(N), torch.arange(7)).T[:, None].expand(-1, B, -1)
    found = matching.scores(*places).detach().unflatten(1, (N, 7))
    state = {name: t.detach().numpy() for name, t in module.state_dict().items()}
    for b in range(B):
        q, k, v = (
            t @ state[f"{n}.weight"].T + state[f"{n}.bias"]
            for n, t in (("query", x[b].numpy()), ("key", y[b].numpy()), ("value", y[b].numpy()))
        )
        scores = q @ k.T / np.sqrt(C)
        weights = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
        assert np.abs(found[b].numpy() - scores).max() < 1e-12
        assert np.abs(result[b].detach().numpy() - (weights @ v + x[b].numpy())).max() < 1e-12
    result.square().sum().backward()
    assert module.query.weight.grad.abs().max() > 0
    assert module.key.weight.grad.abs().max() > 0


def test_scfts_gradients_are_the_same_whether_the_map_is_held(monkeypatch):
    tokens = [_tokens(seed, count).requires_grad_() for seed, count in ((1, N), (2, 7), (3, 7))]
    gradients = []
    for most in (2**24, 1):
        monkeypatch.setattr(attention, "MAX_ENTRIES", most)
        z = attention.scaled_attention(*tokens)
        gradients.append(torch.autograd.grad(z.square().sum(), tokens))
    for held, spared in zip(*gradients, strict=True):
        torch.testing.assert_close(held, spared, atol=1e-12, rtol=0)
