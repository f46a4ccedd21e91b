"""Colour and line in two files: paired folders, and lists."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from colorizer.making.config import ListConfig, PairedConfig
from colorizer.making.pipeline import make_shards
from colorizer.making.sources import source_of
from colorizer.pictures.decode import UnusablePicture, to_grey
from colorizer.shards.index import read_index
from colorizer.system.errors import UserError
from tests.helpers.making import (
    OUTPUT,
    find,
    grey,
    load,
    noise,
    read_rejected,
    read_set,
    reasons,
    samples_of,
    save,
    without_workers,
)


def pairs_of(path: Path) -> PairedConfig:
    return PairedConfig(folder=path, output=OUTPUT)


# ---- Paired folders


@pytest.mark.parametrize("color", ["colour", "color"])
def test_pairs_are_matched_by_stem(tmp_path: Path, color: str) -> None:
    save(tmp_path / color / "a.png", grey(10))
    save(tmp_path / color / "sub" / "a.jpg", grey(200))
    half = np.dstack((grey(0), np.full((20, 20), 128, np.uint8)))
    save(tmp_path / "line" / "a.webp", half, lossless=True)
    save(tmp_path / "line" / "sub" / "a.png", grey(30))
    pictures = load(pairs_of(tmp_path))
    assert list(pictures) == [f"{color}/a.png", f"{color}/sub/a.jpg"]
    first, second = pictures.values()
    assert (first.color == 10).all() and (first.line == 127).all()  # half transparent black
    assert (second.line == 30).all()
    assert first.metadata["lines"] == {"method": "given", "source": "line/a.webp"}


def test_lone_and_ambiguous_pictures_are_rejected(tmp_path: Path) -> None:
    names = "colour/lone.png line/other.png colour/two.png colour/two.jpg line/two.png"
    folders = "colour/only/x.png line/there/x.png"
    for name in (*names.split(), *folders.split(), "colour/good.png", "line/good.png"):
        save(tmp_path / name, grey(0))
    (tmp_path / "line" / "notes.txt").write_text("")
    items, rejections = find(pairs_of(tmp_path))
    assert [item.source for item in items] == ["colour/good.png"]
    assert reasons(pairs_of(tmp_path)) == {
        "colour/lone.png": "no partner",
        "colour/only/x.png": "no partner",
        "colour/two.jpg": "partners not clear",
        "colour/two.png": "partners not clear",
        "line/notes.txt": "not a picture",
        "line/other.png": "no partner",
        "line/there/x.png": "no partner",
        "line/two.png": "partners not clear",
    }
    (unclear,) = (one for one in rejections if one.source == "line/two.png")
    assert unclear.detail == "colour/two.jpg, colour/two.png"


def test_pair_of_unlike_shapes_names_both(tmp_path: Path) -> None:
    save(tmp_path / "colour" / "a.png", grey(0, 40, 30))
    save(tmp_path / "line" / "a.png", grey(0, 44, 30))
    with pytest.raises(UnusablePicture) as rejected:
        load(pairs_of(tmp_path))
    assert rejected.value.reason == "shapes of a pair differ"
    for words in ("40x30", "44x30", "line/a.png"):
        assert words in rejected.value.detail


def test_broken_line_is_named(tmp_path: Path) -> None:
    save(tmp_path / "colour" / "a.png", grey(0))
    line = save(tmp_path / "line" / "a.png", noise(0))
    line.write_bytes(line.read_bytes()[:200])
    with pytest.raises(UnusablePicture, match=r"line/a\.png") as rejected:
        load(pairs_of(tmp_path))
    assert rejected.value.reason == "broken"


def test_missing_half_of_the_folders_is_named(tmp_path: Path) -> None:
    save(tmp_path / "colour" / "a.png", grey(0))
    with pytest.raises(UserError, match="line/"):
        find(pairs_of(tmp_path))
    save(tmp_path / "line" / "a.png", grey(0))
    (tmp_path / "color").mkdir()
    with pytest.raises(UserError, match="one folder colour/"):
        find(pairs_of(tmp_path))


# ---- Paired folders that are split


@pytest.mark.parametrize(
    ("layout", "rejected"),
    [
        ("colour/{}/{}", {"colour/val/lone.png", "colour/test", "line/test"}),
        ("{}/colour/{}", {"val/colour/lone.png", "test"}),
    ],
)
def test_val_of_pairs_is_held_out(tmp_path, monkeypatch, layout: str, rejected: set[str]) -> None:
    without_workers(monkeypatch)
    names = ("train/a.png", "train/mia/a.png", "val/mia/a.png", "test/b.png", "val/lone.png")
    for number, name in enumerate(names):
        path = layout.format(*name.split("/", 1))
        save(tmp_path / "pairs" / path, noise(number))
        if "lone" not in name:
            save(tmp_path / "pairs" / path.replace("colour", "line"), noise(number + 50))
    config = PairedConfig(
        folder=tmp_path / "pairs", output=tmp_path / "made", size=32, group_by="parent"
    )
    with pytest.raises(UserError, match=r"is split into train/ and val/, .* leave out --held-out"):
        make_shards(replace(config, held_out=0.1))
    report = make_shards(config)
    assert (report.train, report.held_out) == (2, 1)
    assert set(reasons(config)) == rejected
    assert set(report.rejected) == {"no partner", "beside train/ and val/"}
    samples = read_set(config.output)
    assert len(samples) == 3
    for name, sample in samples.items():
        assert name.startswith("held-out/") == ("val/" in sample["source"])
        assert sample["lines"]["source"] == sample["source"].replace("colour", "line")
        assert sample.get("group") == ("mia" if "mia" in sample["source"] else None)
    assert read_index(config.output / "train").settings["held_out"] == "val/"


def test_a_split_that_the_lines_lack_is_named(tmp_path: Path) -> None:
    for name in ("colour/train/a.png", "colour/val/a.png", "line/train/a.png"):
        save(tmp_path / name, grey(0))
    with pytest.raises(UserError, match=r"colour holds val/, but .*line does not"):
        next(source_of(pairs_of(tmp_path)).find())  # before any pair
    save(tmp_path / "line" / "val" / "a.png", grey(0))
    items, _ = find(pairs_of(tmp_path))
    assert [item.split for item in items] == ["train", "held-out"]


def test_a_half_of_a_split_that_lacks_a_folder_is_named(tmp_path: Path) -> None:
    for name in ("train/colour/a.png", "train/line/a.png", "val/colour/a.png"):
        save(tmp_path / name, grey(0))
    with pytest.raises(UserError, match="val must hold one folder colour/"):
        next(source_of(pairs_of(tmp_path)).find())


# ---- Lists


def write_list(path: Path, *lines: str) -> ListConfig:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))
    return ListConfig(file=path, output=OUTPUT)


def test_list_gives_pictures_with_and_without_a_line(tmp_path: Path) -> None:
    save(tmp_path / "from" / "one two.png", grey(10))
    save(tmp_path / "from" / "line.png", grey(20))
    elsewhere = save(tmp_path / "far" / "b.jpg", grey(30))
    save(tmp_path / "魔女.v2.png", grey(40))
    long = "x" * 180 + ".png"
    save(tmp_path / "from" / long, grey(50))
    config = write_list(
        tmp_path / "from" / "list.txt",
        "one two.png\tline.png",
        "",
        f"{elsewhere}\r",
        "   ",
        "../魔女.v2.png\t",
        long,
    )
    pictures = load(config)
    assert set(pictures) == {"one two.png", str(elsewhere), "../魔女.v2.png", long}
    assert (pictures["one two.png"].color == 10).all()
    assert (pictures["one two.png"].line == 20).all()
    assert pictures["one two.png"].metadata["lines"] == {"method": "given", "source": "line.png"}
    assert pictures[str(elsewhere)].line is None and pictures["../魔女.v2.png"].line is None


def test_name_in_a_list_need_not_be_text(tmp_path: Path) -> None:
    save(tmp_path / "a.png", grey(7))
    os.rename(tmp_path / "a.png", os.fsencode(tmp_path) + b"/\xff.png")
    (picture,) = load(write_list(tmp_path / "list.txt", "\udcff.png")).values()
    assert (picture.color == 7).all()


def test_missing_files_of_a_list_are_rejected_with_its_name(tmp_path: Path) -> None:
    save(tmp_path / "a.png", grey(0))
    config = write_list(tmp_path / "my list.txt", "gone.png", "a.png\tgone too.png", "a\0b.png")
    items, rejections = find(config)
    assert not items
    assert [one.source for one in rejections] == ["a\0b.png", "a.png", "gone.png"]
    for one in rejections:
        assert one.reason == "cannot be opened" and "my list.txt" in one.detail
    assert "gone too.png" in rejections[1].detail
    with pytest.raises(UserError, match=r"my list\.txt lists no picture that exists"):
        make_shards(ListConfig(file=config.file, output=tmp_path / "made"))


def test_lines_that_name_no_file_are_never_run(tmp_path: Path) -> None:
    save(tmp_path / "a.png", grey(0))
    lines = (f"pipe:touch {tmp_path}/proof", f"|touch {tmp_path}/proof", "https://host/a.png")
    assert set(reasons(write_list(tmp_path / "list.txt", *lines, "a.png"))) == set(lines)
    assert not (tmp_path / "proof").exists()


def test_a_folder_or_pipe_in_a_list_is_rejected(tmp_path: Path) -> None:
    """A pipe must not even be opened: that waits for ever."""
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    config = write_list(tmp_path / "list.txt", "folder.png", "pipe.png")
    assert reasons(config) == {"folder.png": "cannot be opened", "pipe.png": "cannot be opened"}


def test_byte_order_mark_of_a_list_is_no_part_of_a_name(tmp_path: Path) -> None:
    save(tmp_path / "a.png", grey(0))
    (tmp_path / "list.txt").write_text("a.png\n", encoding="utf-8-sig")
    items, _ = find(ListConfig(file=tmp_path / "list.txt", output=OUTPUT))
    assert [item.source for item in items] == ["a.png"]


def test_paths_that_a_list_names_again_are_left_out(tmp_path: Path) -> None:
    for number, name in enumerate(("a.png", "b.png")):
        save(tmp_path / name, noise(number))
    config = write_list(tmp_path / "list.txt", "a.png", "b.png", *["a.png"] * 1000)
    report = make_shards(ListConfig(file=config.file, output=tmp_path / "made", workers=1))
    assert report.found == 1002 and report.train + report.held_out == 2
    assert report.rejected == {"listed twice": 1000}


def test_lists_are_read_as_other_systems_write_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for path in ("home/a.png", "lists/sub/b.png", "lists/ö.png"):
        save(tmp_path / path, grey(0))
    text = "~/a.png\r\nsub/b.png\r\nö.png\r\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        (tmp_path / "lists" / "list.txt").write_bytes(text.encode(encoding))
        items, rejections = find(ListConfig(file=tmp_path / "lists" / "list.txt", output=OUTPUT))
        assert {item.source for item in items} == {"~/a.png", "sub/b.png", "ö.png"}
        assert (
            not rejections
            and len(load(ListConfig(file=tmp_path / "lists" / "list.txt", output=OUTPUT))) == 3
        )


@pytest.mark.parametrize(
    "line", ["sub\\a.png", '"sub/a.png"', "sub/a.png ", "sub/a.png,line.png", "'sub/a.png'\tx.png"]
)
def test_a_line_that_is_meant_otherwise_is_told(tmp_path: Path, line: str) -> None:
    save(tmp_path / "sub" / "a.png", grey(0))
    _, (rejection,) = find(write_list(tmp_path / "list.txt", line))
    assert rejection.reason == "cannot be opened"
    assert "'sub/a.png' is there: write it so" in rejection.detail


def test_missing_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone\.txt cannot be read"):
        find(ListConfig(file=tmp_path / "gone.txt", output=OUTPUT))


def test_a_list_that_can_be_read_once_only_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(UserError, match=r"is no regular file, .* write it to a file first"):
            find(ListConfig(file=path, output=OUTPUT))


def test_damage_in_a_wide_list_rejects_its_line_alone(tmp_path: Path) -> None:
    save(tmp_path / "a.png", grey(0))
    (tmp_path / "list.txt").write_bytes("a.png\nb".encode("utf-16") + b"x")
    items, (rejection,) = find(ListConfig(file=tmp_path / "list.txt", output=OUTPUT))
    assert [item.source for item in items] == ["a.png"]
    assert rejection.reason == "cannot be opened"


# ---- Which lines


def test_given_rejects_what_has_no_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_workers(monkeypatch)
    for number, name in enumerate(("a.png", "b.png", "c.png")):
        save(tmp_path / name, noise(number))
    config = write_list(tmp_path / "list.txt", "a.png\tc.png", "b.png")
    given = ListConfig(
        file=config.file, output=tmp_path / "made", size=32, held_out=0.0, lines="given"
    )
    report = make_shards(given)
    assert (report.train, dict(report.rejected)) == (1, {"no line drawing": 1})
    assert read_rejected(given.output)[0]["source"] == "b.png"
    ((_, _, line, metadata),) = samples_of(given.output)
    assert np.array_equal(line, to_grey(noise(2)))
    assert metadata["lines"] == {"method": "given", "source": "c.png"}


def test_xdog_on_pairs_ignores_the_given_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_workers(monkeypatch)
    save(tmp_path / "pairs" / "colour" / "a.png", grey(90, 32, 32))
    save(tmp_path / "pairs" / "line" / "a.png", grey(0, 32, 32))
    config = PairedConfig(
        folder=tmp_path / "pairs", output=tmp_path / "made", size=32, held_out=0.0, lines="xdog"
    )
    make_shards(config)
    ((_, _, line, _),) = samples_of(config.output)
    assert (line == 255).all()  # the given one is black
    (metadata,) = read_set(config.output).values()
    assert metadata["lines"]["method"] == "xdog" and "source" not in metadata["lines"]
