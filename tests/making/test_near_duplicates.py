"""Pictures that are one in several qualities and sizes: one side of the split gets them all."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from colorizer.commands.make_shards import print_report
from colorizer.making.config import FolderConfig, PairedConfig
from colorizer.making.near_duplicates import SCHEMA, SIDE, NearDuplicates
from colorizer.making.pipeline import make_shards
from colorizer.making.splitting import place_of
from tests.helpers.making import (
    grey,
    noise,
    read_set,
    save,
)


def smooth(seed: int, width: int, height: int) -> np.ndarray:
    """Coarse colours, so that any way to average them gives nearly the same."""
    return cv2.resize(noise(seed, 4, 4), (width, height), interpolation=cv2.INTER_CUBIC)


def picture(seed: int) -> np.ndarray:
    """A drawing of a disc and a box on smooth ground, 240x200."""
    rng = np.random.default_rng(seed)
    drawn = smooth(seed, 240, 200)
    for _ in range(4):
        color = tuple(map(int, rng.integers(0, 256, 3)))
        center = tuple(map(int, rng.integers(20, 180, 2)))
        cv2.circle(drawn, center, int(rng.integers(15, 50)), color, -1)
    return drawn


def other_versions(folder: Path, seed: int) -> None:
    """The same picture in six qualities and sizes."""
    drawn = picture(seed)
    save(folder / f"{seed} a.png", drawn)
    save(folder / f"{seed} b.jpg", drawn, quality=90)
    save(folder / f"{seed} c.jpg", drawn, quality=30)
    save(folder / f"{seed} d.webp", drawn, quality=50)
    save(folder / f"{seed} e.png", cv2.resize(drawn, (120, 100), interpolation=cv2.INTER_AREA))
    save(folder / f"{seed} f.jpg", cv2.resize(drawn, (360, 300), interpolation=cv2.INTER_CUBIC))


@pytest.mark.parametrize("few", [200, 5])
def test_near_duplicates_never_stand_on_both_sides(
    config: FolderConfig, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr("colorizer.making.splitting.FEW", few)
    for seed in range(12):
        other_versions(config.folder, seed)
    report = make_shards(replace(config, held_out=0.3, size=64))
    assert report.train + report.held_out + sum(report.rejected.values()) == 72
    assert report.alike == report.train + report.held_out > 60
    sides: dict[str, set[str]] = {}
    for name, sample in read_set(config.output).items():
        sides.setdefault(sample["source"].split()[0], set()).add(name.split("/")[0])
    assert len(sides) == 12 and all(len(side) == 1 for side in sides.values())
    assert set.union(*sides.values()) == {"train", "held-out"}


def test_pictures_that_differ_are_not_near_duplicates(config: FolderConfig) -> None:
    """Nor are a drawing in other colours, and its mirror image."""
    for seed in range(60):
        save(config.folder / f"{seed}.png", picture(seed))
    save(config.folder / "other colours.png", np.ascontiguousarray(picture(0)[..., ::-1]))
    changed = cv2.circle(picture(0), (60, 60), 25, (10, 200, 90), -1)
    save(config.folder / "one more disc.png", changed)
    save(config.folder / "mirrored.png", np.ascontiguousarray(picture(0)[:, ::-1]))
    assert make_shards(replace(config, size=64)).alike == 0


def test_flat_pictures_of_one_colour_are_near_duplicates(config: FolderConfig) -> None:
    for value in (100, 101, 160, 230):
        save(config.folder / f"{value}.png", grey(value))
    assert make_shards(config).alike == 2


def test_near_duplicates_join_their_groups(config: FolderConfig) -> None:
    for number in range(40):
        save(config.folder / f"{number % 10}" / f"{number}.png", picture(number))
    lowest, *_, highest = sorted(map(str, range(10)), key=place_of)
    save(config.folder / lowest / "x.jpg", picture(500), quality=95)
    save(config.folder / highest / "x.jpg", picture(500), quality=40)
    report = make_shards(replace(config, group_by="parent", held_out=0.1, size=64))
    assert report.alike == 2
    sides: dict[str, str] = {n: s["group"] for n, s in read_set(config.output).items()}
    held_out = {group for name, group in sides.items() if name.startswith("held-out")}
    assert {lowest, highest} <= held_out or not {lowest, highest} & held_out


def test_near_duplicates_over_a_given_split_are_counted_and_said(
    config: FolderConfig, capsys: pytest.CaptureFixture
) -> None:
    save(config.folder / "train" / "a.png", picture(0))
    save(config.folder / "train" / "b.png", picture(1))
    save(config.folder / "val" / "c.jpg", picture(0), quality=60)
    report = make_shards(replace(config, size=64))
    assert (report.alike, report.alike_across) == (2, 2)
    print_report(report)
    said = " ".join(capsys.readouterr().err.split())
    assert "2 pictures look like one on the other side of the given split" in said


def test_groups_whose_names_are_no_text_are_joined_as_well(config: FolderConfig) -> None:
    for number in range(4):
        save(config.folder / f"\udc83{number}" / "a.png", picture(number))
    save(config.folder / "\udc83other" / "a.jpg", picture(0), quality=90)
    report = make_shards(replace(config, group_by="parent", held_out=0.4, size=64))
    assert report.alike == 2 and report.groups == 5


def test_a_long_fade_is_no_long_chain() -> None:
    """Whose every picture looks like the one before, and is called after it."""
    thumbnails = [bytes([250 - number // 12]) * (SIDE * SIDE * 3) for number in range(2400)]
    with closing(sqlite3.connect(":memory:")) as base:
        base.executescript(SCHEMA)
        steps = []
        base.set_progress_handler(lambda: steps.append(1), 1000)
        alike = NearDuplicates(base)
        alike.find((f"{number:06d}", None, seen) for number, seen in enumerate(thumbnails))
        assert len({alike.name_of(f"{number:06d}") for number in range(2400)}) == 1
    assert len(steps) < 30_000


def test_what_stands_on_one_side_anyway_is_not_counted(config: FolderConfig) -> None:
    """A picture's several drawings, and what is alike within a group."""
    root = config.folder
    for number in range(3):
        save(root / "colour" / f"{number}.png", picture(number))
        for half in ("line", "rough"):
            save(root / half / f"{number}.png", picture(len(half) * 10 + number))
    paired = PairedConfig(folder=root, output=config.output, size=64, line=("line", "rough"))
    report = make_shards(paired)
    assert (report.found, report.alike) == (6, 0)
    other_versions(root / "mia", 7)
    other_versions(root / "ben", 8)
    grouped = replace(
        config, folder=root, output=config.output.with_name("grouped"), group_by="parent", size=64
    )
    assert make_shards(replace(grouped, exclude=("colour", "line", "rough"))).alike == 0
