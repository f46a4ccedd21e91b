"""The losses' differences against plain ones: values, gradients, and what is kept for them."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from colorizer.training.differences import gram, gram_difference, mean_difference

HALF = pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
LAYOUTS = pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])


def _plain_mean(result: Tensor, truth: Tensor) -> Tensor:
    wide = torch.promote_types(result.dtype, torch.float32)
    return F.l1_loss(result.to(wide), truth.to(wide))


def _plain_gram(result: Tensor, truth: Tensor) -> Tensor:
    def gram(features: Tensor) -> Tensor:
        flat = features.to(torch.promote_types(features.dtype, torch.float32)).flatten(2)
        return flat @ flat.transpose(1, 2) / features[0].numel()

    return F.l1_loss(gram(result), gram(truth))


BOTH = pytest.mark.parametrize(
    ("ours", "plain"), [(mean_difference, _plain_mean), (gram_difference, _plain_gram)]
)


def _maps(precision: torch.dtype, layout=torch.channels_last) -> tuple[Tensor, Tensor]:
    """As VGG gives them: not negative, and often 0."""
    generator = torch.Generator().manual_seed(0)
    truth = torch.randn(2, 64, 12, 9, generator=generator).relu() * 3
    result = (truth + torch.randn(2, 64, 12, 9, generator=generator)).relu()
    return tuple(m.to(precision).to(memory_format=layout) for m in (result, truth))


def _with_gradient(loss, result: Tensor, truth: Tensor) -> tuple[float, Tensor]:
    result = result.detach().requires_grad_()
    value = loss(result, truth)
    (1000 * value).backward()  # float16 needs a scale, as its scaler gives
    return value.item(), result.grad


@BOTH
@LAYOUTS
def test_in_float64_they_are_the_plain_ones(ours, plain, layout):
    maps = _maps(torch.float64, layout)
    value, gradient = _with_gradient(ours, *maps)
    wanted, wanted_gradient = _with_gradient(plain, *maps)
    assert value == pytest.approx(wanted, rel=1e-14)
    torch.testing.assert_close(gradient, wanted_gradient, rtol=1e-12, atol=1e-16)


@BOTH
@HALF
def test_in_half_precision_they_are_off_by_a_rounding(ours, plain, precision):
    """Against the plain ones in float64, of the same maps in half precision."""
    maps = _maps(precision)
    with torch.autocast("cpu", torch.bfloat16):  # which must not make them worse
        value, gradient = _with_gradient(ours, *maps)
    wanted, wanted_gradient = _with_gradient(plain, *(m.double() for m in maps))
    eps = torch.finfo(precision).eps
    assert value == pytest.approx(wanted, rel=eps / 8)
    assert gradient.dtype == precision
    off = (gradient.double() - wanted_gradient).norm() / wanted_gradient.norm()
    assert off < eps


@HALF
def test_the_gradient_of_the_mean_difference_is_the_plain_one_to_the_bit(precision):
    maps = _maps(precision)
    assert torch.equal(
        _with_gradient(mean_difference, *maps)[1], _with_gradient(_plain_mean, *maps)[1]
    )


def _kept(loss, result: Tensor, truth: Tensor) -> int:
    """Bytes that autograd keeps beyond the maps that it is given."""
    result = result.detach().requires_grad_()
    given = {result.untyped_storage().data_ptr(), truth.untyped_storage().data_ptr()}
    found: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in given:
            found[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        value = loss(result, truth)  # noqa: F841  # holds the graph
    return sum(found.values())


def test_no_copy_in_float32_is_kept():
    maps = _maps(torch.bfloat16)
    size = maps[0].numel() * 2
    assert _kept(mean_difference, *maps) == size  # the difference itself
    assert _kept(_plain_mean, *maps) == 2 * size  # the same in float32
    signs = 2 * 64 * 64 * 4
    assert _kept(gram_difference, *maps) == signs
    assert _kept(_plain_gram, *maps) >= signs + 2 * size


def test_a_gradient_that_would_overflow_in_float16_does_not():
    """512 channels of activations in the hundreds."""
    result = torch.full((1, 512, 4, 4), 200.0, dtype=torch.float16)
    _, gradient = _with_gradient(gram_difference, result, torch.zeros_like(result))
    assert gradient.isfinite().all() and (gradient > 0).all()


def test_a_gram_is_symmetric_and_of_each_picture_alone():
    result, _ = _maps(torch.float32)
    both = gram(result)
    assert both.shape == (2, 64, 64)
    torch.testing.assert_close(both, both.transpose(1, 2))
    torch.testing.assert_close(both[1:], gram(result[1:]))
