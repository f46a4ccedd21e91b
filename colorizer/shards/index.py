"""index.json of a folder of shards: what each shard is, and what each of its samples was."""

import re
import zlib
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colorizer.remote.cache import ShardFolder, read_kept
from colorizer.shards.encoding import MAX_SIDE
from colorizer.system.errors import UserError
from colorizer.system.json_file import parse_json, read_json
from colorizer.system.programs import command

FORMAT = 3
INDEX = "index.json"
MAX_BYTES = 2**29  # of an index: room for sixteen million samples and the names of their groups
CRC_DIGITS = 8
NO_GROUP = -1
Shape = tuple[int, int]  # height and width, in pixels


@dataclass(frozen=True)
class ShardEntry:
    """What the index says about one shard."""

    name: str
    samples: int
    bytes: int
    sha256: str
    crc32: str  # `checksum` of every sample, in order
    groups: "array[int]"  # of every sample its group's place in `Index.groups`, or NO_GROUP; int32
    shape: Shape  # of all its pictures

    def crc32_of(self, position: int) -> str:
        """The `checksum` of the sample at a position."""
        return self.crc32[CRC_DIGITS * position : CRC_DIGITS * (position + 1)]


@dataclass(frozen=True)
class Index:
    """The shards of one folder, and the settings that they were made with."""

    folder: ShardFolder
    size: int  # side of the pictures, in pixels; in buckets they have about as many pixels
    settings: dict[str, Any]
    groups: tuple[str, ...]  # their names, sorted
    shards: tuple[ShardEntry, ...]

    @property
    def samples(self) -> int:
        """Samples in all shards together."""
        return sum(shard.samples for shard in self.shards)

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Of all pictures, each once, from the widest to the tallest; none without pictures."""
        return distinct_shapes(shard.shape for shard in self.shards if shard.samples)

    def group_of(self, shard: int, position: int) -> str | None:
        """The group of the sample at a position of a shard."""
        group = self.shards[shard].groups[position]
        return None if group == NO_GROUP else self.groups[group]


def distinct_shapes(shapes: Iterable[Shape]) -> tuple[Shape, ...]:
    """Shapes, each once, from the widest to the tallest."""
    return tuple(sorted(set(shapes), key=lambda shape: (shape[0] / shape[1], shape)))


def shard_name(number: int) -> str:
    """The file name of a folder's shard, counted from 0."""
    return f"{number:06d}.tar"


def checksum(color: bytes, line: bytes, json: bytes) -> str:
    """Eight hex digits: the crc32 of a sample's three members, end to end."""
    return f"{zlib.crc32(json, zlib.crc32(line, zlib.crc32(color))):08x}"


def read_index(folder: ShardFolder) -> Index:
    """Read index.json of a folder of shards; on this machine, look for every shard and its size.

    Raises:
        UserError: the index is missing, damaged or of another format, or a shard is missing or has
            another size.
    """
    if isinstance(folder, Path):
        return _read_local(folder)
    text = read_kept(folder, INDEX)
    try:
        content = parse_json(text)
    except ValueError as error:
        raise UserError(
            f"{folder / INDEX} is no index of shards ({error}); look at the address, or copy the"
            " set there again."
        ) from error
    return _parse_index(folder, content)


def _read_local(folder: Path) -> Index:
    path = folder / INDEX
    try:
        content = read_json(path, MAX_BYTES)
    except FileNotFoundError:
        raise UserError(_no_index(folder)) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); make the shards again.") from error
    index = _parse_index(folder, content)
    for shard in index.shards:
        check_shard_size(_size_of(folder / shard.name), shard, folder / shard.name)
    return index


def _size_of(shard: Path) -> int:
    try:
        return shard.stat().st_size
    except OSError as error:
        raise UserError(
            f"shard {shard} cannot be read: {error.strerror}; make the shards again."
        ) from error


def check_shard_size(size: int, entry: ShardEntry, name: object) -> None:
    """Compare the size of a shard with what the index says.

    Raises:
        UserError: it is another.
    """
    if size != entry.bytes:
        raise UserError(
            f"shard {name} has {size} bytes, {entry.bytes} by its index: it was cut or changed;"
            " make the shards again."
        )


