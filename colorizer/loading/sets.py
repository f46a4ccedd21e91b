"""Several sets of shards as one."""

from collections.abc import Sequence
from itertools import count, pairwise
from pathlib import Path

import numpy as np

from colorizer.remote.cache import ShardFolder
from colorizer.shards.files import RemoteFiles, RemoteShard
from colorizer.shards.index import NO_GROUP, distinct_shapes
from colorizer.shards.reader import Sample, ShardReader
from colorizer.system.errors import UserError


class JoinedSets:
    """Reads any sample of several folders of shards, as if the shards lay in one, in order.

    Where there are several, a sample's key begins with its set's name: `mine/scene-1`. A group is
    always of one set.
    """

    def __init__(self, folders: Sequence[ShardFolder]) -> None:
        """Open the shards.

        Raises:
            UserError: an index or a shard is missing or damaged, a set has no samples, or the sets
                have pictures of several sizes.
        """
        self.readers = [ShardReader(folder) for folder in folders]
        for reader in self.readers:
            _check_like(self.readers[0], reader)
        self.folders = folders
        self.size = self.readers[0].index.size  # of the pictures, as in their indexes
        self.shapes = distinct_shapes(s for reader in self.readers for s in reader.index.shapes)
        self.counts = [samples for reader in self.readers for samples in reader.counts]
        self.starts = np.cumsum([0, *self.counts])  # place of each shard's first sample
        self.groups = _joined_groups(self.readers)  # of every sample; NO_GROUP: none
        shards = [len(reader.counts) for reader in self.readers]
        self._first_shards = np.cumsum([0, *shards])  # of each set
        self.shape_of_shard = [s.shape for reader in self.readers for s in reader.index.shards]
        self.shards_of_sets = [range(*ends) for ends in pairwise(self._first_shards.tolist())]
        self._first_samples = np.cumsum([0, *map(len, self.readers)])
        self._names = _distinct_names(folders)

    def __len__(self) -> int:
        return int(self.starts[-1])

    @property
    def remote_shards(self) -> dict[int, RemoteShard]:
        """Those that lie elsewhere, by their numbers over all sets."""
        return {
            first + number: RemoteShard(reader.files, entry)
            for reader, first in zip(self.readers, self._first_shards.tolist(), strict=False)
            if isinstance(reader.files, RemoteFiles)
            for number, entry in enumerate(reader.index.shards)
        }

    def take_fetched(self) -> int:
        """Bytes that this process has fetched from elsewhere since it was last asked."""
        fetched = 0
        for reader in self.readers:
            if isinstance(reader.files, RemoteFiles):
                fetched += reader.files.fetched
                reader.files.fetched = 0
        return fetched

    def read(self, shard: int, position: int) -> Sample:
        """The sample at a position of a shard.

        Raises:
            UserError: as for `ShardReader.read`.
        """
        number, shard = _within(self._first_shards, shard)
        sample = self.readers[number].read(shard, position)
        return sample._replace(key=self._named(number, sample.key))

    def color(self, place: int) -> tuple[str, np.ndarray]:
        """Key and colours (H×W×3 uint8 RGB) of the sample at a place in the order of the shards.

        Raises:
            UserError: as for `ShardReader.color`.
        """
        number, place = _within(self._first_samples, place)
        key, color = self.readers[number].color(place)
        return self._named(number, key), color

    def _named(self, number: int, key: str) -> str:
        return f"{self._names[number]}/{key}" if len(self.readers) > 1 else key


def _check_like(first: ShardReader, reader: ShardReader) -> None:
    one, other = first.index, reader.index
    if len(reader) == 0:
        raise UserError(
            f"{other.folder}: the shards hold no samples; make them from more pictures."
        )
    if other.size != one.size:
        raise UserError(
            f"{one.folder} has pictures of {one.size} pixels a side, {other.folder} of"
            f" {other.size}; make the shards of both with one --size."
        )


def _joined_groups(readers: Sequence[ShardReader]) -> np.ndarray:
    """The sets' groups, numbered on from each set to the next."""
    joined, first = [], 0
    for reader in readers:
        joined.append(np.where(reader.groups == NO_GROUP, NO_GROUP, reader.groups + first))
        first += len(reader.index.groups)
    return np.concatenate(joined)


def _within(firsts: np.ndarray, number: int) -> tuple[int, int]:
    """Which set something is of, and its number there."""
    place = int(np.searchsorted(firsts, number, "right")) - 1
    return place, number - int(firsts[place])


def _distinct_names(folders: Sequence[ShardFolder]) -> list[str]:
    """The last parts of the paths that tell them apart: `a` and `b` for x/a/train and x/b/train."""
    paths = [_parts(folder) for folder in folders]
    while len(paths) > 1 and len({parts[-1] for parts in paths}) == 1:  # train/, say
        paths = [parts[:-1] for parts in paths]
    for last in count(1):
        names = ["/".join(parts[-last:]) for parts in paths]
        if len(set(names)) == len(names):
            return names
    raise AssertionError


def _parts(folder: ShardFolder) -> tuple[str, ...]:
    if isinstance(folder, Path):
        return folder.absolute().parts
    return tuple(str(folder).split("/"))
