"""Several sets in one order: exact shares in every block, each set in its own order."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from colorizer.loading.batch import Batch
from colorizer.loading.dataset import TrainingData
from colorizer.loading.order import BLOCK, MixedOrder, Order, counts_in_block
from colorizer.loading.sets import JoinedSets
from colorizer.shards.reader import ShardReader
from colorizer.shards.writer import ShardWriter
from colorizer.system.errors import UserError
from tests.helpers.loaded import loaded
from tests.helpers.spoiling import spoil

COUNTS = [4, 3, 5], [2, 2]  # samples of the shards of two sets


def orders() -> list[Order]:
    return [Order(counts, 1, 2) for counts in COUNTS]


def write(folder: Path, count: int, side: int = 32, groups: int = 3) -> Path:
    """A set of noise, its samples in groups of every third, say."""
    rng = np.random.default_rng(count)
    with ShardWriter(folder / "train", side, 4, {}) as writer:
        for number in range(count):
            noise = rng.integers(0, 256, (side, side, 3), np.uint8)
            writer.write(f"s{number}", noise, noise[..., 0], {"group": f"g{number % groups}"})
    return folder / "train"


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    """The shards of a set of ten samples and of one of six; both have groups of the same names."""
    return [write(tmp_path / "drawn", 10), write(tmp_path / "real", 6)]


# ---- The order


@pytest.mark.parametrize(
    ("shares", "counts"),
    [
        ([0.7, 0.3], [700, 300]),
        ([7, 3], [700, 300]),
        ([1, 1, 1], [334, 333, 333]),
        ([5], [1000]),
        ([0.0003, 0.9997], [0, 1000]),
    ],
)
def test_shares_are_rounded_to_a_block(shares, counts):
    assert counts_in_block(shares) == counts


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=7))
def test_rounded_shares_fill_a_block_and_are_off_by_less_than_a_sample(shares):
    counts = counts_in_block(shares)
    assert sum(counts) == BLOCK
    for share, count in zip(shares, counts, strict=True):
        assert abs(count - BLOCK * share / sum(shares)) < 1 + 1e-6


def test_one_set_alone_has_its_own_order():
    alone, mixed = Order(COUNTS[0], 1, 2), MixedOrder([Order(COUNTS[0], 1, 2)], [BLOCK], 1)
    assert [mixed[n] for n in range(3000)] == [alone[n] for n in range(3000)]


def test_every_block_has_the_shares_and_every_set_its_own_order():
    order, alone = MixedOrder(orders(), [700, 300], 1), orders()
    met = [0, 0]
    for n in range(3 * BLOCK):
        shard, position = order[n]
        number = int(shard >= 3)
        assert (shard - 3 * number, position) == alone[number][met[number]]
        shard, position = order.later(n, 2)
        assert (shard - 3 * number, position) == alone[number][met[number] + 2 * (12, 4)[number]]
        met[number] += 1
        if n % BLOCK == BLOCK - 1:
            assert met == [700 * (n // BLOCK + 1), 300 * (n // BLOCK + 1)]


def test_the_sets_are_mixed_within_a_block_and_otherwise_in_each():
    order = MixedOrder(orders(), [700, 300], 1)
    sets = np.array([order[n][0] >= 3 for n in range(2 * BLOCK)])
    assert all(10 < part.sum() < 50 for part in np.split(sets, 20))  # 30 of 100 are expected
    assert (sets[:BLOCK] != sets[BLOCK:]).any()
    other = MixedOrder(orders(), [700, 300], 2)
    assert (sets != [other[n][0] >= 3 for n in range(2 * BLOCK)]).any()


@given(st.lists(st.integers(0, 10**12), max_size=9))
def test_any_sample_is_found_without_those_before(numbers):
    asked = MixedOrder(orders(), [700, 300], 1)
    one_by_one = [MixedOrder(orders(), [700, 300], 1)[n] for n in numbers]
    assert [asked[n] for n in numbers] == one_by_one


# ---- Their samples


def load(folders: list[Path], *place: int, bad_samples: float = 0.0, first: int = 0) -> list[Batch]:
    """Batches of (rank, world, workers)."""
    data = TrainingData(folders, 3, 2, bad_samples, 0.5, (0.7, 0.3))
    return loaded(data, 30, 4, *place, first=first)


def test_keys_name_their_set_and_partners_are_of_it(two):
    readers = dict(zip(("drawn", "real"), map(ShardReader, two), strict=True))
    seen = set()
    for batch in load(two):
        colors = torch.cat([batch.color, batch.reference_pictures[0]])
        for key, color in zip([*batch.keys, *batch.references], colors, strict=True):
            name, sample = key.split("/s")
            assert np.array_equal(readers[name][int(sample)].color, color)
        for key, other in zip(batch.keys, batch.references, strict=True):
            (name, sample), (of, partner) = key.split("/s"), other.split("/s")
            assert name == of and int(sample) % 3 == int(partner) % 3
        seen |= set(batch.keys)
    assert len(seen) == 16


def test_of_one_set_keys_are_as_they_are(two):
    batch = TrainingData(two[:1], 3, 2).load([0, 1])
    assert all("/" not in key for key in batch.keys)


@pytest.mark.slow
@pytest.mark.parametrize(("world", "workers"), [(1, 2), (2, 0), (4, 1)])
def test_processes_and_workers_change_nothing(two, world, workers):
    spoil(two[0], 3)
    spoil(two[1], 5)
    whole = load(two, bad_samples=0.2)
    ranks = [load(two, rank, world, workers, bad_samples=0.2) for rank in range(world)]
    for batch, *shares in zip(whole, *ranks, strict=True):
        assert [key for share in shares for key in share.keys] == batch.keys
        assert [key for share in shares for key in share.references] == batch.references
        assert {p: s for share in shares for p, s in share.bad.items()} == batch.bad
        for number, tensor in enumerate(batch.tensors):
            assert torch.equal(torch.cat([share.tensors[number] for share in shares]), tensor)


def test_a_run_that_goes_on_has_the_same(two):
    for batch, wanted in zip(load(two, first=11), load(two)[11:], strict=True):
        assert (batch.keys, batch.references) == (wanted.keys, wanted.references)


def test_a_sample_of_the_same_set_takes_the_place_of_an_unreadable_one(two):
    before = load(two)
    spoil(two[1], 2)
    after, bad = load(two, bad_samples=0.07), {}
    for one, other in zip(before, after, strict=True):
        for key, now in zip(one.keys, other.keys, strict=True):
            assert now == key if key != "real/s2" else now.startswith("real/") and now != key
        bad |= other.bad
    assert bad.keys() == {12}  # counted through both sets
    assert f"shard {two[1] / '000000.tar'}: sample s2 is not as it was written" in bad[12]


def test_without_shares_the_sizes_count(two):
    data = TrainingData(two, 3, 2)
    assert data.shares == [0.625, 0.375]
    keys = [key for n in range(0, BLOCK, 50) for key in data.load(list(range(n, n + 50))).keys]
    assert sum(key.startswith("real/") for key in keys) == 375


def test_sets_of_two_sizes_are_refused_by_name(two, tmp_path):
    other = write(tmp_path / "large", 3, side=48)
    with pytest.raises(UserError) as refused:
        TrainingData([two[0], other], 3, 2)
    assert str(refused.value) == (
        f"{two[0]} has pictures of 32 pixels a side, {other} of 48; make the shards of both with"
        " one --size."
    )


def test_a_set_of_which_no_sample_would_come_is_refused(two):
    with pytest.raises(UserError, match=r"real/train would give none of 1000 samples; give it"):
        TrainingData(two, 3, 2, shares=(0.9999, 0.0001))


def test_an_empty_set_is_refused(two, tmp_path):
    with pytest.raises(UserError, match=r"none/train: the shards hold no samples"):
        TrainingData([two[0], write(tmp_path / "none", 0)], 3, 2)


def test_pictures_of_two_sets_are_no_partners(tmp_path):
    folders = [write(tmp_path / name, 4, groups=4) for name in "ab"]  # the same four names
    data = TrainingData(folders, 3, 2, same_group=1.0)
    batch = data.load(list(range(8)))
    assert data.partners.count == 0 and batch.references == batch.keys


def test_sets_are_named_by_what_tells_them_apart(tmp_path, monkeypatch):
    folders = [write(tmp_path / name, 2) for name in ("x/mine", "y/mine", "y/other")]
    names = [JoinedSets(folders).read(shard, 0).key for shard in range(3)]
    assert names == ["x/mine/s0", "y/mine/s0", "y/other/s0"]
    monkeypatch.chdir(tmp_path / "x" / "mine")
    relative = [Path("train"), Path("../../y/mine/train")]
    assert JoinedSets(relative).read(1, 0).key == "y/s0"
