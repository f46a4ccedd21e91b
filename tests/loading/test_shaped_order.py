"""Pictures of several shapes: every step has one shape, and every shape its share of the steps."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from colorizer.loading.batch import Batch
from colorizer.loading.dataset import TrainingData
from colorizer.loading.order import Order
from colorizer.loading.sets import JoinedSets
from colorizer.loading.shaped_order import STEPS, ShapedOrder
from colorizer.pictures.geometry import cropped_to, shown_whole
from colorizer.shards.index import Shape
from colorizer.shards.reader import ShardReader
from colorizer.shards.writer import ShardWriter
from colorizer.system.errors import UserError
from tests.helpers.loaded import loaded
from tests.helpers.spoiling import spoil

WIDE, SQUARE, TALL = (24, 40), (32, 32), (40, 24)
BATCH = 4


def write(folder: Path, counts: dict[Shape, int], groups: int = 5) -> Path:
    """A set of noise with so many samples of each shape, in turn, in shards of three."""
    shapes = [shape for shape, count in counts.items() for _ in range(count)]
    shapes = [shapes[place] for place in np.random.default_rng(0).permutation(len(shapes))]
    rng = np.random.default_rng(len(shapes))
    with ShardWriter(folder / "train", 32, 3, {}) as writer:
        for number, shape in enumerate(shapes):
            noise = rng.integers(0, 256, (*shape, 3), np.uint8)
            writer.write(f"s{number}", noise, noise[..., 0], {"group": f"g{number % groups}"})
    return folder / "train"


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Twelve wide samples, six squares and two tall ones."""
    return write(tmp_path / "mixed", {WIDE: 12, SQUARE: 6, TALL: 2})


@pytest.fixture
def two(mixed: Path, tmp_path: Path) -> list[Path]:
    """The same beside a set of nine squares and one wide sample."""
    return [mixed, write(tmp_path / "real", {SQUARE: 9, WIDE: 1})]


def order_of(folders: list[Path], shares=(1.0,), seed: int = 3) -> ShapedOrder:
    return ShapedOrder(JoinedSets(folders), shares, seed, 2, BATCH)


def shapes_of_steps(order: ShapedOrder, steps: range) -> list[Shape]:
    return [order.shape_of(step * BATCH) for step in steps]


# ---- The order


def test_a_step_has_one_shape_and_the_order_names_it(mixed):
    order, sets = order_of([mixed]), JoinedSets([mixed])
    assert order.shapes == (WIDE, SQUARE, TALL)
    for step in range(200):
        numbers = range(step * BATCH, (step + 1) * BATCH)
        read = {sets.read(*order[n]).line.shape for n in numbers}
        assert read == {order.shape_of(n) for n in numbers} and len(read) == 1


def test_every_shape_has_its_share_in_a_block_and_close_to_it_in_any_stretch(mixed):
    order = order_of([mixed])
    steps = shapes_of_steps(order, range(STEPS, 2 * STEPS))
    assert Counter(steps) == {WIDE: 0.6 * STEPS, SQUARE: 0.3 * STEPS, TALL: 0.1 * STEPS}
    for start in range(0, STEPS, 100):
        found = Counter(steps[start : start + 100])
        assert all(abs(found[s] - 5 * n) <= 2 for s, n in {WIDE: 12, SQUARE: 6, TALL: 2}.items())
    assert len(set(pairwise(steps))) > 5  # in no fixed turn


def test_every_shape_has_every_sample_once_an_epoch_in_another_order_each(mixed):
    order, epochs = order_of([mixed]), []
    numbers = [n for n in range(3 * 20 * BATCH) if order.shape_of(n) == WIDE]
    for start in range(0, 36, 12):
        epochs.append([order[n] for n in numbers[start : start + 12]])
        assert len(set(epochs[-1])) == 12
    assert len(set(map(frozenset, epochs))) == 1 and epochs[0] != epochs[1] != epochs[2]


def test_it_is_a_pure_function_of_the_seed_and_the_number(mixed):
    numbers = [5 * 10**9, 0, 40_001, 17]
    asked = order_of([mixed])
    assert [asked[n] for n in numbers] == [order_of([mixed])[n] for n in numbers]
    steps = shapes_of_steps(asked, range(200))
    assert steps != shapes_of_steps(order_of([mixed], seed=4), range(200))
    assert steps != shapes_of_steps(asked, range(STEPS, STEPS + 200))


