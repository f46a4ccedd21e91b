"""Lanes: every sample once an epoch, and every shard read by one process."""

import math
from collections import Counter, defaultdict
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colorizer.loading.dataset import TrainingData
from colorizer.loading.lanes import Lanes, lane_parts
from colorizer.loading.order import BLOCK, BatchNumbers
from colorizer.loading.partners import Partners
from colorizer.shards.index import NO_GROUP
from colorizer.shards.writer import ShardWriter
from tests.helpers.loaded import loaded

COUNTS = st.lists(st.integers(0, 7), min_size=1, max_size=12).filter(any)
SEED = st.integers(0, 2**64 - 1)
SIZE = 32


@st.composite
def batches_and_lanes(draw):
    """A batch size, and a multiple or a divisor of it."""
    one, factor = draw(st.integers(1, 8)), draw(st.integers(1, 6))
    return draw(st.sampled_from([(one, one * factor), (one * factor, one)]))


def lanes_of(counts, batch, lanes, seed=3, window=2):
    return Lanes(
        [lane_parts(range(len(counts)), counts, lanes, seed)], [BLOCK], seed, window, batch
    )


def sample_of(lanes: Lanes, n: int) -> tuple[int, int]:
    lane, place = lanes.of(n)
    own = next(lanes.from_(lane))
    shard, position = own.order.later(place, 0)
    return own.shards[shard], position


def every_sample(counts) -> list[tuple[int, int]]:
    return [(shard, place) for shard, count in enumerate(counts) for place in range(count)]


# ---- The parts


@given(COUNTS, st.integers(1, 40), SEED)
def test_the_parts_hold_every_sample_once_and_as_many_each(counts, lanes, seed):
    parts = lane_parts(range(len(counts)), counts, lanes, seed)
    assert len(parts) == lanes
    held = [
        [(s, f + i) for s, f, c in zip(p.shards, p.firsts, p.counts, strict=True) for i in range(c)]
        for p in parts
        if p.turn == 0
    ]
    assert sorted(chain(*held)) == every_sample(counts)
    assert max(map(len, held)) - min(map(len, held)) <= 1
    assert len(held) == max(d for d in range(1, lanes + 1) if not lanes % d and d <= sum(counts))


def test_shards_that_fit_the_lanes_are_in_one_each():
    parts = lane_parts(range(100, 112), [5] * 12, 4, 0)
    assert sorted(chain(*(part.shards for part in parts))) == list(range(100, 112))
    assert all(part.counts == [5, 5, 5] for part in parts)
    assert lane_parts(range(100, 112), [5] * 12, 4, 1) != parts


# ---- The order


@given(COUNTS, batches_and_lanes(), SEED, st.integers(1, 12))
@settings(deadline=None)
def test_every_sample_comes_as_often_as_any_other(counts, batch_and_lanes, seed, window):
    """Of its lane: lanes differ by a sample, and each goes through its own without end."""
    lanes, drawn = lanes_of(counts, *batch_and_lanes, seed, window), 3 * sum(counts) + 7
    seen: dict[int, Counter[tuple[int, int]]] = defaultdict(Counter)
    for n in range(drawn):
        seen[lanes.of(n)[0]][sample_of(lanes, n)] += 1
    if sum(counts) < batch_and_lanes[1]:
        return  # then several lanes take turns
    for lane, part in enumerate(lane_parts(range(len(counts)), counts, batch_and_lanes[1], seed)):
        times = seen[lane]
        assert len(times) == min(sum(part.counts), times.total())
        assert max(times.values(), default=0) - min(times.values(), default=0) <= 1


@pytest.mark.parametrize("counts", [[2, 1, 3], [5], [1, 0, 3]])
def test_lanes_that_take_turns_go_through_one_permutation_together(counts):
    """Seven lanes and fewer samples: all lanes share them."""
    lanes, total = lanes_of(counts, 7, 7, window=14), sum(counts)
    for epoch in range(20):
        numbers = range(epoch * total, (epoch + 1) * total)
        assert sorted(sample_of(lanes, n) for n in numbers) == every_sample(counts)


@given(st.integers(1, 6), st.integers(1, 4), batches_and_lanes(), SEED, st.integers(0, 3))
@settings(deadline=None)
def test_an_epoch_has_every_sample_once(size, shards, batch_and_lanes, seed, epoch):
    count = shards * math.lcm(*batch_and_lanes)  # a whole number of steps, for each lane
    counts = [size] * count
    lanes = lanes_of(counts, *batch_and_lanes, seed)
    numbers = range(epoch * sum(counts), (epoch + 1) * sum(counts))
    assert sorted(sample_of(lanes, n) for n in numbers) == every_sample(counts)


