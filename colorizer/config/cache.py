"""Settings of the cache through which shards come that lie elsewhere."""

import re
from dataclasses import dataclass
from pathlib import Path

from colorizer.remote.address import Location
from colorizer.remote.cache import CacheSettings, RemoteFolder, ShardFolder, default_folder
from colorizer.system.errors import UserError

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}  # bytes


@dataclass(frozen=True, kw_only=True)
class CacheConfig:
    """Shards at an address."""

    cache: Path | None = None
    """Keep shards that come from an address in this folder, on a disk of this machine; all
    processes share it. None: ~/.cache/colorizer."""
    cache_size: str = "200GB"
    """Let the cache grow to this size, then drop what is needed last."""

    def cached(self, location: Location) -> ShardFolder:
        """A folder of shards as readers take it.

        Raises:
            UserError: `cache_size` is none.
        """
        if isinstance(location, Path):
            return location
        settings = CacheSettings(self.cache or default_folder(), bytes_of(self.cache_size))
        return RemoteFolder(location, settings)


def bytes_of(text: str) -> int:
    """The bytes that `200GB` and the like stand for.

    Raises:
        UserError: it is no size above 0.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([KMGT]?)B?", text, re.IGNORECASE)
    size = int(float(found[1]) * UNITS[found[2].upper()]) if found else 0
    if size == 0:
        raise UserError(f"--cache-size {text} is no size; give 200GB, say.")
    return size