def test_pictures_of_one_shape_are_ordered_as_ever(shard_folder):
    order, alone = order_of([shard_folder]), Order([4, 4, 2], 3, 2)
    for n in (*range(50), 10**9):
        chosen = list(order.choices(n, 2))
        assert order[n] == alone[n] and chosen == list(
            dict.fromkeys((alone[n], alone[n + 10], alone[n + 20]))
        )


def test_the_choices_for_a_sample_are_all_samples_each_once(mixed):
    order = order_of([mixed])
    for n in range(0, 40, 7):
        choices = list(order.choices(n, 1000))
        assert choices[0] == order[n]
        assert len(set(choices)) == len(choices) == 20


def test_a_lone_picture_of_its_shape_comes_too(tmp_path, monkeypatch):
    """Of 90,001 pictures its share of 10,000 steps would be none."""
    sets = JoinedSets([write(tmp_path, {SQUARE: 3, TALL: 1})])
    tall = sets.shape_of_shard.index(TALL)
    for number, count in enumerate(sets.counts):
        sets.counts[number] = 1 if number == tall else 30_000 * count
    monkeypatch.setattr(ShardReader, "__len__", lambda self: 90_001)
    order = ShapedOrder(sets, [1.0], 3, 2, BATCH)
    assert Counter(shapes_of_steps(order, range(STEPS))) == {SQUARE: STEPS - 1, TALL: 1}


# ---- Several sets


def test_shares_hold_over_all_shapes_and_sets_are_mixed_where_both_have_a_shape(two):
    order, shape_of_shard = order_of(two, (0.7, 0.3)), JoinedSets(two).shape_of_shard
    first = len(ShardReader(two[0]).counts)
    given: Counter[tuple[Shape, int]] = Counter()
    for n in range(3 * STEPS):
        shard, _ = order[n]
        given[shape_of_shard[shard], int(shard >= first)] += 1
    # 0.7 · 12/20 of all, and so on
    for (shape, number), share in {
        (WIDE, 0): 0.42,
        (SQUARE, 0): 0.21,
        (TALL, 0): 0.07,
        (SQUARE, 1): 0.27,
        (WIDE, 1): 0.03,
    }.items():
        assert given[shape, number] / (3 * STEPS) == pytest.approx(share, abs=0.005)
    assert (TALL, 1) not in given


# ---- Batches


def load(
    folders: list[Path], *place: int, bad_samples: float = 0.0, first: int = 0, accumulate: int = 1
) -> list[Batch]:
    """Batches of (rank, world, workers)."""
    shares = (0.7, 0.3)[: len(folders)] if len(folders) > 1 else ()
    data = TrainingData(folders, 3, 2, bad_samples, 0.5, shares, BATCH)
    return loaded(data, 30, BATCH, *place, first=first, accumulate=accumulate)


def test_batches_have_the_shapes_of_their_steps_and_references_too(mixed):
    seen, fitted = set(), 0
    colors = dict(map(ShardReader(mixed).color, range(20)))
    for batch in load([mixed]):
        shape = batch.line.shape[1:]
        seen.add(tuple(shape))
        pictures = batch.reference_pictures[0]
        assert batch.color.shape == pictures.shape == (BATCH, *shape, 3)
        for row, (key, reference) in enumerate(zip(batch.keys, batch.references, strict=True)):
            assert np.array_equal(batch.color[row], colors[key])
            whole = colors[reference]
            assert np.array_equal(pictures[row], shown_whole(whole, tuple(shape)))
            fitted += whole.shape[:2] != shape
    assert seen == {WIDE, SQUARE, TALL} and fitted > 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("world", "workers", "accumulate"),
    [(1, 1, 1), (1, 3, 1), (2, 0, 1), (2, 2, 1), (4, 1, 1), (1, 2, 2), (2, 0, 2)],
)
def test_processes_workers_and_accumulation_change_nothing(two, world, workers, accumulate):
    spoil(two[0], 1)
    allowed = {"bad_samples": 0.2}
    whole = load(two, **allowed)
    ranks = [load(two, r, world, workers, accumulate=accumulate, **allowed) for r in range(world)]
    for step, batch in enumerate(whole):
        turns = range(step * accumulate, (step + 1) * accumulate)
        shares = [ranks[rank][turn] for turn in turns for rank in range(world)]
        assert [key for share in shares for key in share.keys] == batch.keys
        assert [key for share in shares for key in share.references] == batch.references
        assert {p: s for share in shares for p, s in share.bad.items()} == batch.bad
        for number, tensor in enumerate(batch.tensors):
            assert torch.equal(torch.cat([share.tensors[number] for share in shares]), tensor)


def test_a_run_that_goes_on_has_the_same_samples(two):
    whole, rest = load(two), load(two, first=17)
    assert [(b.keys, b.references) for b in rest] == [(b.keys, b.references) for b in whole[17:]]


