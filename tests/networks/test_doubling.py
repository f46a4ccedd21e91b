"""Bilinear enlargement: torch's forward pass, and a gradient that does not depend on luck."""

import pytest
import torch
import torch.nn.functional as F

from colorizer.networks.doubling import Doubled, doubled

BOTH = pytest.mark.parametrize("align_corners", [True, False])


@BOTH
def test_it_enlarges_as_torch_does(align_corners):
    x = torch.randn(2, 3, 5, 4)
    wanted = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=align_corners)
    assert torch.equal(doubled(x, align_corners), wanted)
    assert torch.equal(Doubled.apply(x, align_corners), wanted)


@BOTH
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("shape", [(2, 2, 4, 3), (1, 2, 1, 3), (1, 1, 2, 1)])
def test_its_gradient_is_the_derivative(align_corners, layout, shape):
    x = torch.randn(shape, dtype=torch.float64).to(memory_format=layout).requires_grad_()
    assert torch.autograd.gradcheck(Doubled.apply, (x, align_corners))


@BOTH
@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_in_half_precision_its_gradient_is_off_by_a_rounding_or_two(align_corners, precision):
    """A product rounds its result once; torch's additions one by one round up to nine times."""
    torch.manual_seed(0)
    d_y = torch.randn(2, 8, 32, 32).to(precision)

    def gradient(x: torch.Tensor) -> torch.Tensor:
        Doubled.apply(x.requires_grad_(), align_corners).backward(d_y.to(x.dtype))
        return x.grad.double()

    wanted = gradient(torch.zeros(2, 8, 16, 16, dtype=torch.float64))
    found = gradient(torch.zeros(2, 8, 16, 16, dtype=precision))
    assert (found - wanted).norm() / wanted.norm() < 0.75 * torch.finfo(precision).eps


def test_the_gradient_has_channels_last_as_the_decoder_computes():
    x = torch.randn(2, 4, 3, 5).to(memory_format=torch.channels_last).requires_grad_()
    y = Doubled.apply(x, True)
    y.backward(torch.randn_like(y))
    assert x.grad.is_contiguous(memory_format=torch.channels_last)
