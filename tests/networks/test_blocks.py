"""The blocks against computations by hand."""

import numpy as np
import torch

from colorizer.networks.blocks import ConvolutionalAttention, Encoder, tokens_from


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


def test_encoder_halves_at_every_second_layer():
    encoder = Encoder(1, 1.0, 5, convolutional_attention=False, batch_norm=False)
    shapes = [tuple(m.shape[1:]) for m in encoder(torch.zeros(1, 1, 32, 48))]
    assert shapes[0] == shapes[1] == (16, 32, 48)
    assert shapes[2] == shapes[3] == (32, 16, 24)
    assert shapes[8] == shapes[9] == (256, 2, 3)


def test_tokens_are_every_layer_pooled_to_the_last_maps_places():
    maps = [torch.randn(2, 3, 8, 12), torch.randn(2, 5, 2, 3)]
    tokens = tokens_from(maps)
    assert tokens.shape == (2, 6, 8)
    # the token of row 1, column 2: the mean of its 4×4 pixels, then the last map's own value
    torch.testing.assert_close(tokens[1, 5, :3], maps[0][1, :, 4:8, 8:12].mean((1, 2)))
    torch.testing.assert_close(tokens[1, 5, 3:], maps[1][1, :, 1, 2])
