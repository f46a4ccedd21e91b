"""A bounded share of unreadable samples: named, and replaced alike whatever loads them."""

import os
from pathlib import Path

import numpy as np
import pytest

from colorizer.loading.batch import Batch
from colorizer.loading.dataset import TrainingData
from colorizer.loading.loader import load_batches
from colorizer.loading.order import BatchNumbers, Order
from colorizer.shards.writer import ShardWriter
from colorizer.system.errors import UserError
from tests.helpers.spoiling import spoil

SEED, WINDOW, STEPS, BATCH = 0, 2, 12, 4
BAD = (1, 6, 7)


def load(
    folder: Path, bad_samples: float, workers: int = 0, rank: int = 0, world: int = 1
) -> list[Batch]:
    """Five epochs of the ten samples, almost."""
    data = TrainingData([folder], SEED, WINDOW, bad_samples)
    numbers = BatchNumbers(0, STEPS, BATCH, 1, rank, world)
    return list(load_batches(data, numbers, workers, pin_memory=False))


def keys_by_number(batches: list[Batch]) -> dict[int, str]:
    return {
        n: key
        for batch in batches
        for n, key in zip(batch.numbers, batch.keys, strict=True)
    }  # fmt: skip


def refusal(folder: Path, bad_samples: float, **options: int) -> str:
    with pytest.raises(UserError) as refused:
        load(folder, bad_samples, **options)
    return str(refused.value)


def test_the_same_place_in_a_later_epoch_takes_over(shard_folder):
    before = load(shard_folder, 0.3)
    spoil(shard_folder, *BAD)
    order, expected, named = Order([4, 4, 2], SEED, WINDOW), {}, []
    for start in range(0, STEPS * BATCH, BATCH):
        bad = set()
        for n in range(start, start + BATCH):
            later = n
            while (number := number_of(order[later])) in BAD:
                bad.add(number)
                later += 10
            expected[n] = f"scene-{number}"
        named.append(bad)
    batches = load(shard_folder, 0.3)
    assert keys_by_number(batches) == expected
    assert [set(batch.bad) for batch in batches] == named
    changed = {n for n, key in keys_by_number(before).items() if key != expected[n]}
    assert changed == {n for n in range(STEPS * BATCH) if number_of(order[n]) in BAD}
    assert not any(batch.bad for batch in before)
    originals = {key: sample for b in before for key, sample in zip(b.keys, b.color, strict=True)}
    for batch in batches:
        assert batch.color.shape == (BATCH, 32, 32, 3) and batch.line.shape == (BATCH, 32, 32)
        for key, color in zip(batch.keys, batch.color, strict=True):
            assert np.array_equal(color, originals[key])
        for place, sentence in batch.bad.items():
            shard = f"{place // 4:06d}.tar"
            assert sentence.startswith(f"shard {shard_folder / shard}: sample scene-{place} is not")


def number_of(place: tuple[int, int]) -> int:
    shard, position = place
    return 4 * shard + position


@pytest.mark.parametrize("workers", [1, 3])
def test_loader_processes_change_nothing(shard_folder, workers):
    spoil(shard_folder, *BAD)
    alone, shared = load(shard_folder, 0.3), load(shard_folder, 0.3, workers)
    for one, other in zip(alone, shared, strict=True):
        assert (one.numbers, one.keys, one.bad) == (other.numbers, other.keys, other.bad)
        assert np.array_equal(one.color, other.color) and np.array_equal(one.line, other.line)


@pytest.mark.parametrize("workers", [0, 1])
def test_two_processes_together_load_what_one_does(shard_folder, workers):
    spoil(shard_folder, *BAD)
    alone = load(shard_folder, 0.3)
    ranks = [load(shard_folder, 0.3, workers, rank, world=2) for rank in range(2)]
    assert keys_by_number(ranks[0]) | keys_by_number(ranks[1]) == keys_by_number(alone)
    for one, first, second in zip(alone, *ranks, strict=True):
        assert first.numbers + second.numbers == one.numbers  # and with them the augmentation
        assert first.bad | second.bad == one.bad


def test_none_is_allowed_unless_said(shard_folder):
    spoil(shard_folder, 6)
    said = refusal(shard_folder, 0.0)
    assert said.startswith(f"shard {shard_folder / '000001.tar'}: sample scene-6 is not as it was")


@pytest.mark.parametrize("workers", [0, 1])
def test_more_than_the_share_is_an_error(shard_folder, workers):
    spoil(shard_folder, *BAD)
    said = refusal(shard_folder, 0.2, workers=workers)
    assert said.startswith(
        "3 of 10 samples cannot be read, and --bad-samples 0.2 allows 2; the last: shard"
    )
    assert said.endswith("make the shards again.") and any(f"scene-{n} " in said for n in BAD)


def test_a_share_of_less_than_a_sample_allows_none(shard_folder):
    spoil(shard_folder, 6)
    said = refusal(shard_folder, 0.09)
    assert said.startswith("1 of 10 samples cannot be read, and --bad-samples 0.09 allows 0; ")


def test_a_sample_counts_once_however_often_it_comes(shard_folder):
    spoil(shard_folder, 6)
    batches = load(shard_folder, 0.1)
    assert sum(6 in batch.bad for batch in batches) >= 4


def test_the_share_is_counted_exactly(tmp_path):
    grey = np.zeros((32, 32, 3), np.uint8)
    with ShardWriter(tmp_path, 32, 100, {}) as writer:
        for number in range(100):
            writer.write(f"key-{number}", grey, grey[..., 0], {})
    spoil(tmp_path, *range(29))
    numbers = list(range(100))
    TrainingData([tmp_path], 0, 1, 0.29).load(numbers)  # 28.999... in float
    spoil(tmp_path, 29)
    with pytest.raises(UserError, match="30 of 100"):
        TrainingData([tmp_path], 0, 1, 0.29).load(numbers)


def test_a_search_without_end_is_ended(shard_folder):
    spoil(shard_folder, *range(10))
    said = refusal(shard_folder, 1.0)
    assert said.startswith(
        "none of 10 samples that were tried for one place can be read; the last: shard"
    )


def test_a_whole_shard_may_go_if_the_share_allows_it(shard_folder):
    data = TrainingData([shard_folder], SEED, WINDOW, bad_samples=0.4)
    os.unlink(shard_folder / "000001.tar")
    keys, bad = set(), {}
    for start in range(0, 40, BATCH):
        batch = data.load(list(range(start, start + BATCH)))
        keys |= set(batch.keys)
        bad |= batch.bad
    assert keys == {f"scene-{n}" for n in (0, 1, 2, 3, 8, 9)}
    assert set(bad) == {4, 5, 6, 7} and all("No such file" in said for said in bad.values())


def test_a_fault_of_the_program_is_no_bad_sample(shard_folder, monkeypatch):
    data = TrainingData([shard_folder], SEED, WINDOW, bad_samples=1.0)
    monkeypatch.setattr("colorizer.shards.reader.decode_color", lambda data: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        data.load([0, 1])
