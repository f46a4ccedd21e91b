"""Characters that have several pictures: --group-by."""

from dataclasses import replace
from pathlib import Path

import pytest

from colorizer.making.config import FolderConfig, ListConfig, PairedConfig, TarsConfig
from colorizer.making.pipeline import make_shards
from colorizer.system.errors import UserError
from tests.helpers.making import (
    OUTPUT,
    encoded,
    find,
    noise,
    read_set,
    save,
    ten_pictures,
    without_workers,
    write_tar,
)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderConfig:
    """Twelve characters of three pictures each, and one without a folder."""
    without_workers(monkeypatch)
    for number in range(36):
        name = f"book/girl {number // 3}/girl{number // 3}_{number}.png"
        save(tmp_path / "pictures" / name, noise(number))
    save(tmp_path / "pictures" / "alone.png", noise(99))
    config = ten_pictures(tmp_path / "pictures", tmp_path / "made")
    return replace(config, size=32, held_out=0.4)


def sides(output: Path) -> dict[str | None, set[str]]:
    found: dict[str | None, set[str]] = {}
    for name, sample in read_set(output).items():
        found.setdefault(sample.get("group"), set()).add(name.split("/")[0])
    return found


@pytest.mark.parametrize(
    ("group_by", "name"), [("parent", "book/girl {}"), (r"(girl\d+)_\d+[.]", "girl{}")]
)
def test_groups_are_stored_counted_and_never_split(
    config: FolderConfig, group_by: str, name: str
) -> None:
    report = make_shards(replace(config, group_by=group_by))
    assert (report.train + report.held_out, report.groups, report.grouped) == (37, 12, 36)
    found = sides(config.output)
    assert set(found) == {None} | {name.format(number) for number in range(12)}
    assert all(len(side) == 1 for side in found.values())
    assert set.union(*found.values()) == {"train", "held-out"}
    assert sum(side == {"held-out"} for side in found.values()) == 5  # of 13, one of them alone


def test_without_groups_the_pictures_are_split_one_by_one(config: FolderConfig) -> None:
    report = make_shards(config)
    assert (report.groups, report.grouped) == (0, 0)
    assert sides(config.output) == {None: {"train", "held-out"}}


def test_duplicates_do_not_count_into_groups(config: FolderConfig) -> None:
    save(config.folder / "zz" / "again.png", noise(0))
    report = make_shards(replace(config, group_by="parent"))
    assert (report.groups, report.grouped) == (12, 36)


@pytest.mark.parametrize(
    ("group_by", "words"),
    [
        ("(girl", "is no regular expression"),
        ("[", "is no regular expression"),
        (r"girl\d+", "brackets"),
        (r"(girl)(\d+)", "brackets"),
        ("", "brackets"),
    ],
)
def test_bad_pattern_is_refused_before_any_work(
    config: FolderConfig, group_by: str, words: str
) -> None:
    with pytest.raises(UserError, match=f"--group-by .*{words}"):
        make_shards(replace(config, group_by=group_by))
    assert not config.output.exists()


def test_pattern_that_matches_nothing_in_its_brackets_gives_no_group(config: FolderConfig) -> None:
    items, _ = find(replace(config, group_by=r"girl(x?)"))
    assert {item.group for item in items} == {None}


def test_every_source_groups_by_its_own_paths(tmp_path: Path) -> None:
    save(tmp_path / "colour" / "ann" / "1.png", noise(0))
    save(tmp_path / "line" / "ann" / "1.png", noise(1))
    (tmp_path / "list.txt").write_text("colour/ann/1.png\n")
    write_tar(tmp_path / "tars" / "a.tar", [("ann/1.png", encoded(noise(0)))])
    for config, group in (
        (PairedConfig(folder=tmp_path, output=OUTPUT, group_by="parent"), "ann"),
        (ListConfig(file=tmp_path / "list.txt", output=OUTPUT, group_by="parent"), "colour/ann"),
        (TarsConfig(tars=tmp_path / "tars", output=OUTPUT, group_by="parent"), "ann"),
    ):
        ((item,), _) = find(config)
        assert item.group == group
