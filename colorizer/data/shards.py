"""The shard format and how it is read: WebDataset tars of lossless WebP, with an index beside them.

A sample is `<key>.color.webp`, `<key>.line.webp` and `<key>.json`. Names, order, times and owners
are fixed, so the same samples give the same bytes.
"""

import io
import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
from PIL import Image

from colorizer.errors import UserError

FORMAT = 1
INDEX = "index.json"
COLOR, LINE, JSON = "color.webp", "line.webp", "json"
KEY = re.compile(r"[A-Za-z0-9_-]{1,80}")
BLOCK = 512  # tar's unit


# ---- The index


@dataclass(frozen=True)
class ShardEntry:
    """What the index says about one shard."""

    name: str
    samples: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Index:
    """The shards of one folder, and the settings that they were made with."""

    folder: Path
    size: int  # side of the pictures, in pixels
    settings: dict[str, Any]
    shards: tuple[ShardEntry, ...]

    @property
    def samples(self) -> int:
        return sum(shard.samples for shard in self.shards)


def read_index(folder: Path) -> Index:
    """Read index.json of a folder of shards and check that every shard is there with its size.

    Raises:
        UserError: the index is missing, damaged or of another format, or a shard is missing or has
            another size.
    """
    path = folder / INDEX
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise UserError(_no_index(folder)) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); make the shards again.") from error
    index = _parse_index(path, content)
    for shard in index.shards:
        _check_shard_size(folder / shard.name, shard)
    return index


def _no_index(folder: Path) -> str:
    if not folder.is_dir():
        return f"{folder} is not a folder; give one that make_shards.py has written."
    if (folder / "train" / INDEX).is_file():
        return f"{folder} holds no {INDEX}; give its part train/ or held-out/."
    return f"{folder} holds no {INDEX}; run make_shards.py (again) to make its shards."


def _parse_index(path: Path, content: Any) -> Index:
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(f"{path} is not an index of shard format {FORMAT}; make the shards again.")
    try:
        shards = tuple(_parse_entry(item) for item in _typed(content, "shards", list))
        index = Index(
            path.parent, _count(content, "size"), _typed(content, "settings", dict), shards
        )
        samples = _count(content, "samples")
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); make the shards again.") from error
    if samples != index.samples or len({shard.name for shard in shards}) != len(shards):
        raise UserError(f"{path} contradicts itself; make the shards again.")
    return index


def _parse_entry(item: Any) -> ShardEntry:
    if not isinstance(item, dict):
        raise ValueError("a shard is no object")
    name = _typed(item, "name", str)
    if not re.fullmatch(r"[\w-][\w.-]*\.tar", name, re.ASCII):
        raise ValueError(f"{name!r} is no shard's name")
    sha256 = _typed(item, "sha256", str)
    return ShardEntry(name, _count(item, "samples"), _count(item, "bytes"), sha256)


def _count(content: dict[str, Any], name: str) -> int:
    count = _typed(content, name, int)
    if count < 0 or isinstance(count, bool):
        raise ValueError(f"{name} is {count}")
    return count


def _typed(content: dict[str, Any], name: str, kind: type) -> Any:
    value = content.get(name)
    if not isinstance(value, kind):
        raise ValueError(f"{name} is {value!r}, not of type {kind.__name__}")
    return value


def _check_shard_size(path: Path, entry: ShardEntry) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise UserError(
            f"shard {path} cannot be read: {error.strerror}; make the shards again."
        ) from error
    if size != entry.bytes:
        raise UserError(
            f"shard {path} has {size} bytes, {entry.bytes} by its index: it was cut or changed;"
            " make the shards again."
        )


# ---- Reading


@dataclass(frozen=True)
class SampleMembers:
    """Where one sample's members lie in its shard, each as (offset, size) in bytes."""

    key: str
    color: tuple[int, int]
    line: tuple[int, int]
    json: tuple[int, int]


