"""The shard format: exact round trips of pictures, samples and groups, and what the writer refuses.

Damage is in test_damaged_shards.py.
"""

import hashlib
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import webdataset

from colorizer.shards.encoding import decode_color, decode_line, encode_color, encode_line
from colorizer.shards.index import Index, read_index
from colorizer.shards.reader import ShardReader
from colorizer.shards.writer import ShardWriter
from colorizer.system.errors import UserError
from tests.helpers.spoiling import scan_file

SIDE = 32


def read_sample(path: Path, members) -> tuple[np.ndarray, np.ndarray, dict]:
    data = path.read_bytes()
    color, line, text = (
        data[offset : offset + size] for offset, size in (members.color, members.line, members.json)
    )
    return decode_color(color), decode_line(line), json.loads(text)


def blank(value: int = 255) -> tuple[np.ndarray, np.ndarray]:
    return np.full((SIDE, SIDE, 3), value, np.uint8), np.full((SIDE, SIDE), value, np.uint8)


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
        for members in scan_file(path, shard):
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
