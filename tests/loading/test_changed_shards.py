"""Every sample is checked whenever it is read: in shards that change or go away, on bad disks.

Samples with right checksums that no writer of ours gives are in test_forged_samples.py.
"""

import errno
import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from colorizer.shards.format import SampleMembers
from colorizer.shards.reader import ShardReader
from colorizer.shards.writer import ShardWriter
from colorizer.system.errors import UserError
from tests.helpers.checked_reads import (
    CANNOT_BE_READ,
    NOT_AS_WRITTEN,
    READS,
    Read,
    by_number,
    metadata,
    refusal,
    streamed,
)
from tests.helpers.spoiling import MEMBERS, flip, members_of, place_of


@pytest.fixture
def reader(shard_folder: Path) -> ShardReader:
    """Of shards that are still good."""
    return ShardReader(shard_folder)


# ---- Changed bytes


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("member", MEMBERS)
def test_one_flipped_bit_in_any_member_is_named(shard_folder, reader, read: Read, member: str):
    path = shard_folder / "000001.tar"
    offset, size = place_of(members_of(shard_folder, 1)[2], member)
    for place in (offset, offset + size // 2, offset + size - 1):
        flip(path, place)
        assert refusal(read, reader, 6) == NOT_AS_WRITTEN.format(path, "scene-6")
        read(reader, 5), read(reader, 7)  # the others are as they were
        flip(path, place)
    read(reader, 6)


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("begun", [False, True])
def test_a_shard_replaced_by_one_of_the_same_size_is_found(
    shard_folder, reader, tmp_path, read: Read, begun: bool
):
    if begun:  # the members' places are known
        read(reader, 4)
    with ShardWriter(tmp_path / "other", reader.index.size, 4, {}) as writer:
        for number in range(4, 8):
            sample = reader[number]
            content = {"number": number if number != 6 else 9}
            writer.write(sample.key, sample.color, sample.line, content)
    path = shard_folder / "000001.tar"
    size = path.stat().st_size
    shutil.copy(tmp_path / "other" / "000000.tar", path)
    assert path.stat().st_size == size
    read(reader, 4), read(reader, 5), read(reader, 7)
    assert refusal(read, reader, 6) == NOT_AS_WRITTEN.format(path, "scene-6")


@pytest.mark.parametrize("read", READS)
def test_a_flipped_header_is_named(shard_folder, reader, read: Read):
    offset = members_of(shard_folder, 1)[2].line[0] - 512
    flip(shard_folder / "000001.tar", offset + 130)
    said = refusal(read, reader, 6)
    assert f"000001.tar is damaged: bad header at byte {offset}; make the shards again." in said


def test_two_flips_that_leave_a_headers_sum_alone_are_noticed(shard_folder, reader):
    path = shard_folder / "000001.tar"
    header = members_of(shard_folder, 1)[2].line[0] - 512
    data = bytearray(path.read_bytes())
    data[header + 300] += 1  # in the owner's name
    data[header + 263] -= 1  # in the version of ustar
    path.write_bytes(data)
    assert "bad header" in refusal(by_number, reader, 6)


# ---- Files that go away or get shorter


@pytest.mark.parametrize("change", ["empty", "cut", "remove"])
def test_a_shard_that_is_not_whole_at_the_start_is_refused(shard_folder, change: str):
    path = shard_folder / "000001.tar"
    spoil_file(path, change)
    with pytest.raises(UserError) as refused:
        ShardReader(shard_folder)
    assert f"shard {path} " in str(refused.value) and "make the shards again" in str(refused.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("empty", "the shard ends inside it"),
        ("cut", "the shard ends inside it"),
        ("remove", "No such file or directory"),
    ],
)
@pytest.mark.parametrize("read", [by_number, metadata])
def test_a_shard_that_changes_while_it_is_read_is_named(
    shard_folder, reader, read: Read, change: str, reason: str
):
    path = shard_folder / "000001.tar"
    read(reader, 4)
    spoil_file(path, change)
    assert refusal(read, reader, 6) == CANNOT_BE_READ.format(path, "scene-6", reason)
    read(reader, 0)


@pytest.mark.parametrize("change", ["empty", "cut", "remove"])
@pytest.mark.parametrize("read", READS)
def test_a_shard_that_changes_before_it_is_first_read_is_named(
    shard_folder, reader, read: Read, change: str
):
    spoil_file(shard_folder / "000001.tar", change)
    assert "000001.tar" in refusal(read, reader, 6)


def test_a_shard_cut_while_it_is_streamed_is_named(shard_folder, reader, monkeypatch):
    path = shard_folder / "000001.tar"
    after_scan(monkeypatch, lambda: spoil_file(path, "cut"))
    said = refusal(streamed, reader, 7)
    assert str(path) in said and "the shard has changed since it was opened" in said


def after_scan(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> None:
    """Between the look at a shard's headers and the streaming of it."""

    scan = ShardReader.scan

    def then(reader: ShardReader, shard: int) -> list[SampleMembers]:
        found = scan(reader, shard)
        happens()
        return found

    monkeypatch.setattr(ShardReader, "scan", then)


def spoil_file(path: Path, change: str) -> None:
    match change:
        case "empty":
            os.truncate(path, 0)
        case "cut":
            os.truncate(path, path.stat().st_size // 2)
        case "remove":
            path.unlink()


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("begun", [False, True])
def test_an_error_of_the_disk_is_a_sentence(
    shard_folder, reader, monkeypatch, read: Read, begun: bool
):
    if begun:
        read(reader, 4)
    real, path = open, shard_folder / "000001.tar"

    def broken(file, *arguments, **options):
        opened = real(file, *arguments, **options)
        if Path(file) != path:
            return opened
        opened.close()
        return Broken(path.stat().st_size)

    monkeypatch.setattr("builtins.open", broken)
    monkeypatch.setattr("io.open", broken)  # Path.open's
    said = refusal(read, reader, 6)
    assert str(path) in said and "Input/output error" in said and "check the disk" in said
    assert "scene-6" in said or not begun or read is streamed  # else not even its key can be read


class Broken(io.RawIOBase):
    def __init__(self, size: int) -> None:
        self.size = size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return offset + (self.size if whence == os.SEEK_END else 0)

    def read(self, size: int = -1) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))
