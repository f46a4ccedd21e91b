"""Random access, the order of training, the loader."""

import gc
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from colorizer.loading.dataset import TrainingData
from colorizer.loading.order import BatchNumbers, Order
from colorizer.shards import reader as reading
from colorizer.shards.reader import ShardReader
from colorizer.shards.writer import ShardWriter
from colorizer.system.errors import UserError


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
        TrainingData([shard_folder], 0, 1)


# ---- Where the samples lie


@pytest.fixture
def blank_shards(tmp_path: Path) -> Callable[[int, int], Path]:
    """`blank_shards(samples, in_each)` -> a folder of white pictures; the JSON has the number."""

    def make(samples: int, in_each: int) -> Path:
        white = np.full((16, 16, 3), 255, np.uint8)
        with ShardWriter(tmp_path / "blank", 16, in_each, {}) as writer:
            for number in range(samples):
                writer.write(f"blank-{number:05d}", white, white[..., 0], {"number": number})
        return tmp_path / "blank"

    return make


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The name of every shard that is scanned, each time it is."""
    names: list[str] = []
    real = reading.scan_shard
    monkeypatch.setattr(
        reading,
        "scan_shard",
        lambda _, entry, name: names.append(entry.name) or real(_, entry, name),
    )
    return names


def test_every_shard_of_a_large_window_is_scanned_once(blank_shards, scans):
    data = TrainingData([blank_shards(300, 3)], 0, window=100)
    for n in range(600):  # two epochs
        data.load([n])
    assert sorted(scans) == [entry.name for entry in data.reader.readers[0].index.shards]


def test_tables_of_more_samples_than_memory_is_for_are_read_again(blank_shards, scans, monkeypatch):
    monkeypatch.setattr(reading, "SAMPLES_IN_TABLES", 7)  # two shards of three
    reader = ShardReader(blank_shards(12, 3))
    assert [reader[n].metadata["number"] for n in (0, 3, 1, 6, 4, 0)] == [0, 3, 1, 6, 4, 0]
    assert scans == [f"{shard:06d}.tar" for shard in (0, 1, 2, 1, 0)]


def test_a_sample_whose_place_is_known_takes_24_bytes_and_its_key(blank_shards):
    reader = ShardReader(blank_shards(500, 500))
    tracemalloc.start()
    try:
        reader[0]
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert 500 * (24 + len("blank-00000")) < kept < 500 * (24 + len("blank-00000")) + 8000
