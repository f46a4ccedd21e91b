"""The split that pictures come with is kept, for every source, and what is not read is named."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from colorizer.making.config import (
    FolderConfig,
    ListConfig,
    PairedConfig,
    PicturesConfig,
    SideBySideConfig,
    TarsConfig,
)
from colorizer.making.pipeline import make_shards
from colorizer.making.sources import source_of
from colorizer.making.sources.own_split import OwnSplit, own_split_of, word_of
from colorizer.system.errors import UserError
from tests.helpers.making import (
    encoded,
    find,
    noise,
    read_set,
    reasons,
    save,
    without_workers,
    write_tar,
)

SOURCES = ("folder", "side-by-side", "paired", "paired within", "list", "tars", "tars by name")


def split_source(kind: str, folder: Path, names: dict[str, int]) -> PicturesConfig:
    """Pictures, so many for each name, as one source of this kind."""
    made = {"output": folder.with_name("made"), "size": 32}
    seed, listed = 0, []
    for name, count in names.items():
        members = []
        for number in range(count):
            seed += 1
            wide = noise(seed, 64, 32)
            if kind in ("folder", "side-by-side", "list"):
                save(folder / name / f"{number}.png", wide)
                listed.append(f"{name}/{number}.png\n")
            for half, pixels in (("colour", noise(seed)), ("line", noise(seed + 99))):
                if kind == "paired":
                    save(folder / name / half / f"{number}.png", pixels)
                elif kind == "paired within":
                    save(folder / half / name / f"{number}.png", pixels)
            members.append((f"{number}.png", encoded(wide)))
        if kind == "tars":
            write_tar(folder / name / "0.tar", members)
        elif kind == "tars by name":
            write_tar(folder / f"set-{name}-000{len(name)}.tar", members)
    if kind == "list":
        (folder / "list.txt").write_text("".join(listed))
        return ListConfig(file=folder / "list.txt", **made)
    if kind.startswith("tars"):
        return TarsConfig(tars=folder, **made)
    if kind == "side-by-side":
        return SideBySideConfig(folder=folder, **made)
    return (FolderConfig if kind == "folder" else PairedConfig)(folder=folder, **made)


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize(
    ("names", "kept", "unread"),
    [
        ({"train": 3, "test": 2}, (3, 2), None),
        ({"train": 3, "val": 1, "test": 2}, (3, 1), "test"),
    ],
)
def test_a_given_split_is_kept_for_every_source(
    tmp_path: Path, monkeypatch, capsys, kind: str, names: dict, kept: tuple, unread: str | None
) -> None:
    without_workers(monkeypatch)
    config = split_source(kind, tmp_path / "in", names)
    report = make_shards(config)
    assert report is not None and (report.train, report.held_out) == kept
    for name, sample in read_set(config.output).items():
        assert name.startswith("train/") == ("train" in sample["source"])
    said = " ".join(capsys.readouterr().err.split())
    assert ("not read" in said) == (unread is not None)
    if unread is not None:
        assert "not read, beside train/ and val/: " in said and report.rejected
    with pytest.raises(UserError, match=r"is split into train/ and (val|test)/, .* leave out"):
        make_shards(replace(config, held_out=0.5, output=tmp_path / "other"))


@pytest.mark.parametrize(
    ("names", "split"),
    [
        ("Train VAL", ("Train", "VAL")),
        ("training validation", ("training", "validation")),
        ("train dev", ("train", "dev")),
        ("train_10k test_2k_540p test_2k_annotations", ("train_10k", "test_2k_540p")),
        ("train train_10k test test_2k", ("train", "test")),
        ("train held-out", ("train", "held-out")),  # our own
        ("test val train", ("train", "val")),
        ("train trains", None),
        ("trainA testA", None),
        ("train_station val", None),
        ("val test", None),
        ("", None),
    ],
)
def test_names_of_a_split(names: str, split: tuple[str, str] | None) -> None:
    assert own_split_of(names.split()) == (split and OwnSplit(*split))


@pytest.mark.parametrize(
    ("tar", "word"),
    [
        ("train.tar", "train"),
        ("train-000001.tar", "train"),
        ("imagenet1k-validation-03.tar", "validation"),
        ("VAL_7.tar", "val"),
        ("00000.tar", ""),
        ("constrain-1.tar", "constrain"),
    ],
)
def test_the_word_of_a_tars_name(tar: str, word: str) -> None:
    assert word_of(tar) == word


def test_our_own_shards_keep_their_split(tmp_path: Path, monkeypatch) -> None:
    without_workers(monkeypatch)
    first = replace(split_source("folder", tmp_path / "in", {"a": 8}), held_out=0.25)
    make_shards(first)
    report = make_shards(TarsConfig(tars=first.output, output=tmp_path / "again", size=32))
    assert report is not None and (report.train, report.held_out) == (6, 2)


@pytest.mark.parametrize("absolute", [True, False])
def test_a_list_is_split_below_the_folder_that_its_pictures_share(
    tmp_path: Path, absolute: bool
) -> None:
    names = ("x/data/train/a/1.png", "x/data/val/a/1.png", "x/data/readme.png")
    for number, name in enumerate(names):
        save(tmp_path / name, noise(number))
    (tmp_path / "lists").mkdir()
    prefix = f"{tmp_path}/" if absolute else "../"
    listing = tmp_path / "lists" / "all.txt"
    listing.write_text("".join(f"{prefix}{name}\n" for name in names))
    config = ListConfig(file=listing, output=tmp_path / "made")
    assert [item.split for item in find(config)[0]] == ["train", "held-out"]
    assert reasons(config) == {f"{prefix}{names[2]}": "beside train/ and val/"}
    listing.write_text(f"{prefix}{names[0]}\n{prefix}{names[2]}\n")
    os.utime(listing, (1, 1))
    assert [item.split for item in find(config)[0]] == [None, None]


def test_a_list_that_is_all_of_train_has_no_split(tmp_path: Path) -> None:
    save(tmp_path / "train" / "val" / "1.png", noise(0))
    (tmp_path / "list.txt").write_text("train/val/1.png\n")
    source = source_of(ListConfig(file=tmp_path / "list.txt", output=tmp_path / "made"))
    assert source.own_split is None


def test_many_folders_that_are_not_read_are_named_in_part(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    without_workers(monkeypatch)
    config = split_source("folder", tmp_path / "in", {"train": 1, "val": 1})
    for number in range(9):
        save(tmp_path / "in" / f"other {number}" / "a.png", noise(number))
    make_shards(config)
    said = " ".join(capsys.readouterr().err.split())
    assert "other 0, other 1, other 2, other 3, other 4, other 5 and 3 more" in said
