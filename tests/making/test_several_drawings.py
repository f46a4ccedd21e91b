"""Several drawings of one picture, names in two spellings, and groups of JSON and lists."""

import json
import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from colorizer.making.config import (
    FolderConfig,
    ListConfig,
    PairedConfig,
    PicturesConfig,
    TarsConfig,
)
from colorizer.making.pipeline import make_shards
from colorizer.pictures.decode import to_grey
from colorizer.system.errors import UserError
from tests.helpers.making import (
    OUTPUT,
    encoded,
    files_of,
    find,
    load,
    noise,
    read_set,
    reasons,
    save,
    without_workers,
    write_tar,
)

NFC, NFD = (unicodedata.normalize(form, "é がく") for form in ("NFC", "NFD"))


# ---- Several drawings


def drawn_twice(kind: str, folder: Path, pictures: int = 12) -> PicturesConfig:
    """Pictures with two drawings each, and one picture with one."""
    made = {"output": folder.with_name("made"), "size": 32, "held_out": 0.4, "lines": "given"}
    members, listed = [], []
    for number in range(pictures):
        color, line, rough = (noise(number + offset) for offset in (0, 100, 200))
        save(folder / "colour" / f"{number}.png", color)
        save(folder / "line" / f"{number}.png", line)
        save(folder / "rough" / f"{number}.png", rough)
        members += [(f"{number}.png", encoded(color)), (f"{number}.line.png", encoded(line))]
        members += [(f"{number}.line2.png", encoded(rough))]
        listed += [f"colour/{number}.png\t{half}/{number}.png\n" for half in ("line", "rough")]
    (folder / "rough" / f"{pictures - 1}.png").unlink()
    if kind == "list":
        (folder / "list.txt").write_text("".join(listed[:-1]))
        return ListConfig(file=folder / "list.txt", **made)
    if kind == "tars":
        write_tar(folder / "tars" / "a.tar", members[:-1])
        return TarsConfig(tars=folder / "tars", **made)
    if kind == "paired":
        return PairedConfig(folder=folder, line=("line", "rough"), **made)
    for path in (folder / "rough").iterdir():  # the same names with other endings
        path.rename(folder / "line" / f"{path.stem}.PNG")
    (folder / "rough").rmdir()
    return PairedConfig(folder=folder, **made)


@pytest.mark.parametrize("kind", ["paired", "paired by endings", "list", "tars"])
def test_each_drawing_of_a_picture_is_a_pair_and_all_land_in_one_split(
    tmp_path: Path, monkeypatch, kind: str
) -> None:
    without_workers(monkeypatch)
    config = drawn_twice(kind, tmp_path / "in")
    report = make_shards(config)
    assert report is not None and not report.rejected
    assert report.train + report.held_out == 23 and report.groups == 0
    sides: dict[str, list[str]] = {}
    for name, sample in read_set(config.output).items():
        picture = sample["source"].partition(" + ")[0]
        sides.setdefault(picture, []).append(name.partition("/")[0])
    assert sorted(map(len, sides.values())) == [1] + [2] * 11
    assert all(len(set(side)) == 1 for side in sides.values())
    assert sum(side[0] == "held-out" for side in sides.values()) == 5  # of 12


def test_the_first_drawing_keeps_the_name_that_a_single_one_has(tmp_path: Path) -> None:
    config = drawn_twice("paired", tmp_path / "in", 1)
    (single,) = find(replace(config, line=("line",)))[0]
    save(tmp_path / "in" / "rough" / "0.png", noise(200))
    first, second = find(config)[0]
    assert (first.key, first.source) == (single.key, single.source) == (first.key, "colour/0.png")
    assert second.source == "colour/0.png + rough/0.png" and second.split_with == first.key


def test_a_line_of_a_list_given_twice_is_no_second_drawing(tmp_path: Path) -> None:
    for number, name in enumerate("abc"):
        save(tmp_path / f"{name}.png", noise(number))
    (tmp_path / "list.txt").write_text("a.png\tb.png\na.png\tc.png\na.png\tb.png\n")
    items, _ = find(ListConfig(file=tmp_path / "list.txt", output=OUTPUT))
    assert [item.source for item in items] == ["a.png", "a.png", "a.png + c.png"]


