"""Batches: one piece of memory, and the augmentation that loader processes draw into it."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from colorizer.loading.batch import Batch
from colorizer.loading.dataset import TrainingData
from colorizer.loading.loader import load_batches
from colorizer.loading.order import BatchNumbers
from colorizer.system.layout import Layout
from colorizer.training.start import start_accelerator
from colorizer.training.train import build_task

PRESETS = pytest.mark.parametrize("preset", ["attention-aware", "scft", "demo", "extractor"])


def test_tensors_of_all_kinds_lie_in_one_piece_of_memory():
    tensors = (
        torch.randint(256, (3, 5, 5, 3), dtype=torch.uint8),
        torch.randint(256, (3, 5, 5), dtype=torch.uint8),
        torch.tensor([True, False, True]),
        torch.randn(3, 7, 2),
        torch.randint(2**40, (3, 3)),
        torch.empty(3, 0, dtype=torch.int64),
        torch.randn(3, dtype=torch.float64),
    )
    batch = Batch.of(*tensors[:2], tensors[2:], [4, 5, 6], ["a", "b", "c"])
    moved = batch.layout.views(batch.memory.clone())  # as on another device
    for found in (batch.tensors, moved, [batch.color, batch.line, *batch.parameters]):
        assert len({t.untyped_storage().data_ptr() for t in found}) == 1
        for tensor, wanted in zip(found, tensors, strict=True):
            assert tensor.dtype == wanted.dtype and torch.equal(tensor, wanted)


def test_no_tensor_reaches_into_the_next():
    layout = Layout.of((torch.empty(3, dtype=torch.uint8), torch.empty(2), torch.empty(1)))
    memory = torch.zeros(layout.nbytes, dtype=torch.uint8)
    for number, view in enumerate(layout.views(memory), 1):
        view.fill_(number)
    assert [view.unique().item() for view in layout.views(memory)] == [1, 2, 3]


@pytest.mark.slow
@PRESETS
@pytest.mark.parametrize("workers", [0, 2])
def test_the_loader_draws_what_the_task_draws(tiny, preset, workers):
    config = tiny(preset)
    task = build_task(config, start_accelerator(config))
    data = TrainingData(config.training_shards, 0, 16)
    numbers = BatchNumbers(1, 9, 4, 1, 0, 1)
    batches = load_batches(data, numbers, workers, False, 60, task.draw_parameters)
    steps = 0
    for batch in batches:
        steps += 1
        assert batch.color.shape == (4, 64, 64, 3)
        drawn = task.draw_parameters(batch.numbers, (64, 64))
        for found, wanted in zip(batch.parameters, drawn, strict=True):
            assert found.dtype == wanted.dtype and torch.equal(found, wanted)
    assert steps == 8


class _Computes(TorchDispatchMode):
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        views = any(r.alias_info is not None for r in function._schema.returns)
        assert views, f"{function} computes"
        return function(*args, **kwargs or {})


@PRESETS
def test_torch_computes_nothing_in_a_draw(tiny, preset):
    """Its threads do not survive a fork, so that a loader process could hang in it."""
    config = tiny(preset)
    task = build_task(config, start_accelerator(config))
    with pytest.raises(AssertionError, match="computes"), _Computes():
        torch.zeros(2) + 1
    with _Computes():
        task.draw_parameters([5, 6], (64, 64))
