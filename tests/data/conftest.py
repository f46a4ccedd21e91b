"""Listing a source, and looking at a whole output, as several tests do."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorizer.data.config import ShardsConfig
from colorizer.data.listing import Listing, write_listing
from colorizer.data.shards import read_index, scan_shard
from colorizer.data.sources import source_of
from colorizer.data.sources.base import Item, Picture, Source


@dataclass(frozen=True)
class Listed:
    """A source and all that it lists, in order."""

    source: Source
    items: list[Item]
    reasons: dict[str, str]
    details: dict[str, str]
    fingerprint: str

    def load(self, name: str) -> Picture:
        """Load the item of this source path."""
        (item,) = (item for item in self.items if item.source == name)
        return self.source.load(item)


ListAll = Callable[[ShardsConfig], Listed]


@pytest.fixture
def list_all(tmp_path_factory: pytest.TempPathFactory) -> ListAll:
    """`list_all(config)` lists what the settings name."""

    def listed(config: ShardsConfig) -> Listed:
        path = tmp_path_factory.mktemp("listing") / "listing.sqlite"
        source = source_of(config)
        write_listing(source, path)
        listing = Listing(path)
        rejections = list(listing.rejections())
        assert listing.rejected == len(rejections)
        return Listed(
            source,
            list(listing.items(0, listing.count)),
            {rejection.source: rejection.reason for rejection in rejections},
            {rejection.source: rejection.detail for rejection in rejections},
            listing.fingerprint(),
        )

    return listed


Save = Callable[[Path, np.ndarray], None]


@pytest.fixture
def save() -> Save:
    """`save(path, pixels)` writes a picture and the folders above it; WebP without loss."""

    def write(path: Path, pixels: np.ndarray) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        options = {"lossless": True} if path.suffix == ".webp" else {}
        Image.fromarray(pixels).save(path, **options)

    return write


ReadSet = Callable[[Path], dict[str, dict]]


@pytest.fixture
def read_set() -> ReadSet:
    """`read_set(output)` -> the metadata of every sample, by part/key."""

    def read(output: Path) -> dict[str, dict]:
        found = {}
        for part in ("train", "held-out"):
            for shard in read_index(output / part).shards:
                path = output / part / shard.name
                data = path.read_bytes()
                for members in scan_shard(path, shard):
                    offset, size = members.json
                    found[f"{part}/{members.key}"] = json.loads(data[offset : offset + size])
        return found

    return read


FilesOf = Callable[[Path], dict[str, bytes]]


@pytest.fixture
def files_of() -> FilesOf:
    """`files_of(output)` -> the bytes of every file, by path."""

    def read(output: Path) -> dict[str, bytes]:
        paths = (path for path in output.rglob("*") if path.is_file())
        return {path.relative_to(output).as_posix(): path.read_bytes() for path in paths}

    return read
