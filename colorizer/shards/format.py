"""The shard format and how it is scanned: WebDataset tars of lossless WebP.

A sample is `<key>.color.webp`, `<key>.line.webp` and `<key>.json`. Names, order, times and owners
are fixed, so the same samples give the same bytes.
"""

import os
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from colorizer.shards.index import ShardEntry, check_shard_size
from colorizer.system.errors import UserError

COLOR, LINE, JSON = "color.webp", "line.webp", "json"
KEY = re.compile(r"[A-Za-z0-9_-]{1,80}")
MAX_BYTES = {COLOR: 2**29, LINE: 2**29, JSON: 2**24}  # of a member, as it is read whole
BLOCK = 512  # tar's unit


@dataclass(frozen=True)
class SampleMembers:
    """Where one sample's members lie in its shard, each as (offset, size) in bytes."""

    key: str
    color: tuple[int, int]
    line: tuple[int, int]
    json: tuple[int, int]


# tarfile's defaults (mode 0644, time 0, owner 0, no names) do not change from run to run.
EMPTY_HEADER = tarfile.TarInfo("").tobuf(tarfile.USTAR_FORMAT)


def tar_header(name: str, size: int) -> bytes:
    """The header of a plain file that says nothing of time or owner.

    Args:
        name: ASCII, at most 100 characters.
        size: Bytes of the file.
    """
    header = bytearray(EMPTY_HEADER)  # tarfile takes five times as long
    header[:100] = name.encode("ascii").ljust(100, b"\0")
    header[124:136] = b"%011o\0" % size
    header[148:156] = b"%06o\0 " % _checksum(header)
    return bytes(header)


def _checksum(header: bytes | bytearray) -> int:
    """Of a tar's header, as if the checksum's own eight bytes were blanks."""
    return sum(header) - sum(header[148:156]) + 8 * ord(" ")


def _fixed_fields(header: bytes) -> bytes:
    """All of a header but name, size, checksum and type."""
    return header[100:124] + header[136:148] + header[157:]


FIXED_FIELDS = _fixed_fields(EMPTY_HEADER)


def scan_shard(file: BinaryIO, entry: ShardEntry, name: object) -> list[SampleMembers]:
    """Find the samples of a shard, reading nothing but the tar's headers.

    Args:
        file: The shard, unbuffered or not.
        entry: What its index says.
        name: Its name, for messages.

    Raises:
        UserError: the shard cannot be read, or has another size or sample count than its index
            says, a damaged header, an unsafe or foreign member, a sample with a member missing, or
            a key twice.
    """
    samples: dict[str, dict[str, tuple[int, int]]] = {}
    try:
        check_shard_size(file.seek(0, os.SEEK_END), entry, name)
        for member_name, offset, size in _members(file, entry.bytes):
            key, member = _split_name(member_name)
            places = samples.setdefault(key, {})
            if member in places:
                raise ValueError(f"key {key!r} is there twice")
            if size > MAX_BYTES[member]:
                raise ValueError(
                    f"{member_name} has {size} bytes, more than a picture or its JSON needs"
                )
            places[member] = (offset, size)
        found = [_sample_members(key, places) for key, places in samples.items()]
        if len(found) != entry.samples:
            raise ValueError(f"{len(found)} samples, {entry.samples} by its index")
    except ValueError as error:
        raise UserError(f"shard {name} is damaged: {error}; make the shards again.") from error
    except OSError as error:
        raise UserError(
            f"shard {name} cannot be read: {error.strerror}; check the disk, or make the shards"
            " again."
        ) from error
    return found


def _members(file: BinaryIO, end: int) -> Iterator[tuple[str, int, int]]:
    """Name, offset and size of each member of a tar, with every header checked."""
    offset = 0
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
    """Name and size from a ustar header (POSIX.1-1988), which must be as `tar_header` writes it."""
    try:
        name = header[:100].rstrip(b"\0").decode("ascii")
        size = int(header[124:135], 8)
    except ValueError as error:
        raise ValueError(f"bad header at byte {offset}") from error
    if b"%011o\0" % size != header[124:136] or b"%06o\0 " % _checksum(header) != header[148:156]:
        raise ValueError(f"bad header at byte {offset}")
    if header[156:157] != tarfile.REGTYPE:
        raise ValueError(f"member {name!r} is no plain file")
    # Else another reader of tars could see another name than this one.
    if _fixed_fields(header) != FIXED_FIELDS:
        raise ValueError(f"bad header at byte {offset}")
    return name, size


def _split_name(name: str) -> tuple[str, str]:
    key, _, member = name.partition(".")
    if not KEY.fullmatch(key) or member not in (COLOR, LINE, JSON):
        raise ValueError(f"member {name!r} is none that make_shards.py writes")
    return key, member


def _sample_members(key: str, places: dict[str, tuple[int, int]]) -> SampleMembers:
    for member in (COLOR, LINE, JSON):
        if member not in places:
            raise ValueError(f"{key}.{member} is missing")
    return SampleMembers(key, places[COLOR], places[LINE], places[JSON])
