"""The shard format: exact round trips, and damage that is noticed and named."""

import dataclasses
import hashlib
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import webdataset

from colorizer.shards.encoding import decode_color, decode_line, encode_color, encode_line
from colorizer.shards.format import scan_shard
from colorizer.shards.index import Index, ShardEntry, read_index
from colorizer.shards.reader import ShardReader
from colorizer.shards.writer import ShardWriter
from colorizer.system.errors import UserError

SIDE = 32


def read_sample(path: Path, members) -> tuple[np.ndarray, np.ndarray, dict]:
    data = path.read_bytes()
    color, line, text = (
        data[offset : offset + size] for offset, size in (members.color, members.line, members.json)
    )
    return decode_color(color), decode_line(line), json.loads(text)


# ---- Pictures


def test_color_round_trip_is_exact() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, 2 * SIDE, 3), np.uint8)
    assert np.array_equal(decode_color(encode_color(noise)), noise)


def test_line_round_trip_is_exact_for_every_grey() -> None:
    greys = np.random.default_rng(0).permutation(np.arange(256 * 8) % 256)
    greys = greys.astype(np.uint8).reshape(SIDE, -1)
    decoded = decode_line(encode_line(greys))
    assert np.array_equal(decoded, greys) and decoded.dtype == np.uint8


@pytest.mark.parametrize("decode", [decode_color, decode_line])
def test_undecodable_member_raises(decode) -> None:
    whole = encode_color(np.zeros((SIDE, SIDE, 3), np.uint8))
    for data in (b"", b"no picture", whole[:20]):
        with pytest.raises(ValueError, match="a picture is not a whole"):
            decode(data)


# ---- Writing and reading


def test_samples_come_back_as_written(shard_folder: Path, draw_scene) -> None:
    index = read_index(shard_folder)
    assert (index.size, index.samples, index.settings) == (32, 10, {"source": "test"})
    assert [shard.samples for shard in index.shards] == [4, 4, 2]
    number = 0
    for shard in index.shards:
        path = shard_folder / shard.name
        assert hashlib.sha256(path.read_bytes()).hexdigest() == shard.sha256
        for members in scan_shard(path, shard):
            color, line, metadata = read_sample(path, members)
            assert members.key == f"scene-{number}"
            assert np.array_equal(color, draw_scene(number, 32, 32))
            assert line.shape == (32, 32)
            assert metadata == {"number": number}
            number += 1
    assert number == 10


def test_webdataset_streams_the_shards(shard_folder: Path, draw_scene) -> None:
    shards = [str(path) for path in sorted(shard_folder.glob("*.tar"))]
    samples = list(webdataset.WebDataset(shards, shardshuffle=False))
    assert [sample["__key__"] for sample in samples] == [f"scene-{n}" for n in range(10)]
    for number, sample in enumerate(samples):
        assert {"color.webp", "line.webp", "json"} <= set(sample)
        assert np.array_equal(decode_color(sample["color.webp"]), draw_scene(number, 32, 32))
        assert json.loads(sample["json"]) == {"number": number}


def test_members_say_nothing_of_time_or_owner(shard_folder: Path) -> None:
    with tarfile.open(shard_folder / "000000.tar") as tar:
        for member in tar:
            assert (member.mtime, member.uid, member.gid, member.mode) == (0, 0, 0, 0o644)
            assert (member.uname, member.gname) == ("", "")


def test_no_samples_give_an_index_without_shards(tmp_path: Path) -> None:
    with ShardWriter(tmp_path / "empty", SIDE, 4, {}):
        pass
    index = read_index(tmp_path / "empty")
    assert index.shards == () and index.samples == 0
    assert [path.name for path in (tmp_path / "empty").iterdir()] == ["index.json"]


def blank(value: int = 255) -> tuple[np.ndarray, np.ndarray]:
    return np.full((SIDE, SIDE, 3), value, np.uint8), np.full((SIDE, SIDE), value, np.uint8)


def test_exception_leaves_no_final_name_for_the_open_shard(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), ShardWriter(tmp_path, SIDE, 2, {}) as writer:
        for number in range(3):
            writer.write(f"key-{number}", *blank(), {})
        raise RuntimeError
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000000.tar", "000001.tar.partial"]


def test_writer_refuses_a_folder_with_shards(shard_folder: Path) -> None:
    before = (shard_folder / "index.json").read_bytes()
    with pytest.raises(UserError, match="already holds shards"):
        ShardWriter(shard_folder, SIDE, 4, {}).__enter__()
    assert (shard_folder / "index.json").read_bytes() == before


