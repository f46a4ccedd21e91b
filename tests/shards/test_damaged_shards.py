"""The shard format: damage is noticed and named, in an index and in a shard."""

import dataclasses
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from colorizer.shards.index import ShardEntry, read_index
from colorizer.system.errors import UserError
from tests.helpers.spoiling import scan_file

# ---- A damaged index


def test_missing_index_says_what_to_do(tmp_path: Path, shard_folder: Path) -> None:
    with pytest.raises(UserError, match="make its shards with colorizer-make-shards"):
        read_index(tmp_path)
    with pytest.raises(UserError, match="is not a folder"):
        read_index(tmp_path / "gone")
    (tmp_path / "set").mkdir()
    shard_folder.rename(tmp_path / "set" / "train")
    with pytest.raises(UserError, match="train/"):
        read_index(tmp_path / "set")


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"size": "32"},
        {"size": True},
        {"samples": 11},
        {"settings": []},
        {"shards": {}},
        {"groups": {}},
        {"groups": ["b", "a"]},
        {"groups": ["a", "a"]},
        {"groups": [1]},
        {"shards": [{"name": "../000000.tar", "samples": 10, "bytes": 1, "sha256": "0"}]},
        {"shards": [{"name": "pipe:ls.tar", "samples": 10, "bytes": 1, "sha256": "0"}]},
        {"shards": [{"name": "000000.tar", "samples": -1, "bytes": 1, "sha256": "0"}]},
        {"shards": ["000000.tar"]},
    ],
)
def test_changed_index_is_refused(shard_folder: Path, change: dict) -> None:
    path = shard_folder / "index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError, match=r"index\.json"):
        read_index(shard_folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe"])
def test_unreadable_index_is_refused(shard_folder: Path, content: bytes) -> None:
    (shard_folder / "index.json").write_bytes(content)
    with pytest.raises(UserError, match=r"index\.json"):
        read_index(shard_folder)


def test_missing_or_cut_shard_is_named(shard_folder: Path) -> None:
    shard = shard_folder / "000001.tar"
    whole = shard.read_bytes()
    for cut in (0, 512, len(whole) // 2, len(whole) - 1):
        shard.write_bytes(whole[:cut])
        with pytest.raises(UserError, match=r"000001\.tar"):
            read_index(shard_folder)
    shard.unlink()
    with pytest.raises(UserError, match=r"000001\.tar"):
        read_index(shard_folder)


@pytest.mark.parametrize("address", ["pipe:touch proof", "s3://bucket/a", "http://localhost/a"])
def test_addresses_are_refused_and_nothing_is_started(address, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"is no folder on this machine, and no address"):
        read_index(Path(address) / "train")
    assert not list(tmp_path.iterdir())


# ---- A damaged shard, behind an index that fits its size


@pytest.fixture
def shard(shard_folder: Path) -> tuple[Path, ShardEntry]:
    return shard_folder / "000000.tar", read_index(shard_folder).shards[0]


def refuse(path: Path, data: bytes, entry: ShardEntry, match: str) -> None:
    path.write_bytes(data)
    with pytest.raises(UserError, match=match) as refusal:
        scan_file(path, dataclasses.replace(entry, bytes=len(data)))
    assert path.name in str(refusal.value)


def test_any_changed_header_byte_is_noticed(shard) -> None:
    path, entry = shard
    whole = path.read_bytes()
    header = scan_file(path, entry)[1].line[0] - 512
    for place in (0, 5, 99, 100, 124, 130, 148, 153, 156, 157, 257, 300, 511):
        data = bytearray(whole)
        data[header + place] ^= 1
        refuse(path, bytes(data), entry, "damaged")


def test_cut_at_any_place_is_noticed(shard) -> None:
    path, entry = shard
    whole = path.read_bytes()
    members = scan_file(path, entry)
    places = (
        0,
        100,  # in the first header
        members[2].color[0] + 10,  # in data
        members[2].color[0] - 512,  # between samples
        members[2].line[0] - 512,  # between members
        len(whole) - 1024,  # the end mark is gone
        len(whole) - 512,
    )
    for place in places:
        refuse(path, whole[:place], entry, "damaged")


def test_fewer_samples_than_indexed_are_noticed(shard) -> None:
    path, entry = shard
    cut = scan_file(path, entry)[2].color[0] - 512
    data = path.read_bytes()[:cut] + bytes(1024)  # a valid tar of two samples
    refuse(path, data, entry, "2 samples, 4 by its index")


def tar_of(members: list[tarfile.TarInfo]) -> bytes:
    """A tar of empty members."""
    return b"".join(member.tobuf(tarfile.USTAR_FORMAT) for member in members) + bytes(1024)


def plain(name: str) -> tarfile.TarInfo:
    return tarfile.TarInfo(name)


def link(name: str, kind: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, "/etc/passwd"
    return member


SAMPLE = ("color.webp", "line.webp", "json")


@pytest.mark.parametrize(
    ("members", "match"),
    [
        ([plain(f"a.{member}") for member in SAMPLE[:2]], r"a\.json is missing"),
        ([plain(f"a.{member}") for member in SAMPLE[1:]], r"a\.color\.webp is missing"),
        ([plain(f"a.{member}") for member in (*SAMPLE, *SAMPLE)], "'a' is there twice"),
        ([plain("/a.json")], "'/a.json'"),
        ([plain("../a.json")], "'../a.json'"),
        ([plain("b/a.json")], "'b/a.json'"),
        ([plain("a.pickle")], "'a.pickle'"),
        ([link("a.json", tarfile.SYMTYPE)], "no plain file"),
        ([link("a.json", tarfile.LNKTYPE)], "no plain file"),
        ([link("a.json", tarfile.DIRTYPE)], "no plain file"),
    ],
)
def test_foreign_members_are_refused(shard, members: list[tarfile.TarInfo], match: str) -> None:
    path, entry = shard
    refuse(path, tar_of(members), dataclasses.replace(entry, samples=1), match)


def test_random_bytes_are_refused(shard) -> None:
    path, entry = shard
    noise = np.random.default_rng(0).integers(0, 256, 5000, np.uint8).tobytes()
    refuse(path, noise, entry, "damaged")
