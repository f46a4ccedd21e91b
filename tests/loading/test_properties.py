"""What holds for any shards, seed, batch and layout, and for any change of an index."""

import copy
import json
import math
import shutil
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colorizer.loading.order import BatchNumbers, Order
from colorizer.shards.index import INDEX, read_index
from colorizer.system.errors import UserError

COUNTS = st.lists(st.integers(0, 7), min_size=1, max_size=9).filter(any)


@given(COUNTS, st.integers(0, 2**40), st.integers(1, 12), st.integers(0, 5))
def test_every_epoch_has_every_sample_once(counts, seed, window, epoch):
    order = Order(counts, seed, window)
    numbers = range(epoch * order.total, (epoch + 1) * order.total)
    every = sorted((shard, place) for shard, n in enumerate(counts) for place in range(n))
    assert sorted(order[n] for n in numbers) == every


@given(COUNTS, st.integers(0, 2**40), st.integers(1, 12), st.lists(st.integers(0, 500)))
def test_the_nth_sample_does_not_depend_on_what_was_asked_before(counts, seed, window, numbers):
    asked = Order(counts, seed, window)
    assert [asked[n] for n in numbers] == [Order(counts, seed, window)[n] for n in numbers]


@st.composite
def layouts(draw):
    """Batch size, steps, and two layouts that share the batch, evenly or not."""
    share, first, second = draw(st.tuples(*[st.integers(1, 4)] * 3))
    more = draw(st.integers(1, 3))
    batch = share * math.lcm(first * more, second) + draw(st.integers(0, 3))
    return batch, draw(st.integers(1, 6)), (first, more), (second, 1)


def step_of(batch, steps, world, accumulate, step):
    ranks = [BatchNumbers(step, steps, batch, accumulate, r, world) for r in range(world)]
    batches = [list(rank)[:accumulate] for rank in ranks]
    sizes = {len(b) for b in chain(*batches)}
    assert max(sizes) == ranks[0].largest and max(sizes) - min(sizes) <= 1
    return sorted(chain(*chain(*batches)))


@given(layouts())
def test_every_layout_trains_on_the_same_samples_at_every_step(layout):
    batch, steps, *both = layout
    for step in range(steps):
        wanted = list(range(step * batch, (step + 1) * batch))
        for world, accumulate in both:
            assert step_of(batch, steps, world, accumulate, step) == wanted


@given(layouts(), st.integers(0, 6))
def test_a_run_that_goes_on_has_the_rest_of_the_batches(layout, done):
    batch, steps, (world, accumulate), _ = layout
    done = min(done, steps)
    for rank in range(world):
        whole = list(BatchNumbers(0, steps, batch, accumulate, rank, world))
        rest = BatchNumbers(done, steps, batch, accumulate, rank, world)
        assert list(rest) == whole[done * accumulate :]
        assert len(rest) == len(whole) - done * accumulate


# ---- The index

VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("made")


@pytest.mark.slow
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 10**6), VALUE, st.sampled_from(["set", "delete", "add"]))
def test_an_index_changed_anywhere_is_refused_or_means_the_same(
    shard_folder, made, place, value, how
):
    folder = made / "shards"
    if not folder.exists():
        shutil.copytree(shard_folder, folder)
    good = (shard_folder / INDEX).read_bytes()
    content = json.loads(good)
    places = list(_places(content))
    parent, key = places[place % len(places)]
    before = copy.deepcopy(parent)
    if how == "delete":
        del parent[key]
    elif how == "set":
        parent[key] = value
    elif isinstance(parent, list):
        parent.append(value)
    else:
        parent["surprise"] = value
    (folder / INDEX).write_text(json.dumps(content))
    try:
        read = read_index(folder)
    except UserError as error:
        refusal = str(error)
    else:
        (folder / INDEX).write_bytes(good)
        wanted = read_index(folder)
        # What the settings say, and whether a checksum is right, shows only in reading samples.
        assert read.size == wanted.size or parent is content
        for one, other in zip(read.shards, wanted.shards, strict=True):
            assert (one.name, one.samples, one.bytes) == (other.name, other.samples, other.bytes)
        assert parent != before or read == wanted
        return
    assert str(folder) in refusal


def _places(content):
    for key in content if isinstance(content, dict) else range(len(content)):
        yield content, key
        if isinstance(content[key], dict | list):
            yield from _places(content[key])
