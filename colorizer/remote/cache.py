"""A folder on a local disk that keeps whole shards from elsewhere, for all processes of a machine.

A shard is called by its sha256, which is checked before it gets its name. Where the cache is full,
what no process needs goes first, and then what is needed last.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import get_ident
from typing import BinaryIO

from colorizer.remote.address import Address
from colorizer.remote.bucket import Bucket, NotFetched, Unreachable
from colorizer.remote.needs import ToldNeeds, least_needed, needs_of_all
from colorizer.system import console
from colorizer.system.storage import PARTIAL, flush, try_lock, wait_for_lock, writing

QUICK_PAUSES = (1.0, 2.0, 4.0)  # seconds, before the copy of a small file will do
TRIES = 3  # to get a shard with the right sha256
SUFFIX = ".tar"


@dataclass(frozen=True)
class CacheSettings:
    """Where shards from elsewhere are kept."""

    folder: Path
    limit: int  # bytes


@dataclass(frozen=True)
class RemoteFolder:
    """A folder of shards that lies elsewhere, and the cache through which it is read."""

    address: Address
    cache: CacheSettings

    def __truediv__(self, name: str) -> "RemoteFolder":
        return RemoteFolder(self.address / name, self.cache)

    def __str__(self) -> str:
        return str(self.address)


ShardFolder = Path | RemoteFolder


def default_folder() -> Path:
    """Where programs keep what they can fetch again, by XDG's convention."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "colorizer"


def read_kept(folder: RemoteFolder, name: str) -> bytes:
    """A small file, of which a copy is kept in the cache for when the network is down.

    Raises:
        UserError: it cannot be read, or the copy not written.
    """
    place = str(folder / name)
    copy = folder.cache.folder / "kept" / hashlib.sha256(place.encode()).hexdigest()
    try:
        pauses = QUICK_PAUSES if copy.is_file() else None
        data = Bucket(folder.address).read(name, pauses)
    except Unreachable as error:
        try:
            data, age = copy.read_bytes(), time.time() - copy.stat().st_mtime
        except OSError:
            raise error from None
        console.warn(f"{error} The copy of it that was read {age / 3600:.1f} hours ago is used.")
        return data
    with writing(copy):
        copy.parent.mkdir(parents=True, exist_ok=True)
        partial = _partial(copy)  # all processes of a machine begin by reading the same index
        partial.write_bytes(data)
        flush(partial)
        os.replace(partial, copy)
    return data


def _partial(path: Path) -> Path:
    """What a file is called until it is whole, in this process and thread."""
    return path.with_suffix(f".{os.getpid()}-{get_ident()}{PARTIAL}")


