"""Every sample is checked whenever it is read, in training and in evaluation alike."""

import errno
import io
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from colorizer.evaluation.stream import stream
from colorizer.shards.encoding import decode_color, decode_line, encode_line
from colorizer.shards.format import MAX_BYTES, SampleMembers, scan_shard
from colorizer.shards.index import ShardEntry
from colorizer.shards.reader import ShardReader
from colorizer.shards.writer import ShardWriter
from colorizer.system.errors import UserError
from tests.helpers.spoiling import MEMBERS, flip, forge, members_of, place_of

SIDE = 32
NOT_AS_WRITTEN = (
    "shard {}: sample {} is not as it was written (its crc32 is not the one in index.json);"
    " make the shards again."
)
CANNOT_BE_READ = (
    "shard {}: sample {} cannot be read ({}); check the disk, or make the shards again."
)


@pytest.fixture
def reader(shard_folder: Path) -> ShardReader:
    """Of shards that are still good."""
    return ShardReader(shard_folder)


def by_number(reader: ShardReader, number: int) -> Any:
    return reader[number]


def metadata(reader: ShardReader, number: int) -> Any:
    return reader.metadata(number)


def streamed(reader: ShardReader, number: int) -> Any:
    ((_, sample),) = stream(reader.index, range(number, number + 1))
    return sample


READS = (by_number, metadata, streamed)
Read = Callable[[ShardReader, int], Any]


def refusal(read: Read, reader: ShardReader, number: int) -> str:
    with pytest.raises(UserError) as refused:
        read(reader, number)
    return str(refused.value)


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
    with ShardWriter(tmp_path / "other", SIDE, 4, {}) as writer:
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

    def then(path: Path, entry: ShardEntry) -> list[SampleMembers]:
        found = scan_shard(path, entry)
        happens()
        return found

    monkeypatch.setattr("colorizer.evaluation.stream.scan_shard", then)


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
        return Broken()

    monkeypatch.setattr("builtins.open", broken)
    monkeypatch.setattr("io.open", broken)  # Path.open's
    said = refusal(read, reader, 6)
    assert str(path) in said and "Input/output error" in said and "check the disk" in said
    assert "scene-6" in said or not begun or read is streamed  # else not even its key can be read


class Broken(io.RawIOBase):
    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return offset

    def read(self, size: int = -1) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


# ---- Members that nobody but an enemy writes: their checksums are right


def picture(side: int = SIDE, **options: Any) -> bytes:
    data = io.BytesIO()
    frame = Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8))
    if options.get("save_all"):
        options["append_images"] = [frame.rotate(90)]
    frame.save(data, **options)
    return data.getvalue()


def claiming(width: int, height: int, version: int = 0) -> bytes:
    """A small picture whose header claims another size."""
    data = bytearray(picture(format="WEBP", lossless=True))
    data[21:25] = struct.pack("<I", (width - 1) | (height - 1) << 14 | version << 29)
    return bytes(data)


GOOD = picture(format="WEBP", lossless=True)
NO_WEBP = "a picture is not a whole, simple, lossless WebP"
HOSTILE = {
    "empty": (b"", NO_WEBP),
    "png": (picture(format="PNG"), NO_WEBP),
    "gif": (picture(format="GIF"), NO_WEBP),
    "tiff": (picture(format="TIFF"), NO_WEBP),
    "lossy": (picture(format="WEBP", quality=80), NO_WEBP),
    "animated": (picture(format="WEBP", lossless=True, save_all=True), NO_WEBP),
    "extended": (picture(format="WEBP", lossless=True, xmp=b"<x/>"), NO_WEBP),
    "cut": (GOOD[:-2], NO_WEBP),
    "longer": (GOOD + b"\0\0", NO_WEBP),
    "huge": (claiming(16383, 16383), "a picture is 16383x16383, not 32x32"),
    "wide": (claiming(16384, 1), "a picture is 16384x1, not 32x32"),
    "next version": (claiming(SIDE, SIDE, version=1), "a picture is of an unknown version of WebP"),
    "small": (picture(16, format="WEBP", lossless=True), "a picture is 16x16, not 32x32"),
}


@pytest.mark.parametrize("read", [by_number, streamed])
@pytest.mark.parametrize("member", MEMBERS[:2])
@pytest.mark.parametrize("kind", HOSTILE)
def test_any_other_picture_is_refused_undecoded(
    shard_folder, monkeypatch, read: Read, member: str, kind: str
):
    data, reason = HOSTILE[kind]
    forge(shard_folder, member, data)
    reader = ShardReader(shard_folder)
    read(reader, 1)
    monkeypatch.setattr("cv2.imdecode", None)
    said = refusal(read, reader, 2)
    assert said == CANNOT_BE_READ.format(shard_folder / "000000.tar", "scene-2", reason)


@pytest.mark.parametrize("decode", [decode_color, decode_line])
def test_size_is_bounded_before_decoding(monkeypatch, decode):
    monkeypatch.setattr("cv2.imdecode", None)
    with pytest.raises(ValueError, match="16383x16383; at most 10000 a side"):
        decode(claiming(16383, 16383))


def test_a_damaged_picture_with_a_right_checksum_is_a_sentence(shard_folder):
    forge(shard_folder, "color.webp", GOOD[:30] + bytes(len(GOOD) - 30))
    said = refusal(by_number, ShardReader(shard_folder), 2)
    path = shard_folder / "000000.tar"
    assert said == CANNOT_BE_READ.format(path, "scene-2", "a picture is damaged")


def test_whatever_a_picture_holds_it_is_decoded_or_refused():
    rng = np.random.default_rng(0)
    refused = 0
    line = encode_line(np.eye(SIDE, dtype=np.uint8))
    for encoded, decode in ((GOOD, decode_color), (line, decode_line)):
        for _ in range(300):
            data = bytearray(encoded)
            for place in rng.integers(20, len(data), rng.integers(1, 6)):
                data[place] ^= 1 << rng.integers(8)
            try:
                assert decode(bytes(data)).dtype == np.uint8
            except ValueError:
                refused += 1
    assert refused > 100


JSONS = {
    b"": "its JSON is damaged: Expecting value: line 1 column 1 (char 0)",
    b"{": "its JSON is damaged: Expecting property name enclosed in double quotes: line 1 column 2"
    " (char 1)",
    b"[" * 100_000: "its JSON is damaged: it is nested too deeply",
    b'{"a": NaN}': "its JSON is damaged: NaN is no JSON",
    b"[1]": "its JSON is no object",
    b"null": "its JSON is no object",
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("data", JSONS, ids=range(len(JSONS)))
def test_json_that_is_no_object_is_refused(shard_folder, read: Read, data: bytes):
    forge(shard_folder, "json", data)
    said = refusal(read, ShardReader(shard_folder), 2)
    path = shard_folder / "000000.tar"
    assert said == CANNOT_BE_READ.format(path, "scene-2", JSONS[data])


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("group", ['"another"', "{}", "3"])
def test_another_group_than_the_indexs_is_named(shard_folder, read: Read, group: str):
    forge(shard_folder, "json", f'{{"group": {group}}}'.encode())
    said = refusal(read, ShardReader(shard_folder), 2)
    path = shard_folder / "000000.tar"
    assert said == NOT_AS_WRITTEN.format(path, "scene-2").replace("crc32", "group")


def test_a_member_that_is_larger_than_any_of_ours_is_refused(shard_folder, monkeypatch):
    monkeypatch.setitem(MAX_BYTES, "json", 10)
    said = refusal(by_number, ShardReader(shard_folder), 2)
    assert "scene-0.json has 13 bytes, more than a picture or its JSON needs" in said
