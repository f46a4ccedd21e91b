"""The blocks against computations by hand."""

import numpy as np
import pytest
import torch

from colorizer.networks.blocks import Encoder, tokens_from
from colorizer.networks.extractor import LineExtractor
from colorizer.networks.generator import Generator


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


def _doubled(maps: np.ndarray, align_corners: bool) -> np.ndarray:
    """Bilinear enlargement of the last two dimensions, each on its own, in float64."""
    for _ in range(2):
        side = maps.shape[-1]
        place = np.arange(2 * side)
        if align_corners:  # the first and the last place keep what they show
            source = place * (side - 1) / (2 * side - 1)
        else:  # a place is the middle of its pixel, and beyond the outermost nothing changes
            source = ((place + 0.5) / 2 - 0.5).clip(0, side - 1)
        before = np.floor(source).astype(int)
        after = (before + 1).clip(max=side - 1)
        share = source - before
        maps = maps[..., before] * (1 - share) + maps[..., after] * share
        maps = maps.swapaxes(-1, -2)
    return maps


@pytest.mark.parametrize("aligned", [True, False], ids=["generator", "extractor"])
def test_the_generators_decoder_aligns_corners_and_the_extractors_does_not(aligned):
    torch.manual_seed(0)
    network = Generator(width=0.125) if aligned else LineExtractor(0.125)
    network.double().eval()
    enlarged, given = [], []
    for finer, coarser in zip(network.decoder.first[1:], network.decoder.second[:-1], strict=True):
        coarser.register_forward_hook(lambda _, inputs, output: enlarged.append(output))
        finer.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    line, color = torch.randn(2, 1, 48, 80).double(), torch.randn(2, 3, 48, 80).double()
    network(line, color) if aligned else network(color)
    assert len(enlarged) == len(given) == (4 if aligned else 3)
    for coarse, fine in zip(enlarged, given, strict=True):
        expected = _doubled(coarse.detach().numpy(), aligned)
        difference = fine[:, : coarse.shape[1]].detach().numpy() - expected
        assert np.abs(difference).max() < 1e-12
        assert np.abs(_doubled(coarse.detach().numpy(), not aligned) - expected).max() > 1e-3