def scan_shard(path: Path, entry: ShardEntry) -> list[SampleMembers]:
    """Find the samples of a shard, reading nothing but the tar's headers.

    Raises:
        UserError: the shard has another size or sample count than its index says, a damaged
            header, an unsafe or foreign member, a sample with a member missing, or a key twice.
    """
    _check_shard_size(path, entry)
    samples: dict[str, dict[str, tuple[int, int]]] = {}
    try:
        for name, offset, size in _members(path, entry.bytes):
            key, part = _split_name(name)
            places = samples.setdefault(key, {})
            if part in places:
                raise ValueError(f"key {key!r} is there twice")
            places[part] = (offset, size)
        found = [_sample_members(key, places) for key, places in samples.items()]
        if len(found) != entry.samples:
            raise ValueError(f"{len(found)} samples, {entry.samples} by its index")
    except ValueError as error:
        raise UserError(f"shard {path} is damaged: {error}; make the shards again.") from error
    return found


def _members(path: Path, end: int) -> Iterator[tuple[str, int, int]]:
    """Name, offset and size of each member of a tar, with every header checked."""
    offset = 0
    with path.open("rb", buffering=0) as file:
        while header := _header_at(file, offset):
            name, size = _parse_header(header, offset)
            offset += BLOCK
            yield name, offset, size
            offset += size + -size % BLOCK
    if offset + 2 * BLOCK != end:
        raise ValueError(f"it ends at byte {end}, its last member at {offset}")


def _header_at(file: BinaryIO, offset: int) -> bytes:
    """The header at an offset, empty where the tar's end mark stands."""
    file.seek(offset)
    header = file.read(BLOCK)
    if len(header) < BLOCK:
        raise ValueError(f"it is cut at byte {offset}")
    return header if any(header) else b""


def _parse_header(header: bytes, offset: int) -> tuple[str, int]:
    """Name and size from a ustar header (POSIX.1-1988)."""
    try:
        name = header[:100].rstrip(b"\0").decode("ascii")
        size = int(header[124:135], 8)
        checksum = int(header[148:154], 8)
    except ValueError as error:
        raise ValueError(f"bad header at byte {offset}") from error
    # Counted as if the checksum's own eight bytes were blanks.
    if sum(header) - sum(header[148:156]) + 8 * ord(" ") != checksum or size < 0:
        raise ValueError(f"bad header at byte {offset}")
    if header[156:157] != tarfile.REGTYPE:
        raise ValueError(f"member {name!r} is no plain file")
    return name, size


def _split_name(name: str) -> tuple[str, str]:
    key, _, part = name.partition(".")
    if not KEY.fullmatch(key) or part not in (COLOR, LINE, JSON):
        raise ValueError(f"member {name!r} is not one that make_shards.py writes")
    return key, part


def _sample_members(key: str, places: dict[str, tuple[int, int]]) -> SampleMembers:
    for part in (COLOR, LINE, JSON):
        if part not in places:
            raise ValueError(f"{key}.{part} is missing")
    return SampleMembers(key, places[COLOR], places[LINE], places[JSON])


# ---- Pictures


def encode_color(color: np.ndarray) -> bytes:
    """H×W×3 uint8 RGB as lossless WebP."""
    data = io.BytesIO()
    # Effort 1 of 6: a fifth smaller than 0; 4 is another tenth smaller but six times slower.
    Image.fromarray(color).save(data, "WEBP", lossless=True, quality=0, method=1)
    return data.getvalue()


def encode_line(line: np.ndarray) -> bytes:
    """H×W uint8 as lossless WebP, which has no grey: the three channels are equal."""
    return encode_color(np.dstack((line, line, line)))


def decode_color(data: bytes) -> np.ndarray:
    """A member's bytes as H×W×3 uint8 RGB, exactly what was encoded.

    Raises:
        ValueError: the bytes are no picture.
    """
    return _decode(data, cv2.IMREAD_COLOR_RGB)


def decode_line(data: bytes) -> np.ndarray:
    """A member's bytes as H×W uint8, exactly what was encoded.

    Raises:
        ValueError: the bytes are no picture.
    """
    return _decode(data, cv2.IMREAD_GRAYSCALE)


def _decode(data: bytes, mode: int) -> np.ndarray:
    if not data:
        raise ValueError("the member is empty")
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), mode)
    if pixels is None:
        raise ValueError("the member is no picture")
    return pixels
