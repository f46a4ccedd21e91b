"""Members that nobody but an enemy writes are refused, though their checksums are right."""

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from colorizer.shards.encoding import decode_color, decode_line, encode_line
from colorizer.shards.format import MAX_BYTES
from colorizer.shards.reader import ShardReader
from tests.helpers.checked_reads import (
    CANNOT_BE_READ,
    NOT_AS_WRITTEN,
    READS,
    Read,
    by_number,
    refusal,
    streamed,
)
from tests.helpers.spoiling import MEMBERS, forge

SIDE = 32


# ---- Pictures


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


# ---- JSON


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


# ---- Sizes


def test_a_member_that_is_larger_than_any_of_ours_is_refused(shard_folder, monkeypatch):
    monkeypatch.setitem(MAX_BYTES, "json", 10)
    said = refusal(by_number, ShardReader(shard_folder), 2)
    assert "scene-0.json has 13 bytes, more than a picture or its JSON needs" in said
