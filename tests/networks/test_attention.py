"""Both attentions against independent float64 computations."""

import numpy as np
import torch

from colorizer.networks.attention import (
    SCFTAttention,
    StopGradientAttention,
    doubly_normalized,
    similarity,
)

B, N, C = 2, 5, 6


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


def test_stop_gradient_attention_forward():
    torch.manual_seed(0)
    module = StopGradientAttention(C).double()
    x, y = _tokens(1), _tokens(2)
    expected = _forward_by_hand(module, x.numpy(), y.numpy())
    assert np.abs(module(x, y)[0].detach().numpy() - expected).max() < 1e-12


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


def test_no_gradient_reaches_the_logits_but_they_can_be_taught():
    torch.manual_seed(0)
    module = StopGradientAttention(C).double()
    x, y = _tokens(1).requires_grad_(), _tokens(2).requires_grad_()
    z, logits = module(x, y)
    assert logits.requires_grad
    (through_z,) = torch.autograd.grad(z.sum(), [logits], allow_unused=True)
    assert through_z is None
    (taught,) = torch.autograd.grad(logits[0, 1, 2], [x])
    torch.testing.assert_close(taught[0, 1], y[0, 2])


def test_huge_logits_stay_exact_under_autocast():
    """Logits of some hundreds, as before training: half precision would be off by whole units."""
    x, y = _tokens(1, scale=8.0).float(), _tokens(2, scale=8.0).float()
    assert (x @ y.transpose(1, 2)).abs().max() > 200
    with torch.autocast("cpu", torch.bfloat16):
        attention = doubly_normalized(similarity(x, y))
    assert attention.dtype == torch.float32
    for b in range(B):
        expected = _map_by_hand(x[b].double().numpy(), y[b].double().numpy())
        assert np.abs(attention[b].numpy() - expected).max() < 1e-3


def test_a_key_nobody_looks_at_keeps_a_finite_column():
    x = torch.full((1, 3, 2), 50.0)
    y = torch.tensor([[[50.0, 50.0], [-50.0, -50.0]]])
    attention = doubly_normalized(similarity(x, y))
    assert torch.isfinite(attention).all()
    assert attention[0, :, 1].eq(0).all()


def test_a_reference_given_twice_equals_the_same_given_once():
    torch.manual_seed(0)
    module = StopGradientAttention(C).double().eval()
    x, y = _tokens(1), _tokens(2, 4)
    twice = torch.cat([y, y], 1)
    shuffled = twice[:, torch.randperm(8)]
    torch.testing.assert_close(module(x, twice)[0], module(x, y)[0])
    torch.testing.assert_close(module(x, shuffled)[0], module(x, y)[0])


def test_scft_attention_forward_and_its_gradient_reaches_the_keys():
    torch.manual_seed(0)
    module = SCFTAttention(C).double()
    x, y = _tokens(1), _tokens(2, 7)
    result, logits = module(x, y)
    state = {name: t.detach().numpy() for name, t in module.state_dict().items()}
    for b in range(B):
        q, k, v = (
            t @ state[f"{n}.weight"].T + state[f"{n}.bias"]
            for n, t in (("query", x[b].numpy()), ("key", y[b].numpy()), ("value", y[b].numpy()))
        )
        scores = q @ k.T / np.sqrt(C)
        weights = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
        assert np.abs(logits[b].detach().numpy() - scores).max() < 1e-12
        assert np.abs(result[b].detach().numpy() - (weights @ v + x[b].numpy())).max() < 1e-12
    result.square().sum().backward()
    assert module.query.weight.grad.abs().max() > 0
    assert module.key.weight.grad.abs().max() > 0
