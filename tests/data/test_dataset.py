"""Random access, the order of training, the loader."""

import json

import numpy as np
import pytest

from colorizer.data.dataset import TrainingData
from colorizer.data.order import BatchNumbers, Order
from colorizer.data.reader import ShardReader
from colorizer.errors import UserError


def test_reader_gives_every_sample_at_its_place(shard_folder, draw_scene):
    reader = ShardReader(shard_folder)
    assert len(reader) == 10
    for number in (0, 3, 4, 9):
        sample = reader[number]
        assert sample.key == f"scene-{number}"
        assert sample.metadata["number"] == number
        assert np.array_equal(sample.color, draw_scene(number, 32, 32))
        assert reader.metadata(number) == (sample.key, sample.metadata)


def test_every_epoch_has_every_sample_once():
    order = Order([4, 3, 5, 1, 2], seed=0, window=2)
    for epoch in range(3):
        seen = {order[n] for n in range(epoch * 15, (epoch + 1) * 15)}
        assert seen == {(s, i) for s, n in enumerate([4, 3, 5, 1, 2]) for i in range(n)}


def test_order_is_a_pure_function_of_seed_and_n():
    counts = [7, 5, 9]
    forward = [Order(counts, 1, 2)[n] for n in range(60)]
    order = Order(counts, 1, 2)
    assert [order[n] for n in reversed(range(60))] == forward[::-1]
    assert forward != [Order(counts, 2, 2)[n] for n in range(60)]
    assert forward[:21] != forward[21:42]  # another order in the next epoch


def test_a_window_bounds_how_many_shards_are_open_at_once():
    order = Order([10] * 12, seed=0, window=3)
    for window in range(4):
        assert len({order[n][0] for n in range(window * 30, (window + 1) * 30)}) == 3


@pytest.mark.parametrize(("world", "accumulate"), [(1, 1), (2, 1), (1, 3), (2, 3), (4, 3)])
def test_processes_and_accumulation_share_each_steps_samples(world, accumulate):
    for step in range(5, 8):
        seen = []
        for rank in range(world):
            numbers = BatchNumbers(5, 8, 24, accumulate, rank, world)
            assert len(numbers) == 3 * accumulate
            batches = list(numbers)[(step - 5) * accumulate : (step - 4) * accumulate]
            assert {len(b) for b in batches} == {24 // world // accumulate}
            seen += [n for batch in batches for n in batch]
        assert sorted(seen) == list(range(step * 24, (step + 1) * 24))


def test_empty_shards_are_refused(shard_folder):
    index = json.loads((shard_folder / "index.json").read_text())
    index["samples"], index["shards"] = 0, []
    (shard_folder / "index.json").write_text(json.dumps(index))
    with pytest.raises(UserError, match="no samples"):
        TrainingData(shard_folder, 0, 1)
