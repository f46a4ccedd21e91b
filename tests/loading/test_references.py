"""Which picture is whose reference."""

import numpy as np
import pytest

from colorizer.loading.references import groups, numbered, random_references, same_group
from colorizer.shards.reader import ShardReader
from colorizer.shards.writer import ShardWriter
from colorizer.system.errors import UserError

GROUPS = ["a", "b", "a", "c", "a", "b"]


def test_groups_are_numbered_in_the_order_of_their_names():
    assert numbered(["b", "é", "a", "b"]).tolist() == [1, 2, 0, 1]


def test_a_very_long_name_takes_its_own_memory_alone():
    names = ["x" * 1_000_000, *map(str, range(1000))]  # 4 GB if each took as much
    assert sorted(numbered(names)) == list(range(1001))
    assert sorted(random_references(names, 0)) == list(range(1001))


def test_partners_are_of_the_same_group_and_never_oneself():
    assert same_group(GROUPS) == [2, 5, 4, None, 0, 1]


@pytest.mark.parametrize("seed", range(20))
def test_random_references_are_of_another_group_and_each_serves_once(seed):
    drawn = random_references(GROUPS, seed)
    assert all(GROUPS[other] != group for group, other in zip(GROUPS, drawn, strict=True))
    assert sorted(drawn) == list(range(len(GROUPS)))
    assert drawn == random_references(GROUPS, seed)


def test_every_other_group_is_drawn_and_equally_often():
    pairs = [str(n // 2) for n in range(8)]  # four
    drawn = np.array([random_references(pairs, seed) for seed in range(600)])
    counts = np.bincount(drawn[:, 0], minlength=8)
    assert counts[:2].sum() == 0
    assert counts[2:].min() > 60  # 100 each are expected


def test_partners_in_a_group_get_references_of_different_groups_as_well():
    pairs = [str(n // 2) for n in range(20)]
    together = apart = 0
    for seed in range(50):
        drawn = random_references(pairs, seed)
        together += pairs[drawn[0]] == pairs[drawn[1]]
        apart += pairs[drawn[0]] != pairs[drawn[1]]
    assert apart > together > 0


@pytest.mark.parametrize("sizes", [(5, 5), (5, 3, 2), (1, 1), (6, 5, 1)])
def test_a_group_of_half_of_all_can_still_be_served(sizes):
    members = [str(n) for n, size in enumerate(sizes) for _ in range(size)]
    for seed in range(30):
        drawn = random_references(members, seed)
        assert sorted(drawn) == list(range(len(members)))
        assert all(members[other] != group for group, other in zip(members, drawn, strict=True))


@pytest.mark.parametrize("members", [["a", "a"], ["a", "a", "a", "b"]])
def test_where_a_group_is_most_of_all_only_oneself_is_avoided(members):
    drawn = random_references(members, 0)
    assert sorted(drawn) == list(range(len(members)))
    assert all(number != other for number, other in enumerate(drawn))


def test_a_single_picture_has_no_reference():
    assert random_references(["a"], 0) == [None]


# ---- Metadata that is as it was written, but not as make_shards.py writes it


@pytest.fixture
def reader_of(tmp_path, draw_scene):
    """`reader_of(metadata)` -> three samples, the second with this JSON."""

    def make(metadata: dict) -> ShardReader:
        with ShardWriter(tmp_path / "shards", 32, 10, {}) as writer:
            for number in range(3):
                scene = draw_scene(number, 32, 32)
                writer.write(f"s{number}", scene, scene[..., 0], metadata if number == 1 else {})
        return ShardReader(tmp_path / "shards")

    return make


@pytest.mark.parametrize("group", [{}, {"a": 1}, 3, ["a"], True, 1.5, ""])
def test_a_group_that_is_no_text_is_not_written(reader_of, group):
    with pytest.raises(ValueError, match="s1: bad group"):
        reader_of({"group": group})


def test_the_groups_are_known_without_a_picture(reader_of, monkeypatch):
    reader = reader_of({"group": "mia"})
    monkeypatch.setattr("colorizer.shards.reader.ShardReader.read_encoded", None)
    assert groups(reader) == ["sample s0", "mia", "sample s2"]


@pytest.mark.parametrize(
    "character",
    [
        *(3, None, [], "x", {}, {"seed": "x", "pose": 0}, {"seed": 1}, {"pose": 1}),
        *({"seed": -1, "pose": 0}, {"seed": 1.5, "pose": 0}, {"seed": True, "pose": 0}),
        *({"seed": 1, "pose": []}, {"seed": [1], "pose": 0}),
    ],
)
def test_a_character_that_cannot_be_drawn_is_refused_by_name(reader_of, character):
    reader = reader_of({"character": character})
    for read in (reader.metadata, reader.__getitem__):
        with pytest.raises(
            UserError, match=r"sample s1 cannot be read \(its character has no seed"
        ):
            read(1)
        read(2)


def test_a_character_of_an_unknown_art_is_refused_by_name(reader_of):
    reader = reader_of({"character": {"seed": 1, "pose": 0, "art": "etched"}})
    with pytest.raises(UserError, match=r"sample s1 cannot be read .*an art that this version"):
        reader.metadata(1)


def test_what_is_absent_or_right_is_taken(reader_of):
    right = {"group": "a/b", "character": {"seed": 10**30, "pose": 0, "more": None}, "size": "?"}
    reader = reader_of(right)
    assert reader[1].metadata == right
    assert groups(reader) == ["sample s0", "a/b", "sample s2"]
