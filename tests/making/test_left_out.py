"""What no source reads: excluded names, what systems keep beside pictures, links to folders."""

from pathlib import Path

from colorizer.making.config import (
    FolderConfig,
    ListConfig,
    PairedConfig,
    SideBySideConfig,
    TarsConfig,
)
from tests.helpers.making import OUTPUT, encoded, find, grey, save, write_tar


def test_every_source_leaves_out_what_is_excluded(tmp_path: Path) -> None:
    names = ("a.png", "old/b.png", "c_thumb.png")
    for name in names:
        for half in ("colour", "line"):
            save(tmp_path / half / name, grey(0))
    write_tar(tmp_path / "x.tar", [(name, encoded(grey(0))) for name in names])
    write_tar(tmp_path / "old" / "y.tar", [("a.png", encoded(grey(0)))])
    (tmp_path / "list.txt").write_text("".join(f"colour/{name}\n" for name in names))
    shared = {"output": OUTPUT, "exclude": ("old", "*_thumb.png")}
    for config, source in (
        (FolderConfig(folder=tmp_path / "colour", **shared), "a.png"),
        (SideBySideConfig(folder=tmp_path / "colour", **shared), "a.png"),
        (PairedConfig(folder=tmp_path, **shared), "colour/a.png"),
        (ListConfig(file=tmp_path / "list.txt", **shared), "colour/a.png"),
        (TarsConfig(tars=tmp_path, **shared), "x.tar/a"),
    ):
        items, rejections = find(config)
        assert [item.source for item in items] == [source] and not rejections


def test_hidden_thumbnails_in_a_tar_are_passed_over(tmp_path: Path) -> None:
    names = ("./a/b.png", "__MACOSX/a/b.png", "a/._b.png", "a/@eaDir/b.jpg", ".cache/b.png")
    write_tar(tmp_path / "x.tar", [(name, encoded(grey(0))) for name in names])
    items, rejections = find(TarsConfig(tars=tmp_path, output=OUTPUT))
    assert [item.source for item in items] == ["x.tar/./a/b"] and not rejections


# ---- Links to folders


def test_halves_that_are_links_are_paired_and_other_links_are_named(tmp_path: Path) -> None:
    for half in ("colour", "line"):
        save(tmp_path / "disk" / half / "a.png", grey(0))
        save(tmp_path / "disk" / "scene" / half / "b.png", grey(0))
    root = tmp_path / "root"
    (root / "mia").mkdir(parents=True)
    for half in ("colour", "line"):
        (root / "mia" / half).symlink_to(tmp_path / "disk" / half)
    (root / "scene").symlink_to(tmp_path / "disk" / "scene")
    items, (rejection,) = find(PairedConfig(folder=root, output=OUTPUT))
    assert [item.source for item in items] == ["mia/colour/a.png"]
    assert (rejection.source, rejection.reason) == ("scene", "link to a folder")
    top = tmp_path / "top"
    top.mkdir()
    for half in ("colour", "line"):
        (top / half).symlink_to(tmp_path / "disk" / half)
    items, rejections = find(PairedConfig(folder=top, output=OUTPUT))
    assert [item.source for item in items] == ["colour/a.png"] and not rejections


def test_a_link_to_a_folder_of_tars_is_named(tmp_path: Path) -> None:
    write_tar(tmp_path / "disk" / "y.tar", [("a.png", encoded(grey(0)))])
    write_tar(tmp_path / "tars" / "x.tar", [("a.png", encoded(grey(0)))])
    (tmp_path / "tars" / "more").symlink_to(tmp_path / "disk")
    items, (rejection,) = find(TarsConfig(tars=tmp_path / "tars", output=OUTPUT))
    assert [item.source for item in items] == ["x.tar/a"]
    assert (rejection.source, rejection.reason) == ("more", "link to a folder")


def test_a_split_is_told_without_what_is_excluded(tmp_path: Path) -> None:
    """Neither are excluded folders part of it, nor are they named as not read."""
    for name in ("train/a.png", "test/b.png", "val/c.png", "sketches/d.png"):
        save(tmp_path / name, grey(0))
    config = FolderConfig(folder=tmp_path, output=OUTPUT, exclude=("val", "sketches"))
    items, rejections = find(config)
    assert {item.source: item.split for item in items} == {
        "train/a.png": "train",
        "test/b.png": "held-out",
    }
    assert not rejections