@pytest.mark.parametrize("key", ["", "a.b", "../a", "a/b", "ä", "k" * 81])
def test_writer_refuses_unsafe_keys(tmp_path: Path, key: str) -> None:
    refused = pytest.raises(ValueError, match="bad or repeated key")
    with refused, ShardWriter(tmp_path, SIDE, 4, {}) as writer:
        writer.write(key, *blank(), {})


def test_writer_refuses_another_shape(tmp_path: Path) -> None:
    color, line = blank()
    refused = pytest.raises(ValueError, match="a: color is")
    with refused, ShardWriter(tmp_path, SIDE, 4, {}) as writer:
        writer.write("a", color[1:], line, {})


def test_full_disk_is_one_sentence(tmp_path: Path) -> None:
    full = tmp_path / "000000.tar.partial"
    full.symlink_to("/dev/full")
    with pytest.raises(UserError, match="No space left"), ShardWriter(tmp_path, SIDE, 9, {}) as w:
        noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
        for number in range(9):
            w.write(f"key-{number}", noise, noise[..., 0], {})
    assert not (tmp_path / "000000.tar").exists()
    assert not (tmp_path / "index.json").exists()


# ---- Groups


def groups_of(index: Index) -> list[str | None]:
    places = [(s, p) for s, shard in enumerate(index.shards) for p in range(shard.samples)]
    return [index.group_of(*place) for place in places]


def test_the_index_has_the_group_of_every_sample(tmp_path: Path) -> None:
    wanted = ["mia", None, "ben", "mia", "anna \udcff", None, "ben"]
    with ShardWriter(tmp_path, SIDE, 3, {}) as writer:
        for number, group in enumerate(wanted):
            metadata = {} if group is None else {"group": group}
            writer.write(f"key-{number}", *blank(), metadata)
    index, reader = read_index(tmp_path), ShardReader(tmp_path)
    assert groups_of(index) == groups_of(writer.index) == wanted
    assert index.groups == ("anna \udcff", "ben", "mia")
    assert reader.groups.tolist() == [2, -1, 1, 2, 0, -1, 1] and reader.groups.itemsize == 4
    assert [reader[n].metadata.get("group") for n in range(7)] == wanted


@pytest.mark.parametrize(
    "groups", [[0, 0], [0, 0, 0], [0, None, 2, 0], [0, -1, 1, 0], [0, True, 1, 0], ["a"] * 4]
)
def test_groups_that_no_writer_gives_are_refused(tmp_path: Path, groups: list) -> None:
    with ShardWriter(tmp_path, SIDE, 4, {}) as writer:
        for number, group in enumerate("abba"):
            writer.write(f"key-{number}", *blank(), {"group": group})
    path = tmp_path / "index.json"
    index = json.loads(path.read_text())
    index["shards"][0]["groups"] = groups
    path.write_text(json.dumps(index))
    with pytest.raises(UserError, match=r"index\.json is damaged \((no group is|groups are of)"):
        read_index(tmp_path)


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


# ---- A damaged shard, behind an index that fits its size


@pytest.fixture
def shard(shard_folder: Path) -> tuple[Path, ShardEntry]:
    return shard_folder / "000000.tar", read_index(shard_folder).shards[0]


def refuse(path: Path, data: bytes, entry: ShardEntry, match: str) -> None:
    path.write_bytes(data)
    with pytest.raises(UserError, match=match) as refusal:
        scan_shard(path, dataclasses.replace(entry, bytes=len(data)))
    assert path.name in str(refusal.value)


def test_any_changed_header_byte_is_noticed(shard) -> None:
    path, entry = shard
    whole = path.read_bytes()
    header = scan_shard(path, entry)[1].line[0] - 512
    for place in (0, 5, 99, 100, 124, 130, 148, 153, 156, 157, 257, 300, 511):
        data = bytearray(whole)
        data[header + place] ^= 1
        refuse(path, bytes(data), entry, "damaged")


def test_cut_at_any_place_is_noticed(shard) -> None:
    path, entry = shard
    whole = path.read_bytes()
    members = scan_shard(path, entry)
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


@pytest.mark.parametrize("address", ["pipe:touch proof", "s3://bucket/a", "http://localhost/a"])
def test_addresses_are_refused_and_nothing_is_started(address, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"addresses and pipes are not opened; give a folder"):
        read_index(Path(address) / "train")
    assert not list(tmp_path.iterdir())


def test_fewer_samples_than_indexed_are_noticed(shard) -> None:
    path, entry = shard
    cut = scan_shard(path, entry)[2].color[0] - 512
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