def test_drawings_without_their_picture_have_no_partner(tmp_path: Path) -> None:
    for name in ("colour/a.png", "line/a.png", "line/b.png", "rough/b.png"):
        save(tmp_path / name, noise(0))
    config = PairedConfig(folder=tmp_path, output=OUTPUT, line=("line", "rough"))
    assert reasons(config) == {"line/b.png": "no partner", "rough/b.png": "no partner"}


def test_several_drawings_are_the_same_from_one_worker_and_two(tmp_path: Path) -> None:
    config = drawn_twice("paired", tmp_path / "in")
    made = []
    for workers in (1, 2):
        make_shards(replace(config, output=tmp_path / str(workers), workers=workers))
        made.append(files_of(tmp_path / str(workers)))
    assert made[0] == made[1]


# ---- Names in two spellings


def test_composed_and_decomposed_names_are_pairs(tmp_path: Path) -> None:
    for number, (color, line) in enumerate(((NFC, NFD), (NFD, NFC))):
        for half, name in (("colour", color), ("line", line)):
            save(tmp_path / half / f"{number}{name}" / f"{name}.png", noise(number))
    config = PairedConfig(folder=tmp_path, output=OUTPUT, group_by="parent")
    items, rejections = find(config)
    assert {item.group for item in items} == {f"0{NFC}", f"1{NFC}"} and not rejections
    assert all(picture.line is not None for picture in load(config).values())


def test_two_spellings_in_one_folder_are_two_names(tmp_path: Path) -> None:
    for number, name in enumerate((NFC, NFD)):
        for half in ("colour", "line"):
            save(tmp_path / half / f"{name}.png", noise(number))
    config = PairedConfig(folder=tmp_path, output=OUTPUT)
    items, rejections = find(config)
    assert len(items) == 2 and not rejections
    for item in items:
        assert item.where[1] == item.source.replace("colour", "line")
    (tmp_path / "line" / f"{NFD}.png").unlink()
    assert reasons(config) == {f"colour/{NFD}.png": "no partner"}


@pytest.mark.parametrize(("listed", "there"), [(NFC, NFD), (NFD, NFC)])
def test_a_list_finds_the_other_spelling(tmp_path: Path, listed: str, there: str) -> None:
    save(tmp_path / there / "a.png", noise(0))
    save(tmp_path / f"{there}.png", noise(1))
    (tmp_path / "list.txt").write_text(f"{listed}/a.png\t{listed}.png\n")
    config = ListConfig(file=tmp_path / "list.txt", output=OUTPUT)
    ((name, picture),) = load(config).items()
    assert name == f"{listed}/a.png" and picture.line is not None
    save(tmp_path / f"{listed}.png", noise(2))  # its own spelling comes first
    (picture,) = load(config).values()
    assert picture.line is not None and np.array_equal(picture.line, to_grey(noise(2)))


def test_members_of_a_tar_in_two_spellings_are_one_sample(tmp_path: Path) -> None:
    note = json.dumps({"character": "ann"}).encode()
    members = [(f"{NFC}.png", encoded(noise(0))), (f"{NFD}.json", note)]
    write_tar(tmp_path / "a.tar", members)
    config = TarsConfig(tars=tmp_path, output=OUTPUT)
    ((name, picture),) = load(config).items()
    assert name == f"a.tar/{NFC}" and picture.metadata["metadata"] == {"character": "ann"}
    write_tar(tmp_path / "a.tar", [*members, (f"{NFD}.png", encoded(noise(1)))])
    assert set(load(config)) == {f"a.tar/{NFC}", f"a.tar/{NFD}"}  # two names then


# ---- Groups


