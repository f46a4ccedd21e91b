"""Tensors in one piece of memory."""

import torch

from colorizer.system.layout import Layout


def mixed() -> list[torch.Tensor]:
    """Tensors of several types and shapes, an empty one and a scalar among them."""
    return [
        torch.arange(5, dtype=torch.uint8),
        torch.randn(3, 1, 2),
        torch.zeros(0, 4, dtype=torch.float64),
        torch.tensor(7),
        torch.randn(3).bfloat16(),
        torch.tensor([True, False]),
    ]


def test_what_is_written_into_the_views_is_read_again():
    tensors = mixed()
    layout = Layout.of(tensors)
    memory = torch.full((layout.nbytes,), 255, dtype=torch.uint8)
    for view, tensor in zip(layout.views(memory), tensors, strict=True):
        view.copy_(tensor)
    for view, tensor in zip(layout.views(memory), tensors, strict=True):  # none hides another
        assert view.dtype == tensor.dtype and torch.equal(view, tensor)


def test_larger_memory_may_hold_them_too():
    layout = Layout.of(mixed())
    assert [v.shape for v in layout.views(torch.empty(10_000, dtype=torch.uint8))] == [
        t.shape for t in mixed()
    ]


def test_tensors_of_the_same_shapes_and_types_have_the_same_layout():
    assert Layout.of(mixed()) == Layout.of(mixed())
    assert Layout.of(mixed()) != Layout.of([t.flatten() for t in mixed()])
    assert Layout.of([torch.zeros(2)]) != Layout.of([torch.zeros(2, dtype=torch.int32)])
    assert Layout.of([]).nbytes == 0