class ShardCache:
    """Copies of shards, each there whole or not at all."""

    def __init__(self, settings: CacheSettings) -> None:
        """Make the folder.

        Raises:
            UserError: it cannot be written to.
        """
        self.folder = settings.folder
        self.limit = settings.limit
        self._told = False
        with writing(self.folder):
            for folder in (self._locks, self._needs):
                folder.mkdir(parents=True, exist_ok=True)

    @property
    def _locks(self) -> Path:
        return self.folder / "locks"

    @property
    def _needs(self) -> Path:
        return self.folder / "needs"

    def path(self, sha256: str) -> Path:
        """Where a shard lies, if it does."""
        return self.folder / f"{sha256}{SUFFIX}"

    def get(
        self, sha256: str, size: int, place: Address, pieces: Callable[[], Iterator[bytes]]
    ) -> int:
        """Have a shard's copy in the cache. While another process fetches it, this one waits.

        Args:
            sha256: Of the shard, hex.
            size: Its bytes.
            place: Where it comes from, for messages.
            pieces: Gives it from there.

        Returns:
            Bytes that this process has fetched: none where the copy was there.

        Raises:
            NotFetched: it cannot be fetched, is not the right one, or there is no room.
        """
        path = self.path(sha256)
        if path.exists():
            return 0
        with self._alone(sha256[:3]):  # few files of locks; few shards that wait for others
            if path.exists():
                return 0
            self._fetch(path, size, place, pieces)
            return size

    def told_needs(self) -> ToldNeeds:
        """What this process will need, which others that make room are to know."""
        return ToldNeeds(self._needs)

    @contextmanager
    def keeping(self, sha256: str) -> Iterator[None]:
        """Keep other processes from making room with a copy."""
        with closing(self.told_needs()) as needs:
            needs.tell({sha256: 0.0})
            yield

    def drop_if_damaged(self, sha256: str) -> None:
        """Look whether a copy still has its sha256; one that has not goes, to be fetched again."""
        path = self.path(sha256)
        with self._alone(sha256[:3]), suppress(FileNotFoundError):  # another process has looked
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() == sha256:
                    return
            console.warn(f"{path} was changed on the disk; it is fetched again.")
            path.unlink()

    def _fetch(
        self, path: Path, size: int, place: Address, pieces: Callable[[], Iterator[bytes]]
    ) -> None:
        partial = _partial(path)
        for tries_left in reversed(range(TRIES)):
            self.make_room(size)
            try:
                with self._writing(partial), partial.open("wb") as file:
                    file.truncate(size)  # so that others count it
                    found = self._write(file, pieces)
                    file.flush()
                    os.fsync(file.fileno())
                    if found == path.stem:
                        os.replace(partial, path)
                        return
            finally:
                partial.unlink(missing_ok=True)
            if not tries_left:
                raise NotFetched(
                    f"{place} is not the shard that its index names: sha256 {found}, not"
                    f" {path.stem}; copy the set there again."
                )
            console.warn(f"{place} came damaged; it is fetched again.")

    def _write(self, file: BinaryIO, pieces: Callable[[], Iterator[bytes]]) -> str:
        digest = hashlib.sha256()
        for piece in pieces():
            file.write(piece)
            digest.update(piece)
        return digest.hexdigest()

    @contextmanager
    def _writing(self, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise NotFetched(
                f"cannot write {path}: {error.strerror}; give a --cache on a disk with more room,"
                " or a smaller --cache-size."
            ) from error

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        """Wait until no other process is at this."""
        path = self._locks / name
        with writing(path):
            file = path.open("a")
        with file:
            wait_for_lock(file, self.folder)
            yield

    # ---- Room

    def make_room(self, size: int, at: float | None = None) -> bool:
        """Remove the least needed copies until so many bytes more are within the limit.

        Args:
            size: Bytes of what is to come.
            at: When it is needed, by time.monotonic(): what is needed before stays. None: now.

        Returns:
            Whether they are; without room nothing is removed.
        """
        with self._alone("room"):
            copies = self._copies()
            over = sum(entry.st_size for entry in copies.values()) + size - self.limit
            fetched = {p.stem: e.st_mtime for p, e in copies.items() if p.suffix == SUFFIX}
            going = []
            for name in least_needed(fetched, needs_of_all(self._needs), time.monotonic(), at):
                if over <= 0:
                    break
                going.append(self.path(name))
                over -= copies[going[-1]].st_size
            if over > 0 and at is not None:
                return False
            for path in going:
                path.unlink(missing_ok=True)
        if over > 0 and not self._told:
            self._told = True
            console.warn(
                f"what is needed at once of {self.folder} takes {over / 1e9:,.1f} GB more than"
                f" --cache-size {self.limit / 1e9:,.1f}GB; give more."
            )
        return over <= 0

    def _copies(self) -> dict[Path, os.stat_result]:
        """All shards, and what is being fetched; what killed processes have left is removed."""
        found = {}
        for path in self.folder.iterdir():
            with suppress(FileNotFoundError):  # it has just got its name, or gone
                if path.suffix == PARTIAL and self._is_left_over(path):
                    path.unlink()
                elif path.suffix in (SUFFIX, PARTIAL):
                    found[path] = path.stat()
        return found

    def _is_left_over(self, partial: Path) -> bool:
        """Whether no living process is fetching this."""
        with (self._locks / partial.name[:3]).open("a") as file:
            return try_lock(file, self.folder, without_locks=False)