@given(COUNTS, SEED, st.integers(1, 12), st.integers(0, 500))
def test_one_lane_is_the_whole_set_whatever_the_batch(counts, seed, window, n):
    orders = [lanes_of(counts, batch, 1, seed, window) for batch in (1, 7)]
    assert sample_of(orders[0], n) == sample_of(orders[1], n)


def test_lanes_go_through_shards_alike_in_size_each_in_its_own_permutations():
    lanes = lanes_of([6] * 16, 4, 4, window=4)
    of_lanes = [[sample_of(lanes, n)[1] for n in range(lane, 96, 4)] for lane in range(4)]
    assert len(set(map(tuple, of_lanes))) == 4


@given(st.data())
@settings(deadline=None)
def test_each_shard_is_read_by_one_process_but_where_two_meet(data):
    world = data.draw(st.sampled_from([1, 2, 4, 8]))
    batch = world * data.draw(st.integers(1, 3))
    lanes = batch * data.draw(st.integers(1, 4))
    counts = data.draw(st.lists(st.integers(3, 9), min_size=16, max_size=24))
    order = lanes_of(counts, batch, lanes)
    steps = -(-sum(counts) // batch)
    readers: Counter[int] = Counter()
    for rank in range(world):
        numbers = chain(*BatchNumbers(0, steps, batch, 1, rank, world))
        readers.update({sample_of(order, n)[0] for n in numbers})
    assert set(readers) == set(range(len(counts)))
    # Neighbours meet in a shard at most; what several lanes share is a shard's worth at most.
    assert sum(readers.values()) <= len(counts) + world - 1


# ---- With pictures


@pytest.fixture
def folders(tmp_path, draw_scene):
    """Two sets of 24 and 12 samples in shards of three; a group is of four that follow."""
    for name, count in (("one", 24), ("two", 12)):
        with ShardWriter(tmp_path / name / "train", SIZE, 3, {}) as writer:
            for number in range(count):
                scene = draw_scene(number, SIZE, SIZE)
                writer.write(f"s{number}", scene, scene[..., 0], {"group": f"g{number // 4}"})
    return [tmp_path / "one" / "train", tmp_path / "two" / "train"]


def keys(folders, *place, lanes=4, same_group=0.0, first=0, accumulate=1):
    data = TrainingData(
        folders,
        3,
        2,
        same_group=same_group,
        shares=(0.5,) * len(folders),
        batch_size=4,
        lanes=lanes,
    )
    batches = loaded(data, 30, 4, *place, first=first, accumulate=accumulate)
    return [
        (n, key, reference)
        for batch in batches
        for n, key, reference in zip(
            batch.numbers, batch.keys, batch.references or batch.keys, strict=True
        )
    ]


@pytest.mark.parametrize("same_group", [0.0, 0.7])
def test_samples_of_lanes_are_the_same_for_any_processes(folders, same_group):
    wanted = keys(folders, same_group=same_group)
    assert len(wanted) == 120
    for world, accumulate in ((1, 2), (2, 1), (2, 2), (4, 1)):
        got = [
            keys(folders, rank, world, same_group=same_group, accumulate=accumulate)
            for rank in range(world)
        ]
        assert sorted(chain(*got)) == wanted
    assert keys(folders, same_group=same_group, first=17) == wanted[68:]


def test_each_set_has_its_share_in_every_lane(folders):
    for lane in range(4):
        own = [key.split("/")[0] for n, key, _ in keys(folders) if n % 4 == lane]
        assert 10 <= own.count("one") <= 20


def test_a_reference_is_of_the_same_shard(folders):
    drawn = [(key, of) for _, key, of in keys(folders, same_group=1.0) if key != of]
    assert len(drawn) > 50
    for key, reference in drawn:
        (one, s), (other, r) = key.split("/"), reference.split("/")
        assert one == other and int(s[1:]) // 3 == int(r[1:]) // 3
        assert int(s[1:]) // 4 == int(r[1:]) // 4
    across = [(key, of) for _, key, of in keys(folders, lanes=1, same_group=1.0)]
    assert any(int(k[5:]) // 3 != int(r[5:]) // 3 for k, r in across)


def test_partners_within_shards():
    groups = np.array([1, NO_GROUP, 1, 0, 1, 1, 0, NO_GROUP])
    partners = Partners(groups, np.array([0, 3, 3, 8]))
    drawn = [set(partners.drawn_for(place, np.random.default_rng(0))) for place in range(8)]
    assert drawn == [{2}, set(), {0}, {6}, {5}, {4}, {3}, set()]
    assert partners.count == 6
