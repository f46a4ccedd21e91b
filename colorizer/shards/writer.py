"""Writes shards: streamed to disk, with their final names only once they are whole."""

import dataclasses
import hashlib
import json
from array import array
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from colorizer.shards.encoding import encode_color, encode_line, picture_size
from colorizer.shards.format import BLOCK, COLOR, JSON, KEY, LINE, tar_header
from colorizer.shards.index import (
    FORMAT,
    INDEX,
    NO_GROUP,
    Index,
    Shape,
    ShardEntry,
    checksum,
    shard_name,
)
from colorizer.system.errors import UserError
from colorizer.system.storage import partial_name, publish, replace_file, writing


class ShardWriter:
    """Writes one folder of shards and, when all went well, its index.

        with ShardWriter(folder, 256, 1000, settings) as writer:
            writer.write(key, color, line, metadata)

    A shard holds pictures of one shape, so a shard is open for every shape that comes. It is
    `NAME.partial` until it is complete. After an exception in the `with` block the open shards stay
    `.partial` and no index is written.
    """

    def __init__(
        self, folder: Path, size: int, samples_per_shard: int, settings: dict[str, Any]
    ) -> None:
        """Nothing is written before the `with` block begins.

        Args:
            folder: Made if it does not exist; must hold no shards.
            size: Side of the pictures, or of a square of about as many pixels.
            samples_per_shard: Samples in every shard but the last of each shape.
            settings: What determines the samples, as JSON values; goes into the index.
        """
        self.index = Index(folder, size, settings, (), ())  # without shards until the end
        self._folder = folder
        self._samples_per_shard = samples_per_shard
        self._groups: dict[str, int] = {}  # name → number in the order in which they came
        self._samples = 0
        self._begun = 0  # shards
        self._open: dict[Shape, _OpenShard] = {}
        self._finished: dict[int, ShardEntry] = {}  # number → shard

    @property
    def samples(self) -> int:
        """Samples written so far."""
        return self._samples

    def __enter__(self) -> Self:
        folder = self._folder
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        if (folder / INDEX).exists() or any(folder.glob("*.tar")):
            raise UserError(f"{folder} already holds shards; choose another folder.")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            for shape in list(self._open):
                self._finish_shard(shape)
            shards = tuple(entry for _, entry in sorted(self._finished.items()))
            index = dataclasses.replace(self.index, shards=shards)
            self.index = _with_sorted_groups(index, self._groups)
            _write_index(self._folder, self.index)
            return
        for shard in self._open.values():
            with suppress(OSError):  # a disk still full; the first error says so
                shard.file.close()

    def write(
        self, key: str, color: np.ndarray, line: np.ndarray, metadata: dict[str, Any]
    ) -> None:
        """Append one sample.

        Args:
            key: Letters, digits, `-` and `_`, at most 80; of no other sample. (Checked within the
                shard: the keys of all may be too many to keep.)
            color: H×W×3 uint8 RGB.
            line: H×W uint8, dark ink on white.
            metadata: JSON values, none of them infinite or NaN. Its `group`, if it has one, is a
                text that is not empty; it goes into the index, too.

        Raises:
            ValueError: a bad or repeated key, a bad group, or a line of another shape.
            UserError: the disk is full or cannot be written to.
        """
        if color.shape != (*line.shape, 3):
            raise ValueError(f"{key}: color is {color.shape}, line {line.shape}")
        self.write_encoded(key, encode_color(color), encode_line(line), metadata)

    def write_encoded(self, key: str, color: bytes, line: bytes, metadata: dict[str, Any]) -> None:
        """As `write`, with pictures that `encode_color` and `encode_line` have made."""
        width, height = picture_size(color)
        shard = self._open.get((height, width))
        if not KEY.fullmatch(key) or (shard is not None and key in shard.keys):
            raise ValueError(f"bad or repeated key {key!r}")
        group = metadata.get("group")
        if group is not None and not (isinstance(group, str) and group):
            raise ValueError(f"{key}: bad group {group!r}")
        self._samples += 1
        text = json.dumps(metadata, sort_keys=True, allow_nan=False).encode()
        if shard is None:
            shard = _OpenShard(self._folder, self._begun, (height, width))
            self._open[shard.shape] = shard
            self._begun += 1
        shard.append(
            key,
            _tar_member(f"{key}.{COLOR}", color)
            + _tar_member(f"{key}.{LINE}", line)
            + _tar_member(f"{key}.{JSON}", text),
            checksum(color, line, text),
            NO_GROUP if group is None else self._groups.setdefault(group, len(self._groups)),
        )
        if shard.samples == self._samples_per_shard:
            self._finish_shard(shard.shape)

    def _finish_shard(self, shape: Shape) -> None:
        shard = self._open.pop(shape)
        self._finished[shard.number] = shard.finish()


class _OpenShard:
    """A shard that is being written."""

    def __init__(self, folder: Path, number: int, shape: Shape) -> None:
        self.number = number
        self.shape = shape
        self.keys: set[str] = set()
        self._path = folder / shard_name(number)
        self._bytes = 0
        self._hash = hashlib.sha256()
        self._crc32s: list[str] = []
        self._groups = array("i")
        with writing(self._path):
            self.file = partial_name(self._path).open("wb")

    @property
    def samples(self) -> int:
        return len(self._crc32s)

    def append(self, key: str, sample: bytes, crc32: str, group: int) -> None:
        self.keys.add(key)
        self._write(sample)
        self._crc32s.append(crc32)
        self._groups.append(group)

    def finish(self) -> ShardEntry:
        """End the tar and give the shard its name."""
        self._write(bytes(2 * BLOCK))
        with writing(self._path), self.file:
            publish(self.file, self._path)
        return ShardEntry(
            self._path.name,
            self.samples,
            self._bytes,
            self._hash.hexdigest(),
            "".join(self._crc32s),
            self._groups,
            self.shape,
        )

    def _write(self, data: bytes) -> None:
        with writing(self._path):
            self.file.write(data)
        self._hash.update(data)
        self._bytes += len(data)


def _tar_member(name: str, data: bytes) -> bytes:
    return tar_header(name, len(data)) + data + bytes(-len(data) % BLOCK)


def _with_sorted_groups(index: Index, numbers: dict[str, int]) -> Index:
    """The index with its groups numbered in the order of their names.

    Args:
        index: Its shards have the groups' numbers of `numbers`.
        numbers: Name of each group → its number, from 0.
    """
    names = tuple(sorted(numbers))
    places = {numbers[name]: place for place, name in enumerate(names)} | {NO_GROUP: NO_GROUP}
    shards = tuple(
        dataclasses.replace(shard, groups=array("i", map(places.__getitem__, shard.groups)))
        for shard in index.shards
    )
    return dataclasses.replace(index, groups=names, shards=shards)


def _write_index(folder: Path, index: Index) -> None:
    content = {
        "format": FORMAT,
        "size": index.size,
        "samples": index.samples,
        "settings": index.settings,
        "groups": index.groups,
        "shards": [_entry(shard) for shard in index.shards],
    }
    # Not indented: every sample's group would take a line of its own.
    text = json.dumps(content, allow_nan=False)
    replace_file(folder / INDEX, f"{text}\n".encode())


def _entry(shard: ShardEntry) -> dict[str, Any]:
    groups = [None if group == NO_GROUP else group for group in shard.groups]
    return vars(shard) | {"groups": groups}