def test_groups_of_a_tars_json(tmp_path: Path, monkeypatch, capsys) -> None:
    without_workers(monkeypatch)
    notes = {
        "a": {"character": "ann"},
        "b": {"character": 7},
        "c": {"character": [" ann "]},
        "d": {"character": ["x", "y"]},
        "e": {"character": True},
        "f": {"other": "ann"},
        "g": [1],
        "h": {"character": ""},
    }
    members = []
    for number, (key, note) in enumerate(notes.items()):
        members += [(f"{key}.png", encoded(noise(number)))]
        members += [(f"{key}.json", json.dumps(note).encode())]
    members += [("i.png", encoded(noise(20))), ("i.json", b"{"), ("j.png", encoded(noise(21)))]
    write_tar(tmp_path / "tars" / "a.tar", members)
    config = TarsConfig(
        tars=tmp_path / "tars", output=tmp_path / "made", size=32, group_by="json:character"
    )
    report = make_shards(config)
    assert report is not None and (report.groups, report.grouped) == (2, 3)
    assert dict(report.rejected) == {"broken": 1}
    found = {
        sample["source"][-1]: sample.get("group") for sample in read_set(config.output).values()
    }
    assert {key: group for key, group in found.items() if group} == {
        "a": "ann",
        "b": "7",
        "c": "ann",
    }
    capsys.readouterr()
    make_shards(replace(config, group_by="json:nothing", output=tmp_path / "none"))
    said = " ".join(capsys.readouterr().err.split())
    assert "--group-by json:nothing tells the group of none of the 9 pictures" in said


def test_a_dot_goes_into_an_object_of_the_json(tmp_path: Path) -> None:
    for name, note in (("a", {"tag": {"who": "ann"}}), ("b", {"tag.who": "ben"})):
        members = [(f"{name}.png", encoded(noise(0))), (f"{name}.json", json.dumps(note).encode())]
        write_tar(tmp_path / f"{name}.tar", members)
    items, _ = find(TarsConfig(tars=tmp_path, output=OUTPUT, group_by="json:tag.who"))
    assert [item.group for item in items] == ["ann", "ben"]


@pytest.mark.parametrize("group_by", ["json:character", "json:"])
def test_json_where_there_is_none_is_refused(tmp_path: Path, group_by: str) -> None:
    save(tmp_path / "in" / "a.png", noise(0))
    config = FolderConfig(folder=tmp_path / "in", output=tmp_path / "made", group_by=group_by)
    with pytest.raises(UserError, match="needs a name and the source `tars`"):
        make_shards(config)


def test_groups_of_a_third_column(tmp_path: Path) -> None:
    for number, name in enumerate("abcd"):
        save(tmp_path / "in" / f"{name}.png", noise(number))
    lines = ("a.png\tb.png\tann", f"b.png\t\t{NFD}", "c.png\ta.png\t", "d.png\ta.png\tx\ty")
    listing = tmp_path / "in" / "list.txt"
    listing.write_text("".join(f"{line}\n" for line in lines))
    config = ListConfig(file=listing, output=tmp_path / "made", group_by="([a-z])[.]png")
    items, rejections = find(config)
    assert {item.source: item.group for item in items} == {
        "a.png": "ann",
        "b.png": NFC,
        "c.png": "c",
    }
    assert [(one.source, one.reason) for one in rejections] == [("d.png", "too many columns")]
    pictures = load(config)
    assert pictures["a.png"].line is not None and pictures["b.png"].line is None


def test_a_set_begun_with_other_groups_in_the_list_is_refused(tmp_path: Path, monkeypatch) -> None:
    without_workers(monkeypatch)
    for number, name in enumerate("abc"):
        save(tmp_path / f"{name}.png", noise(number))
    listing = tmp_path / "list.txt"
    listing.write_text("a.png\t\tann\nb.png\t\tann\nc.png\t\tben\n")
    config = ListConfig(file=listing, output=tmp_path / "made", size=32)
    make_shards(config)
    listing.write_text("a.png\t\tann\nb.png\t\tben\nc.png\t\tben\n")
    with pytest.raises(UserError, match="fingerprint was"):
        make_shards(config)