def _no_index(folder: Path) -> str:
    if re.match(r"[a-z0-9+]+:", str(folder)):
        return f"{folder} is no folder on this machine, and no address (s3://bucket/folder)."
    if not folder.is_dir():
        return f"{folder} is not a folder; give a folder of shards."
    if (folder / "train" / INDEX).is_file():
        return f"{folder} holds no {INDEX}; give its folder train/ or held-out/."
    return f"{folder} holds no {INDEX}; make its shards with {command('make_shards')}."


def _parse_index(folder: ShardFolder, content: Any) -> Index:
    path = folder / INDEX
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(
            f"{path} is not an index of shard format {FORMAT}; delete {folder} and make the"
            " shards again."
        )
    try:
        groups = _parse_names(content)
        size = _count(content, "size")
        if not 1 <= size <= MAX_SIDE:
            raise ValueError(f"size is {size}, not 1 to {MAX_SIDE}")
        entries = _typed(content, "shards", list)
        shards = tuple(
            _parse_entry(number, item, len(groups), size) for number, item in enumerate(entries)
        )
        index = Index(folder, size, _typed(content, "settings", dict), groups, shards)
        samples = _count(content, "samples")
        if samples != index.samples:
            raise ValueError(f"samples is {samples}, {index.samples} in its shards")
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); make the shards again.") from error
    return index


def _parse_names(content: dict[str, Any]) -> tuple[str, ...]:
    names = _typed(content, "groups", list)
    if not all(isinstance(name, str) for name in names) or names != sorted(set(names)):
        raise ValueError("groups are not names in their order")
    return tuple(names)


def _parse_entry(number: int, item: Any, groups: int, size: int) -> ShardEntry:
    if not isinstance(item, dict):
        raise ValueError(f"shard {number} is no object")
    name = _typed(item, "name", str)
    if name != shard_name(number):
        raise ValueError(f"shard {number} is called {name!r}")
    samples = _count(item, "samples")
    sha256 = _digits(item, "sha256", 64)
    crc32 = _digits(item, "crc32", CRC_DIGITS * samples)
    numbers = _group_numbers(item, samples, groups)
    shape = _shape(item, size)
    return ShardEntry(name, samples, _count(item, "bytes"), sha256, crc32, numbers, shape)


def _shape(item: dict[str, Any], size: int) -> Shape:
    """A shard's shape; sets made before there were buckets name none, and are squares."""
    sides = item.get("shape", [size, size])
    if not isinstance(sides, list) or len(sides) != 2:
        raise ValueError("shape is no height and width")
    if not all(type(side) is int and 1 <= side <= MAX_SIDE for side in sides):
        raise ValueError(f"shape is {sides}, not two sides of 1 to {MAX_SIDE}")
    return sides[0], sides[1]


def _group_numbers(item: dict[str, Any], samples: int, groups: int) -> "array[int]":
    numbers = _typed(item, "groups", list)
    if len(numbers) != samples:
        raise ValueError(f"groups are of {len(numbers)} samples, not of {samples}")
    for number in numbers:
        if number is not None and not (type(number) is int and 0 <= number < groups):
            raise ValueError(f"no group is number {number!r}")
    return array("i", (NO_GROUP if number is None else number for number in numbers))


def _digits(content: dict[str, Any], name: str, count: int) -> str:
    digits = _typed(content, name, str)
    if len(digits) != count or not re.fullmatch("[0-9a-f]*", digits):
        raise ValueError(f"{name} is not {count} hex digits")
    return digits


def _count(content: dict[str, Any], name: str) -> int:
    count = _typed(content, name, int)
    if count < 0 or isinstance(count, bool):
        raise ValueError(f"{name} is {count}")
    return count


def _typed(content: dict[str, Any], name: str, kind: type) -> Any:
    value = content.get(name)
    if not isinstance(value, kind):
        raise ValueError(f"{name} is not of type {kind.__name__}")
    return value
