"""Copies of a checkpoint's tensors in host memory."""

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from colorizer.checkpoints.host_copy import HostCopy


def _tensors(seed: int, width: int = 3) -> dict[str, dict[str, Tensor]]:
    torch.manual_seed(seed)
    picture = torch.randn(2, width, 5, 5).to(memory_format=torch.channels_last)
    counter = torch.tensor(seed)
    return {"generator": {"weight": picture, "counter": counter}, "empty": {}}


def test_copies_are_row_major_and_lie_in_the_same_memory_each_time():
    copy = HostCopy()
    places = []
    for seed in (1, 2):
        tensors = _tensors(seed)
        copies = copy(tensors)
        assert copies.keys() == tensors.keys() and copies["empty"] == {}
        for name, tensor in tensors["generator"].items():
            found = copies["generator"][name]
            assert found.is_contiguous() and torch.equal(found, tensor)
            places.append(found.untyped_storage().data_ptr())
    assert len(set(places)) == 1


def test_tensors_of_other_shapes_get_other_memory():
    copy = HostCopy()
    for width in (3, 7, 2):
        tensors = _tensors(0, width)
        assert torch.equal(copy(tensors)["generator"]["weight"], tensors["generator"]["weight"])


@pytest.fixture
def registered(monkeypatch) -> dict[int, int]:
    """As if all tensors were on a GPU: address → bytes of host memory that is pinned."""
    pinned: dict[int, int] = {}

    def register(address: int, size: int, flags: int) -> int:
        pinned[address] = size
        return 0

    def unregister(address: int) -> int:
        del pinned[address]
        return 0

    cuda = SimpleNamespace(cudaHostRegister=register, cudaHostUnregister=unregister)
    monkeypatch.setattr("torch.cuda.cudart", lambda: cuda)
    monkeypatch.setattr(torch.Tensor, "is_cuda", True)
    return pinned


def test_a_gpus_copies_pin_one_piece_of_memory_as_large_as_they_are(registered):
    copy = HostCopy()
    for width in (3, 3, 40):
        tensors = _tensors(0, width)
        copy(tensors)
        needed = sum(t.nbytes for t in tensors["generator"].values())
        (size,) = registered.values()
        assert needed <= size < needed + 32
    copy.close()
    assert not registered


def test_memory_that_cannot_be_pinned_is_used_as_it_is(registered, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda.cudart(), "cudaHostRegister", lambda *_: 2)
    tensors = _tensors(0)
    copy = HostCopy()
    assert torch.equal(copy(tensors)["generator"]["weight"], tensors["generator"]["weight"])
    assert "cannot be pinned (CUDA error 2)" in capsys.readouterr().err
    copy.close()
