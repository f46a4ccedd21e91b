"""Which pictures are kept from training: of few exactly a share, and never none or all."""

from dataclasses import replace
from pathlib import Path

import pytest

from colorizer.making.config import CharactersConfig, FolderConfig
from colorizer.making.pipeline import make_shards
from colorizer.making.sources import source_of
from colorizer.making.splitting import FEW, bound_of, place_of
from tests.helpers.making import noise, read_set, save, ten_pictures, without_workers


def held_out(names: list[str], share: float) -> list[str]:
    bound = bound_of(names, share)
    return [name for name in names if place_of(name) < bound]


@pytest.mark.parametrize(
    ("count", "share", "wanted"),
    [
        (100, 0.1, 10),
        (10, 0.1, 1),
        (10, 0.05, 1),
        (3, 0.1, 1),
        (2, 0.9, 1),
        (1, 0.9, 0),
        (0, 0.5, 0),
        (FEW - 1, 0.05, 10),
        (100, 0.0, 0),
        (FEW, 0.0, 0),
    ],
)
def test_of_few_names_the_share_is_held_out(count: int, share: float, wanted: int) -> None:
    for book in range(20):  # chance would give none or many of some
        names = [f"book {book}/{number}" for number in range(count)]
        assert len(held_out(names, share)) == wanted
        assert held_out(names[::-1] * 3, share) == held_out(names[::-1], share) * 3


def test_of_many_the_name_alone_decides_and_no_more_are_read() -> None:
    def names():
        yield from map(str, range(FEW))
        raise AssertionError

    assert bound_of(names(), 0.3) == 0.3
    assert 400 < sum(place_of(f"key-{number}") < 0.05 for number in range(10_000)) < 600


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderConfig:
    """A hundred pictures in ten folders."""
    without_workers(monkeypatch)
    for number in range(100):
        save(tmp_path / "pictures" / f"char {number // 10}" / f"{number}.png", noise(number))
    config = ten_pictures(tmp_path / "pictures", tmp_path / "made")
    return replace(config, size=32, held_out=0.1)


def test_a_hundred_pictures_with_and_without_groups(config: FolderConfig, tmp_path: Path) -> None:
    for group_by, folder in (("parent", "groups"), (None, "flat")):
        config = replace(config, group_by=group_by, output=tmp_path / folder)
        report = make_shards(config)
        assert (report.train, report.held_out) == (90, 10)
        kept = read_set(config.output)
        assert sum(name.startswith("held-out/") for name in kept) == 10
        groups = {s.get("group") for name, s in kept.items() if name.startswith("held-out/")}
        assert len(groups) == 1


def test_duplicates_and_broken_files_do_not_count(config: FolderConfig) -> None:
    for number in range(100):
        path = config.folder / f"char {number // 10}" / f"{number}.png"
        if number >= 60:
            path.write_bytes(b"broken")
        elif number >= 20:
            save(path, noise(number % 20))
    report = make_shards(config)
    assert (report.train, report.held_out) == (18, 2)


def test_a_group_of_duplicates_alone_does_not_count(config: FolderConfig) -> None:
    lowest = min((f"char {number}" for number in range(10)), key=place_of)
    for number in range(10):
        save(config.folder / lowest / f"{int(lowest[-1]) * 10 + number}.png", noise(200 + number))
        save(config.folder / "a" / f"{number}.png", noise(200 + number))
    config = replace(config, group_by="parent")
    report = make_shards(config)
    assert (report.train, report.held_out) == (90, 10)


@pytest.mark.parametrize("share", [1e-9, 0.05])
def test_of_many_one_at_least_is_held_out(share: float) -> None:
    names = [str(number) for number in range(FEW + 50)]
    places = sorted(map(place_of, names))
    bound = bound_of(names, share)
    assert places[0] < bound
    assert bound == (places[1] if share == 1e-9 else share)
    assert bound_of(names, 0) == 0


def test_that_nothing_is_held_out_is_said_with_what_to_do(
    config: FolderConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(config: FolderConfig | CharactersConfig) -> str:
        make_shards(config)
        return " ".join(capsys.readouterr().err.split())

    words = "all 100 pictures belong to one group: give another --group-by"
    assert words in said(replace(config, group_by="(char)"))
    for other in ({"group_by": "parent"}, {"held_out": 0.0}):
        output = config.output.with_name(str(other))
        assert "nothing is held out" not in said(replace(config, output=output, **other))
    one = CharactersConfig(output=config.output.with_name("one"), count=1, size=32, workers=1)
    assert "all 2 pictures belong to one group: draw more characters" in said(one)
    save(config.folder / "train" / "a.png", noise(0))
    save(config.folder / "val" / "b.png", noise(0))  # the same, and so rejected
    split = replace(config, held_out=None, output=config.output.with_name("split"))
    assert "put pictures that can be used into val/" in said(split)


def test_a_set_begun_without_the_split_does_not_go_on_with_it(config: FolderConfig) -> None:
    for part in ("train", "val"):
        save(config.folder / part / "a.png", noise(len(part)))
    source = source_of(config)
    assert source.identity == {"source": "folder", "split": "val/"}
    (config.folder / "val" / "a.png").unlink()
    (config.folder / "val").rmdir()
    assert source.identity == {"source": "folder"}
