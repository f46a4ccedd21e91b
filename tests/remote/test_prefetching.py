"""Shards are fetched before they are needed: each once, whatever the cache and the processes."""

import os
import signal
import time
from collections import Counter
from itertools import chain
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colorizer.loading import prefetching
from colorizer.loading.dataset import TrainingData
from colorizer.loading.loader import load_batches
from colorizer.loading.order import BatchNumbers
from colorizer.loading.prefetching import Itinerary, Pace, Prefetcher, next_to_fetch
from colorizer.loading.traffic import Traffic
from colorizer.remote.address import Address
from colorizer.remote.bucket import NotFetched
from colorizer.remote.cache import CacheSettings, RemoteFolder
from colorizer.shards.files import RemoteShard
from colorizer.shards.writer import ShardWriter
from tests.helpers.bucket_server import Served, serving

SHARDS, OF_SHARD, BATCH = 8, 12, 4
EPOCH = SHARDS * OF_SHARD // BATCH  # steps


@pytest.fixture(scope="module")
def folder(tmp_path_factory, draw_scene) -> Path:
    made = tmp_path_factory.mktemp("made")
    with ShardWriter(made, 32, OF_SHARD, {}) as writer:
        for number in range(SHARDS * OF_SHARD):
            scene = draw_scene(number, 32, 32)
            writer.write(f"s{number}", scene, scene[..., 0], {"group": f"g{number // 4}"})
    return made


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    """These trainings take milliseconds a step."""
    monkeypatch.setattr(prefetching, "PAUSE", 0.005)
    monkeypatch.setattr(prefetching, "TELLING", 0.005)


@pytest.fixture
def served(folder):
    with serving(folder) as server:
        yield server


def shard_bytes(folder: Path) -> int:
    return max(path.stat().st_size for path in folder.glob("*.tar"))


def data_of(served: Served, cache: Path, size: int = 10**9, lanes: int = 1, bad: float = 0.0):
    place = RemoteFolder(Address(served.url), CacheSettings(cache, size))
    return TrainingData([place], 3, 1, bad, batch_size=BATCH, lanes=lanes)


def keys(data: TrainingData, steps: int, workers: int, rank=0, world=1, pause=0.0, traffic=None):
    numbers = BatchNumbers(0, steps, BATCH, 1, rank, world)
    found = []
    for batch in load_batches(data, numbers, workers, False, 60.0, traffic=traffic):
        found += zip(batch.numbers, batch.keys, strict=True)
        time.sleep(pause)
    return found


def children() -> set[int]:
    return {process.pid for process in psutil.Process().children()}


def tars(served: Served) -> Counter[str]:
    return Counter({name: n for name, n in served.requests.items() if name.endswith(".tar")})


# ---- The plan


@given(st.integers(1, 3), st.integers(0, 3), st.sampled_from([1, 2, 4]), st.integers(0, 40))
@settings(deadline=None, max_examples=25)
def test_the_next_uses_are_those_of_the_order(folder, window, rank, world, batch):
    rank %= world
    data = TrainingData([folder], 3, window, batch_size=BATCH, lanes=4)
    numbers = BatchNumbers(2, 60, BATCH, 1, rank, world)
    itinerary = Itinerary(data.order, numbers)
    while itinerary.look_ahead(0):
        pass
    wanted: dict[int, int] = {}
    for ahead in range(batch, len(numbers)):
        for n in numbers[ahead]:
            wanted.setdefault(data.order[n][0], ahead)
    found = itinerary.next_uses(batch)
    assert found == wanted
    assert list(found.values()) == sorted(found.values())


def test_it_is_looked_ahead_a_stride_at_a_time_up_to_the_horizon(folder, monkeypatch):
    monkeypatch.setattr(prefetching, "STRIDE", 3 * BATCH)
    monkeypatch.setattr(prefetching, "HORIZON", 10 * BATCH)
    data = TrainingData([folder], 3, 1, batch_size=BATCH)
    itinerary = Itinerary(data.order, BatchNumbers(0, 1000, BATCH, 1, 0, 1))
    assert [itinerary.look_ahead(0) for _ in range(4)] == [True, True, False, False]
    last = max(itinerary.next_uses(0).values())
    assert last <= 10
    assert itinerary.look_ahead(500)  # a continued run, or a slow process
    assert min(itinerary.next_uses(500).values()) == 500


def test_what_is_needed_first_is_fetched_first():
    uses = {5: 0, 2: 0, 7: 3, 1: 8, 4: 9}
    assert next_to_fetch(uses, 4, lambda shard: shard == 2, {7}) == [5, 1]


def test_the_pace_follows_the_training():
    pace = Pace()
    for batch in range(100):
        pace.at(batch, 0.25 * batch)
    assert pace.seconds == pytest.approx(0.25, rel=0.01)
    pace.at(99, 1000.0)  # it stands still
    assert pace.seconds == pytest.approx(0.25, rel=0.01)


