"""The collections of the field, small, as they lie, loaded by the command of docs/data.md."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from colorizer.commands.make_shards import settings
from colorizer.making.config import PairedConfig, PicturesConfig
from colorizer.making.pipeline import make_shards
from colorizer.system.errors import UserError
from tests.helpers.making import (
    OUTPUT,
    encoded,
    find,
    grey,
    noise,
    read_set,
    reasons,
    save,
    without_workers,
    write_tar,
)
from tests.helpers.programs import ROOT

DOCUMENTED = (ROOT / "docs" / "data.md").read_text()


def paintbucket(folder: Path) -> None:
    """gt and line have opacity; beside them lie folders that are no pictures to learn from."""
    for number, name in enumerate(("train", "test")):
        for character in ("ann", "ben"):
            at = folder / name / "PaintBucket_Char" / character
            for frame in range(2):
                seed = 10 * number + 2 * (character == "ben") + frame
                opaque = np.full((32, 32), 255, np.uint8)
                ink = np.where(noise(seed)[..., 0] > 200, 255, 0).astype(np.uint8)
                save(at / "gt" / f"{frame:04}.png", np.dstack((noise(seed), opaque)))
                save(at / "line" / f"{frame:04}.png", np.dstack((grey(0, 32, 32), ink)))
                save(at / "seg" / f"{frame:04}.png", noise(seed))
            (at / "json_color").mkdir()
            (at / "json_color" / "0000.json").write_text("{}")


def anita(folder: Path) -> None:
    """Not every scene has both."""
    for number, scene in enumerate(("Title/scene_1", "Title/scene_2", "Other/scene_1")):
        for frame in (1, 2):
            for half, seed in (("color", frame), ("sketch", frame + 50), ("composition", 99)):
                if (scene, half) != ("Title/scene_2", "color"):
                    save(folder / scene / half / f"000{frame}.png", noise(10 * number + seed))


def anime_diffusion(folder: Path) -> None:
    for name in ("a", "b"):
        save(folder / "train" / "reference" / f"{name}.png", noise(ord(name)))
        save(folder / "train" / "condition" / f"{name}.png", noise(ord(name) + 9))
        save(folder / "test" / "reconstruction" / f"{name}.png", noise(ord(name) + 20))


def atd_12k(folder: Path) -> None:
    for number, triplet in enumerate(("train_10k/Disney_a", "train_10k/Japan_b", "test_2k_540p/c")):
        for frame in (1, 2, 3):
            save(folder / triplet / f"frame{frame}.jpg", noise(10 * number + frame))
    (folder / "test_2k_annotations" / "c").mkdir(parents=True)
    (folder / "test_2k_annotations" / "c" / "c.json").write_text("{}")


def danbooru(folder: Path) -> None:
    members = [
        (f"{number}.{role}.png", encoded(noise(number)))
        for number in range(4)
        for role in ("image", "region")
    ]
    write_tar(folder / "0000.tar", members)


def aligned(folder: Path) -> None:
    for number, name in enumerate(("train/1.png", "train/2.png", "val/1.png")):
        save(folder / name, np.hstack((noise(number), noise(number + 50))))


def sga(folder: Path) -> None:
    for name in ("1.png", "2.png"):
        save(folder / "train2" / name, noise(int(name[0])))
        save(folder / "train0" / name, noise(int(name[0]) + 9))


@dataclass
class Expected:
    """What a collection makes."""

    train: int
    held_out: int
    groups: set[str | None]
    lines: str = "given"
    unread: str | None = None  # words of the warning


COLLECTIONS = {
    "paired PaintBucket --color gt --line line --group-by parent": (
        paintbucket,
        Expected(
            4,
            4,
            {"PaintBucket_Char/ann", "PaintBucket_Char/ben"},
            unread="not read, beside gt/ and line/: json_color (4 times), seg (4 times)",
        ),
    ),
    "paired Anita --color color --line sketch --group-by parent": (
        anita,
        Expected(
            2,
            2,
            {"Title/scene_1", "Other/scene_1"},
            unread="not read, beside color/ and sketch/: composition (3 times)",
        ),
    ),
    "paired AnimeDiffusion --color reference --line condition": (
        anime_diffusion,
        Expected(1, 1, {None}, unread="not read, beside reference/ and condition/: test;"),
    ),
    "folder ATD-12K --group-by parent": (
        atd_12k,
        Expected(
            6,
            3,
            {"Disney_a", "Japan_b", "c"},
            "xdog",
            "not read, beside train_10k/ and test_2k_540p/: test_2k_annotations;",
        ),
    ),
    "tars danbooru": (danbooru, Expected(3, 1, {None}, "xdog")),
    "side-by-side anime-sketch-colorization-pair": (aligned, Expected(2, 1, {None})),
    "paired anime --color train2 --line train0": (sga, Expected(1, 1, {None})),
}


def asked_for(command: str, folder: Path, **changes: object) -> PicturesConfig:
    """The settings of a command for a collection in a folder."""
    source, name, *rest = command.split()
    config = settings([source, str(folder / name), *rest, "--output", str(folder / "made")])
    assert isinstance(config, PicturesConfig)
    return replace(config, size=32, **changes)


@pytest.mark.parametrize("command", COLLECTIONS)
def test_a_collection_loads_as_it_lies_by_the_documented_command(
    tmp_path: Path, monkeypatch, capsys, command: str
) -> None:
    assert f"`{command}`" in DOCUMENTED
    make: Callable[[Path], None]
    make, expected = COLLECTIONS[command]
    make(tmp_path / command.split()[1])
    without_workers(monkeypatch)
    config = asked_for(command, tmp_path)
    report = make_shards(config)
    assert report is not None
    assert (report.train, report.held_out) == (expected.train, expected.held_out)
    samples = read_set(config.output)
    assert {sample.get("group") for sample in samples.values()} == expected.groups
    assert {sample["lines"]["method"] for sample in samples.values()} == {expected.lines}
    said = " ".join(capsys.readouterr().err.split())
    assert ("not read" in said) == (expected.unread is not None)
    assert (expected.unread or "") in said
    assert report.found == report.train + report.held_out + sum(report.rejected.values())


def test_both_spellings_of_the_setting_are_taken() -> None:
    for spelling in ("--color", "--colour"):
        config = settings(["paired", "x", spelling, "gt", "--output", "y"])
        assert isinstance(config, PairedConfig) and config.color == "gt"


def test_a_slash_after_a_name_does_not_matter(tmp_path: Path) -> None:
    for half in ("gt", "ink"):
        save(tmp_path / half / "a.png", grey(0))
    items, _ = find(PairedConfig(folder=tmp_path, output=OUTPUT, color="gt/", line=("ink/",)))
    assert len(items) == 1


def test_scenes_with_one_half_alone_are_rejected_not_refused(tmp_path: Path) -> None:
    anita(tmp_path)
    config = PairedConfig(folder=tmp_path, output=OUTPUT, color="color", line=("sketch",))
    lone = {name for name, reason in reasons(config).items() if reason == "no partner"}
    assert lone == {"Title/scene_2/sketch/0001.png", "Title/scene_2/sketch/0002.png"}


def test_a_place_of_pairs_in_another_is_found(tmp_path: Path) -> None:
    """PaintBucket-Character v2 has NAME/ref/gt beside NAME/gt."""
    for name in ("ann/gt/0.png", "ann/line/0.png", "ann/ref/gt/0.png", "ann/ref/line/0.png"):
        save(tmp_path / name, grey(0))
    config = PairedConfig(folder=tmp_path, output=OUTPUT, color="gt", group_by="parent")
    items, rejections = find(config)
    assert {item.source: item.group for item in items} == {
        "ann/gt/0.png": "ann",
        "ann/ref/gt/0.png": "ann/ref",
    }
    assert not rejections


def test_test_with_pairs_below_other_folders_is_held_out(tmp_path: Path) -> None:
    for name in ("train/{}/a.png", "test/reconstruction/{}/b.png"):
        for half in ("reference", "condition"):
            save(tmp_path / name.format(half), grey(0))
    config = PairedConfig(folder=tmp_path, output=OUTPUT, color="reference", line=("condition",))
    assert {item.source: item.split for item in find(config)[0]} == {
        "train/reference/a.png": "train",
        "test/reconstruction/reference/b.png": "held-out",
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"line": ("line/", "line")}, "give one folder of pictures"),
        ({"color": "a/gt"}, "names of folders, and 'a/gt' is none"),
        ({"line": (".",)}, "names of folders, and '.' is none"),
        ({"color": "gt", "line": ("gt",)}, "--color and --line name gt, gt; give one folder"),
        ({"line": ()}, "one or more of drawings"),
        ({"color": "GT"}, "must hold one folder GT/ and one folder line/ beside each other"),
    ],
)
def test_names_that_cannot_be_are_refused(tmp_path: Path, changes: dict, words: str) -> None:
    for half in ("gt", "line"):
        save(tmp_path / "in" / half / "a.png", grey(0))
    config = PairedConfig(folder=tmp_path / "in", output=tmp_path / "made", **changes)
    with pytest.raises(UserError, match=words):
        make_shards(config)


def test_a_set_begun_with_other_folders_is_refused(tmp_path: Path, monkeypatch) -> None:
    without_workers(monkeypatch)
    for number, half in enumerate(("colour", "line", "rough")):
        save(tmp_path / "in" / half / "a.png", noise(number))
    config = PairedConfig(folder=tmp_path / "in", output=tmp_path / "made", size=32, held_out=0.0)
    make_shards(config)
    with pytest.raises(UserError, match="line_folders was None, now"):
        make_shards(replace(config, line=("rough",)))
