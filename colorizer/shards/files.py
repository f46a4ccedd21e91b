"""Where the files of a folder of shards are: on this machine, or fetched when they are needed."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from colorizer.remote.bucket import Bucket
from colorizer.remote.cache import RemoteFolder, ShardCache, ShardFolder
from colorizer.shards.index import ShardEntry


class ShardFiles(Protocol):
    """The shards of one folder as files that can be opened."""

    def open(self, entry: ShardEntry) -> BinaryIO:
        """A shard, for reading.

        Raises:
            OSError: it cannot be opened.
            NotFetched: it cannot be had.
        """
        ...

    def kept(self, entry: ShardEntry) -> AbstractContextManager[Path]:
        """Where a shard lies, and stays as long as the `with` block lasts.

        Raises:
            NotFetched: it cannot be had.
        """
        ...

    def is_worth_another_try(self, entry: ShardEntry) -> bool:
        """Whether a shard of which something cannot be read may be right when opened again.

        It may where it is a copy, which is dropped if it is damaged.
        """
        ...


@dataclass(frozen=True)
class LocalFiles:
    """Shards in a folder on this machine."""

    folder: Path

    def open(self, entry: ShardEntry) -> BinaryIO:
        """See `ShardFiles`."""
        return (self.folder / entry.name).open("rb")

    @contextmanager
    def kept(self, entry: ShardEntry) -> Iterator[Path]:
        """See `ShardFiles`."""
        yield self.folder / entry.name

    def is_worth_another_try(self, entry: ShardEntry) -> bool:
        """Never: it is no copy."""
        return False


class RemoteFiles:
    """Shards that lie elsewhere, and are fetched through a cache."""

    def __init__(self, folder: RemoteFolder) -> None:
        """Nothing is fetched yet.

        Raises:
            UserError: the cache cannot be written to.
        """
        self._folder = folder
        self.cache = ShardCache(folder.cache)
        self.fetched = 0  # bytes

    def open(self, entry: ShardEntry) -> BinaryIO:
        """See `ShardFiles`."""
        while True:
            try:
                return self.cache.path(entry.sha256).open("rb")
            except FileNotFoundError:
                self.fetched += self.fetch(entry)

    @contextmanager
    def kept(self, entry: ShardEntry) -> Iterator[Path]:
        """See `ShardFiles`."""
        with self.cache.keeping(entry.sha256):
            self.fetched += self.fetch(entry)
            yield self.cache.path(entry.sha256)

    def is_worth_another_try(self, entry: ShardEntry) -> bool:
        """See `ShardFiles`."""
        self.cache.drop_if_damaged(entry.sha256)
        return True

    def fetch(self, entry: ShardEntry) -> int:
        """Have a shard in the cache; gives the bytes that this process has fetched for it.

        Raises:
            NotFetched: it cannot be had.
        """
        address = self._folder.address
        return self.cache.get(
            entry.sha256,
            entry.bytes,
            address / entry.name,
            lambda: Bucket(address).pieces(entry.name, entry.bytes),
        )


class RemoteShard(NamedTuple):
    """A shard that lies elsewhere."""

    files: RemoteFiles
    entry: ShardEntry


def files_of(folder: ShardFolder) -> ShardFiles:
    """The files of a folder of shards, wherever it is.

    Raises:
        UserError: the cache for it cannot be written to.
    """
    return LocalFiles(folder) if isinstance(folder, Path) else RemoteFiles(folder)