def test_a_sample_of_the_same_shape_takes_the_place_of_an_unreadable_one(mixed):
    reader = ShardReader(mixed)
    wide = [n for n in range(len(reader)) if reader[n].line.shape == WIDE]
    before = load([mixed])
    spoil(mixed, wide[0])
    bad: dict[int, str] = {}
    for one, other in zip(before, load([mixed], bad_samples=0.1), strict=True):
        assert one.color.shape == other.color.shape
        bad |= other.bad
    assert bad.keys() == {wide[0]}


# ---- A shape of which nothing can be read


def of_shape(folder: Path, *shapes: Shape) -> list[int]:
    """Places of all samples of these shapes."""
    reader = ShardReader(folder)
    return [n for n in range(len(reader)) if reader[n].line.shape in shapes]


def test_samples_of_the_nearest_shape_take_the_place_of_a_shape_that_is_lost(mixed):
    lost = of_shape(mixed, WIDE)
    colors = {sample.key: sample.color for sample in map(ShardReader(mixed).__getitem__, range(20))}
    lines = {sample.key: sample.line for sample in map(ShardReader(mixed).__getitem__, range(20))}
    before = load([mixed])
    spoil(mixed, *lost)
    replaced, bad, own = set(), {}, 0
    for one, other in zip(before, load([mixed], bad_samples=0.6), strict=True):
        assert one.color.shape == other.color.shape
        shape = tuple(one.line.shape[1:])
        bad |= other.bad
        if shape != WIDE:
            assert one.keys == other.keys
            continue
        for row, key in enumerate(other.keys):
            replaced.add(key)
            assert np.array_equal(other.color[row], cropped_to(colors[key], shape))
            assert np.array_equal(other.line[row], cropped_to(lines[key], shape))
            pictures, of_group = other.reference_pictures
            if not of_group[row]:  # what corresponds is known of it
                assert other.references[row] == key
                assert np.array_equal(pictures[row], other.color[row])
                own += 1
    assert {colors[key].shape[:2] for key in replaced} == {SQUARE}
    assert len(replaced) == 6 and own > 5
    assert bad.keys() == set(lost)


def test_the_farther_shapes_follow_where_the_nearest_is_lost_too(mixed):
    wide = {ShardReader(mixed).key(n) for n in of_shape(mixed, WIDE)}
    spoil(mixed, *of_shape(mixed, SQUARE, TALL))
    met = {key for batch in load([mixed], bad_samples=0.4) for key in batch.keys}
    assert met == wide


def test_more_than_the_share_of_a_lost_shape_ends_the_run(mixed):
    spoil(mixed, *of_shape(mixed, WIDE))
    with pytest.raises(UserError, match=r"12 of 20 samples cannot be read, and .* allows 11; the"):
        load([mixed], bad_samples=0.55)


def test_a_search_through_all_shapes_is_ended(mixed):
    spoil(mixed, *range(20))
    with pytest.raises(UserError, match=r"none of 20 samples that were tried for one place can be"):
        load([mixed], bad_samples=1.0)


@pytest.mark.slow
@pytest.mark.parametrize(("world", "workers"), [(1, 3), (2, 0), (4, 1)])
def test_processes_and_workers_change_nothing_where_a_shape_is_lost(two, world, workers):
    spoil(two[0], *of_shape(two[0], TALL))
    spoil(two[1], *of_shape(two[1], WIDE))
    whole = load(two, bad_samples=0.2)
    ranks = [load(two, rank, world, workers, bad_samples=0.2) for rank in range(world)]
    assert any(batch.bad for batch in whole)
    for step, batch in enumerate(whole):
        shares = [rank[step] for rank in ranks]
        assert [key for share in shares for key in share.keys] == batch.keys
        assert [key for share in shares for key in share.references] == batch.references
        assert {p: s for share in shares for p, s in share.bad.items()} == batch.bad
        for number, tensor in enumerate(batch.tensors):
            assert torch.equal(torch.cat([share.tensors[number] for share in shares]), tensor)


# ---- References


def test_a_reference_of_another_shape_is_shown_whole():
    tall = np.zeros((40, 24, 3), np.uint8)
    shown = shown_whole(tall, WIDE)
    assert shown.shape == (*WIDE, 3)
    dark = (shown == 0).all(2)
    assert dark.sum() == 24 * 14 and dark[:, 13:27].all()  # 24·24/40
    assert (shown[~dark] == 255).all()
    assert shown_whole(tall, TALL) is tall
