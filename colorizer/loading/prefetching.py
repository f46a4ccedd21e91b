"""Fetches shards that lie elsewhere before they are read, in a process of its own.

The order of the samples is known ahead, so it is known which shards the next batches need. Where
the cache is full, the shard that is needed last makes room for one that is needed before it.
"""

import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from multiprocessing.context import ForkProcess
from typing import Protocol

from colorizer.loading.dataset import TrainingData
from colorizer.loading.order import BatchNumbers
from colorizer.loading.shaped_order import ShapedOrder
from colorizer.loading.traffic import Traffic
from colorizer.remote.bucket import NotFetched
from colorizer.shards.files import RemoteFiles, RemoteShard
from colorizer.shards.index import ShardEntry
from colorizer.system import console
from colorizer.system.workers import begin_as_helper

FETCHES = 4  # shards under way at once
HORIZON = 2**18  # samples whose shards are known ahead, at most
STRIDE = 2**12  # samples that are added to them at a time
PAUSE = 0.2  # seconds between looks at how far the training is
TELLING = 2.0  # seconds between telling other processes what is needed
LEFT_ALONE = 60.0  # seconds before what could not be fetched is tried again


class Itinerary:
    """Which shards the coming batches of one process need, and when."""

    def __init__(self, order: ShapedOrder, numbers: BatchNumbers) -> None:
        self._order = order
        self._numbers = numbers
        self._known = 0  # batches whose shards are known, or are past
        self._uses: dict[int, deque[int]] = {}  # shard → batches that need it

    def look_ahead(self, batch: int) -> bool:
        """Look a stride farther; gives whether more is to be looked at.

        Args:
            batch: That the process is at.
        """
        largest = self._numbers.largest
        last = min(batch + HORIZON // largest + 1, len(self._numbers))
        self._known = max(self._known, batch)
        until = min(self._known + STRIDE // largest + 1, last)
        for ahead in range(self._known, until):
            for shard in {self._order[n][0] for n in self._numbers[ahead]}:
                self._uses.setdefault(shard, deque()).append(ahead)
        self._known = until
        return until < last

    def next_uses(self, batch: int) -> dict[int, int]:
        """Shard → the first batch from this one on that needs it, as far as is known; in order."""
        found = {}
        for shard, uses in list(self._uses.items()):
            while uses and uses[0] < batch:
                uses.popleft()
            if uses:
                found[shard] = uses[0]
            else:
                del self._uses[shard]
        return dict(sorted(found.items(), key=lambda use: (use[1], use[0])))


class Pace:
    """How long a batch takes, as far as is known."""

    def __init__(self, seconds: float = 1.0) -> None:
        self.seconds = seconds
        self._measured = 0  # times
        self._last: tuple[int, float] | None = None

    def at(self, batch: int, moment: float) -> None:
        """Say which batch the process is at."""
        if self._last is None:
            self._last = batch, moment
        elif batch > self._last[0]:
            taken = (moment - self._last[1]) / (batch - self._last[0])
            self._measured += 1
            self.seconds += max(0.1, 1 / self._measured) * (taken - self.seconds)
            self._last = batch, moment


def next_to_fetch(
    uses: Mapping[int, int], ahead: int, is_there: Callable[[int], bool], left_out: Collection[int]
) -> list[int]:
    """The shards to fetch, the first to be fetched first.

    Args:
        uses: Shard → its next use, in order.
        ahead: Shards that are to be there.
        is_there: Whether one is.
        left_out: Those that are being fetched, or could not be.
    """
    wanted = list(uses)[:ahead]
    return [shard for shard in wanted if shard not in left_out and not is_there(shard)]


class Prefetcher(ForkProcess):
    """Fetches what a training process needs next, until it is killed."""

    def __init__(
        self,
        itinerary: Itinerary,
        shards: Mapping[int, RemoteShard],
        at_once: int,
        traffic: Traffic,
        helper: int,
    ) -> None:
        """Nothing is fetched before `start`.

        Args:
            itinerary: Of the training process.
            shards: Those that lie elsewhere, by their numbers in the order.
            at_once: Shards that are read at the same time.
            traffic: Where the training process says which batch it is at.
            helper: Which of the helpers there this one is.
        """
        super().__init__()
        self._itinerary = itinerary
        self._shards = shards
        self._ahead = 2 * at_once  # those that are read, and those that follow
        self._traffic = traffic
        self._helper = helper
        self._under_way: dict[int, Future[None]] = {}
        self._failed: dict[int, float] = {}  # shard → until when it is left alone
        self._is_missed = False

    def run(self) -> None:
        """Fetch, until killed."""
        begin_as_helper()
        cache = next(iter(self._shards.values())).files.cache  # all sets have one
        pace, told = Pace(), -TELLING
        with ThreadPoolExecutor(FETCHES) as pool, closing(cache.told_needs()) as needs:
            while True:
                batch, now = self._traffic.batch, time.monotonic()
                pace.at(batch, now)
                more = self._itinerary.look_ahead(batch)
                uses = self._itinerary.next_uses(batch)
                moments = {s: now + (use - batch) * pace.seconds for s, use in uses.items()}
                if now - told > TELLING:
                    remote = moments.keys() & self._shards.keys()
                    needs.tell({self._shards[s].entry.sha256: moments[s] for s in remote})
                    told = now
                self._look_after_fetches(now)
                self._begin_fetches(pool, uses, moments)
                if not more:
                    time.sleep(PAUSE)

    def _is_there(self, shard: int) -> bool:
        if shard not in self._shards:
            return True
        files, entry = self._shards[shard]
        return files.cache.path(entry.sha256).exists()

    def _look_after_fetches(self, now: float) -> None:
        for shard, task in list(self._under_way.items()):
            if not task.done():
                continue
            del self._under_way[shard]
            try:
                task.result()
            except NotFetched:  # whoever needs it tries too, and says why it cannot be had
                self._failed[shard] = now + LEFT_ALONE
        self._failed = {shard: until for shard, until in self._failed.items() if until > now}

    def _begin_fetches(
        self, pool: ThreadPoolExecutor, uses: Mapping[int, int], moments: Mapping[int, float]
    ) -> None:
        left_out = self._under_way.keys() | self._failed.keys()
        for shard in next_to_fetch(uses, self._ahead, self._is_there, left_out):
            if len(self._under_way) >= FETCHES:
                return
            files, entry = self._shards[shard]
            if not files.cache.make_room(entry.bytes, moments[shard]):
                return  # all that is there is needed before
            self._under_way[shard] = pool.submit(self._fetch, files, entry)

    def _fetch(self, files: RemoteFiles, entry: ShardEntry) -> None:
        self._traffic.add(self._helper, files.fetch(entry))

    # ---- In the training process

    def check(self) -> None:
        """Say, once, if it has ended."""
        if not self._is_missed and not self.is_alive():
            self._is_missed = True
            console.warn(
                "the process that fetches shards ahead has ended, most often for lack of memory;"
                " each shard is fetched when it is needed now, so training may wait for it."
            )


class Helper(Protocol):
    """What fetches ahead, if anything does."""

    def check(self) -> None:
        """Say, once, if it has ended."""
        ...


class NoHelper:
    """All shards are on this machine."""

    def check(self) -> None:
        """Nothing has ended."""


@contextmanager
def fetching_ahead(
    data: TrainingData, numbers: BatchNumbers, traffic: Traffic, helper: int
) -> Iterator[Helper]:
    """Have the shards that batches need fetched ahead while the `with` block lasts.

    Args:
        data: The samples.
        numbers: Which batches.
        traffic: Where the training process says which batch it is at.
        helper: Which of the helpers there fetches ahead.
    """
    shards = data.reader.remote_shards
    if not shards:
        yield NoHelper()
        return
    itinerary = Itinerary(data.order, numbers)
    prefetcher = Prefetcher(itinerary, shards, data.at_once(numbers.processes), traffic, helper)
    prefetcher.start()
    try:
        yield prefetcher
    finally:
        prefetcher.kill()
        prefetcher.join()