# ---- With a server


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("lanes", [1, 4])
def test_samples_are_those_of_the_folder_and_each_shard_comes_once(
    served, folder, cache, workers, lanes
):
    local = TrainingData([folder], 3, 1, batch_size=BATCH, lanes=lanes)
    traffic = Traffic(workers + 2)
    found = keys(data_of(served, cache, lanes=lanes), 2 * EPOCH, workers, traffic=traffic)
    assert found == keys(local, 2 * EPOCH, 0)
    assert tars(served) == {f"{number:06d}.tar": 1 for number in range(SHARDS)}
    assert traffic.fetched == sum(path.stat().st_size for path in folder.glob("*.tar"))


def test_processes_of_lanes_fetch_each_shard_once_in_all(served, folder, tmp_path):
    found = []
    for rank in range(4):  # each as on a machine of its own
        data = data_of(served, tmp_path / f"cache-{rank}", lanes=4)
        found.append(keys(data, EPOCH, 0, rank, 4))
    assert sorted(chain(*found)) == keys(
        TrainingData([folder], 3, 1, batch_size=BATCH, lanes=4), EPOCH, 0
    )
    assert tars(served) == {f"{number:06d}.tar": 1 for number in range(SHARDS)}


def test_shards_are_there_before_they_are_needed(served, folder, cache):
    served.seconds = 0.02
    traffic = Traffic(2)
    keys(data_of(served, cache), EPOCH, 0, pause=0.1, traffic=traffic)
    own, ahead = traffic._numbers[1:].tolist()
    assert own < ahead  # the first, and on a busy machine another
    assert own + ahead == sum(path.stat().st_size for path in folder.glob("*.tar"))


def test_a_cache_of_two_shards_is_enough_for_an_epoch(served, folder, cache):
    size = 2 * shard_bytes(folder) + 5000
    keys(data_of(served, cache, size), EPOCH, 0, pause=0.08)
    assert SHARDS <= tars(served).total() <= SHARDS + 3  # a busy machine tells what it needs late
    held = sum(path.stat().st_size for path in cache.glob("*.tar"))
    assert held <= size


@pytest.mark.parametrize(("room", "begun"), [(0, []), (2, [5, 2]), (9, [5, 2, 7, 1])])
def test_nothing_is_begun_without_room_for_it(tmp_path, room, begun):
    asked, submitted = [], []

    def make_room(size, at):
        asked.append((size, at))
        return len(asked) <= room

    cache = SimpleNamespace(path=lambda sha256: tmp_path / sha256, make_room=make_room)
    files = SimpleNamespace(cache=cache)
    shards = {
        s: RemoteShard(files, SimpleNamespace(sha256=f"{s}", bytes=s)) for s in (5, 2, 7, 1, 4)
    }
    pool = SimpleNamespace(submit=lambda do, files, entry: submitted.append(int(entry.sha256)))
    prefetcher = Prefetcher(None, shards, 4, None, 0)
    uses = {5: 0, 2: 0, 7: 3, 1: 8, 4: 9}
    prefetcher._begin_fetches(pool, uses, {shard: 10.0 + use for shard, use in uses.items()})
    assert submitted == begun  # four at once
    assert asked[: len(begun)] == [(shard, 10.0 + uses[shard]) for shard in begun]


def test_nothing_is_fetched_that_would_drive_out_what_is_needed_before(served, folder, cache):
    """Six shards are wanted ahead, and there is room for four."""
    place = RemoteFolder(Address(served.url), CacheSettings(cache, 4 * shard_bytes(folder) + 5000))
    data = TrainingData([place], 3, 3, batch_size=BATCH)
    keys(data, EPOCH, 0, pause=0.08)
    assert SHARDS <= tars(served).total() <= SHARDS + 3


def test_what_is_needed_last_makes_room(served, folder, cache):
    """With room for all but two shards a second epoch fetches few: the oldest would be all."""
    size = (SHARDS - 2) * shard_bytes(folder) + 5000
    data = data_of(served, cache, size)
    keys(data, 4 * EPOCH, 0, pause=0.01)
    assert SHARDS < tars(served).total() <= SHARDS + 3 * 4


def test_a_killed_helper_is_named_and_the_samples_are_the_same(served, folder, cache, capsys):
    data, before = data_of(served, cache), children()
    numbers = BatchNumbers(0, EPOCH, BATCH, 1, 0, 1)
    found = []
    for batch in load_batches(data, numbers, 0, False):
        found += zip(batch.numbers, batch.keys, strict=True)
        if len(found) == BATCH:
            (helper,) = children() - before
            os.kill(helper, signal.SIGKILL)
            time.sleep(0.5)
    assert found == keys(TrainingData([folder], 3, 1, batch_size=BATCH), EPOCH, 0)
    assert capsys.readouterr().err.count("fetches shards ahead has ended") == 1


def test_no_helper_is_left(served, cache):
    before = children()
    batches = load_batches(data_of(served, cache), BatchNumbers(0, 9, BATCH, 1, 0, 1), 1, False)
    next(batches)
    assert len(children() - before) == 2
    batches.close()
    assert children() == before


@pytest.mark.parametrize("workers", [0, 1])
def test_a_shard_that_cannot_be_had_ends_the_run_whatever_may_be_bad(served, cache, workers):
    served.fault = lambda name, time: "404" if name == "000003.tar" else None
    data = data_of(served, cache, bad=0.9)
    with pytest.raises(NotFetched, match=r"000003\.tar cannot be read: .*look at the address"):
        keys(data, EPOCH, workers)
