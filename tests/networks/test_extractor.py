"""The line extraction network: its size, the sizes it takes, how far it looks."""

import pytest
import torch

from colorizer.networks.extractor import LineExtractor


def _conv(inputs: int, outputs: int) -> int:
    return 9 * inputs * outputs + outputs + 2 * outputs  # 3×3, its bias, batch norm


def test_the_full_network_has_as_many_parameters_as_its_layers():
    encoder = [(3, 16), (16, 16), (16, 32), (32, 32), (32, 64), (64, 64), (64, 128), (128, 128)]
    decoder = [(128, 128), (256, 128), (192, 64), (128, 64), (96, 32), (64, 32), (48, 16), (32, 16)]
    wanted = sum(_conv(*layer) for layer in encoder + decoder) + 16 + 1
    with torch.device("meta"):
        network = LineExtractor()
    assert sum(p.numel() for p in network.parameters()) == wanted


@pytest.mark.parametrize(("height", "width"), [(64, 64), (8, 48), (40, 16)])
def test_a_line_has_its_pictures_size_and_range(height, width):
    torch.manual_seed(0)
    line = LineExtractor(0.25)(torch.rand(2, 3, height, width) * 2 - 1)
    assert line.shape == (2, 1, height, width)
    assert line.abs().max() <= 1


def test_sides_that_are_no_multiple_of_the_stride_are_refused():
    with pytest.raises(ValueError, match="12x16; sides must be multiples of 8"):
        LineExtractor(0.25)(torch.zeros(1, 3, 16, 12))


def test_gradients_reach_every_parameter():
    torch.manual_seed(0)
    network = LineExtractor(0.25)
    network(torch.rand(2, 3, 32, 32)).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        # Batch norm takes a bias before it away again, but for rounding.
        if not name.endswith(("conv.bias", ".0.bias")):
            assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("stages", [2, 3, 4])
def test_a_pixel_depends_on_what_is_within_reach_and_on_nothing_else(stages):
    torch.manual_seed(0)
    network = LineExtractor(0.25, stages).double().eval()
    stride = network.stride
    side = 4 * (network.reach // stride + 2) * stride
    farthest = 0
    for column in range(side // 2, side // 2 + stride):
        picture = torch.randn(1, 3, stride, side, dtype=torch.double, requires_grad=True)
        (gradient,) = torch.autograd.grad(network(picture)[..., column].sum(), picture)
        looked_at = gradient.abs().sum((0, 1, 2)).nonzero().flatten()
        farthest = max(farthest, int((looked_at - column).abs().max()))
    assert farthest == network.reach
