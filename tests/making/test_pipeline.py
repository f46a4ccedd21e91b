"""Making a whole set: the same bytes whatever the workers, and refusals before any work."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorizer.lines.xdog import XDoG
from colorizer.making.config import (
    CharactersConfig,
    FolderConfig,
    ListConfig,
    PairedConfig,
    SideBySideConfig,
)
from colorizer.making.pipeline import make_shards
from colorizer.making.splitting import place_of
from colorizer.shards.index import read_index
from colorizer.system.errors import UserError
from tests.helpers.making import (
    files_of,
    noise,
    read_set,
    samples_of,
    save,
    ten_pictures,
    without_workers,
)


@pytest.fixture
def config(picture_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderConfig:
    """Ten pictures and a text file, into shards of three, prepared in this process."""
    without_workers(monkeypatch)
    return ten_pictures(picture_folder, tmp_path / "made")


@pytest.mark.slow
def test_bytes_do_not_depend_on_the_number_of_workers(
    config: FolderConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_shards(config)
    monkeypatch.undo()
    make_shards(replace(config, output=tmp_path / "again", workers=2))
    files = files_of(config.output)
    assert files == files_of(tmp_path / "again")
    assert {"preview.png", "rejected.jsonl", "train/index.json"} < set(files)
    assert not any("unfinished" in name or "partial" in name for name in files)
    assert read_index(config.output / "train").size == 48


def test_metadata_says_where_a_sample_comes_from(config: FolderConfig) -> None:
    make_shards(config)
    samples = {sample["source"]: sample for sample in read_set(config.output).values()}
    sample = samples["more/deep/scene 3.png"]
    assert sample["size"] == [60 + 27, 100 - 12]
    assert sample["lines"] == {"method": "xdog", **asdict(XDoG())}
    assert "group" not in sample


@pytest.mark.parametrize(
    "name", ["魔女.png", "a.b.c.png", "x" * 180 + ".png", "Élan été [1].png", " .png", "-.png"]
)
def test_true_name_is_in_the_metadata(config: FolderConfig, tmp_path: Path, name: str) -> None:
    """A separate folder, as everything here needs a safe key."""
    save(tmp_path / "names" / name, noise(0))
    make_shards(replace(config, folder=tmp_path / "names", held_out=0.0))
    ((key, sample),) = read_set(config.output).items()
    assert sample["source"] == name
    assert key.isascii() and "." not in key


def test_keys_with_the_lowest_hashes_are_held_out(config: FolderConfig) -> None:
    make_shards(config)
    keys = sorted((name.split("/")[::-1] for name in read_set(config.output)), key=_place)
    assert [split for _, split in keys] == ["held-out"] * 3 + ["train"] * 7


def _place(key_and_split: list[str]) -> float:
    return place_of(key_and_split[0])


def test_a_twentieth_is_held_out_by_default(config: FolderConfig) -> None:
    make_shards(replace(config, held_out=None))
    assert read_index(config.output / "train").settings["held_out"] == 0.05


def test_a_character_is_on_one_side_of_the_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_workers(monkeypatch)
    config = CharactersConfig(output=tmp_path, count=12, poses=3, size=32, held_out=0.4, workers=1)
    report = make_shards(config)
    assert (report.train + report.held_out, report.groups, report.grouped) == (36, 12, 36)
    sides: dict[str, set[str]] = {}
    for name, sample in read_set(tmp_path).items():
        sides.setdefault(sample["group"], set()).add(name.split("/")[0])
    assert len(sides) == 12 and all(len(side) == 1 for side in sides.values())
    assert set.union(*sides.values()) == {"train", "held-out"}


@pytest.mark.parametrize("kind", [FolderConfig, SideBySideConfig])
def test_val_is_held_out_and_no_share_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[FolderConfig | SideBySideConfig]
) -> None:
    without_workers(monkeypatch)
    for number, name in enumerate(("train/a", "train/b", "train/c", "val/d", "val/e", "f")):
        pair = np.hstack((noise(number, 20, 20), np.full((20, 20, 3), 77, np.uint8)))
        save(tmp_path / "pairs" / f"{name}.png", pair)
    config = kind(folder=tmp_path / "pairs", output=tmp_path / "split", size=32, workers=1)
    with pytest.raises(UserError) as refused:
        make_shards(replace(config, held_out=0.1))
    assert str(refused.value) == (
        f"--held-out is 0.1, but {config.folder} is split into train/ and val/, and so val/ is held"
        " out; leave out --held-out."
    )
    assert not config.output.exists()
    report = make_shards(config)
    assert (report.train, report.held_out, report.found) == (3, 2, 6)
    assert dict(report.rejected) == {"beside train/ and val/": 1}
    for name, sample in read_set(config.output).items():
        assert name.startswith("held-out/") == sample["source"].startswith("val/")
    assert read_index(config.output / "train").settings["held_out"] == "val/"
    if kind is SideBySideConfig:
        assert all((line == 77).all() for _, _, line, _ in samples_of(config.output))


def test_a_split_without_training_pictures_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_workers(monkeypatch)
    (tmp_path / "pictures" / "train").mkdir(parents=True)
    save(tmp_path / "pictures" / "val" / "a.png", noise(0))
    config = FolderConfig(folder=tmp_path / "pictures", output=tmp_path / "made", size=32)
    with pytest.raises(UserError, match=r"all 1 usable pictures are .*; put pictures into train/"):
        make_shards(config)


def test_fit_crop_takes_the_middle(config: FolderConfig, tmp_path: Path) -> None:
    wide = np.zeros((40, 120, 3), np.uint8)
    wide[:, 40:80] = noise(0, 40, 40)
    save(tmp_path / "wide" / "a.png", wide)
    make_shards(replace(config, folder=tmp_path / "wide", size=40, fit="crop", held_out=0.0))
    ((_, color, _, _),) = samples_of(config.output)
    assert np.array_equal(color, noise(0, 40, 40))


# ---- Lines


def test_settings_of_xdog_are_in_the_index_and_the_metadata(config: FolderConfig) -> None:
    thick = replace(config, xdog=XDoG(sigma=0.01, phi=10.0))
    make_shards(thick)
    expected = {"method": "xdog", **asdict(thick.xdog)}
    assert expected["sigma"] == 0.01
    for split in ("train", "held-out"):
        assert read_index(config.output / split).settings["lines"] == expected
    assert all(sample["lines"] == expected for sample in read_set(config.output).values())


def test_other_settings_of_xdog_are_another_set(config: FolderConfig) -> None:
    make_shards(config)
    with pytest.raises(UserError, match=r"lines was .*'sigma': 0\.002.* now"):
        make_shards(replace(config, xdog=XDoG(sigma=0.01)))


@pytest.mark.parametrize("lines", ["xdog", "given"])
def test_extractor_without_its_lines_is_refused(
    config: FolderConfig, tmp_path: Path, lines: str
) -> None:
    (tmp_path / "list.txt").write_text("pictures/scene 1.jpg\n")
    with pytest.raises(UserError, match=f"--lines {lines} uses no extractor"):
        make_shards(
            ListConfig(
                file=tmp_path / "list.txt", output=config.output, lines=lines, extractor=tmp_path
            )
        )
    assert not config.output.exists()


def test_a_scale_for_no_extractor_is_refused(config: FolderConfig) -> None:
    with pytest.raises(UserError, match="--lines xdog uses no extractor; leave out --extractor-s"):
        make_shards(replace(config, extractor_scale=4))
    assert not config.output.exists()


# ---- An output that is not empty


def test_finished_set_is_left_alone(config: FolderConfig) -> None:
    make_shards(config)
    before = files_of(config.output)
    assert make_shards(replace(config, workers=2)) is None
    assert files_of(config.output) == before


def test_other_settings_are_refused_with_the_difference(config: FolderConfig) -> None:
    make_shards(config)
    before = files_of(config.output)
    with pytest.raises(UserError, match="size was 48, now 64"):
        make_shards(replace(config, size=64))
    Image.new("RGB", (20, 20)).save(config.folder / "new.png")
    with pytest.raises(UserError, match="pictures was 10, now 11"):
        make_shards(config)
    assert files_of(config.output) == before


def test_another_source_of_the_same_pictures_is_refused(
    config: FolderConfig, tmp_path: Path
) -> None:
    make_shards(config)
    names = (path.relative_to(config.folder) for path in config.folder.rglob("*scene*"))
    (config.folder / "list.txt").write_text("\n".join(map(str, names)))
    with pytest.raises(UserError, match="source was folder, now list"):
        make_shards(ListConfig(file=config.folder / "list.txt", output=config.output, size=48))


def test_shards_of_others_are_not_touched(config: FolderConfig) -> None:
    foreign = config.output / "train" / "000000.tar"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"precious")
    for _ in range(2):
        with pytest.raises(UserError, match=r"000000\.tar"):
            make_shards(config)
    assert foreign.read_bytes() == b"precious"


# ---- Refusals


def test_no_usable_picture_is_refused(config: FolderConfig) -> None:
    for path in config.folder.rglob("*.*"):
        path.write_bytes(b"")
    with pytest.raises(UserError, match=r"no picture can be used .*10 broken"):
        make_shards(config)
    assert len((config.output / "rejected.jsonl").read_text().splitlines()) == 11
    assert not list(config.output.rglob("index.json"))


def test_all_held_out_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chance may do that, of many groups and a share near 1."""
    without_workers(monkeypatch)
    monkeypatch.setattr("colorizer.making.splitting.FEW", 2)
    for number in range(2):
        save(tmp_path / "pictures" / f"{number}.png", noise(number))
    config = FolderConfig(
        folder=tmp_path / "pictures", output=tmp_path / "made", size=32, held_out=0.9999
    )
    with pytest.raises(UserError, match=r"all 2 usable pictures are .*; give a smaller --held-out"):
        make_shards(config)


@pytest.mark.parametrize(
    "setting",
    [
        {"size": 8},
        {"size": 20_000},
        {"held_out": 1.0},
        {"held_out": -0.1},
        {"samples_per_shard": 0},
        {"workers": -1},
        {"workers": 10**20},
        {"extractor_scale": 0},
        {"xdog": XDoG(sigma=0.0)},
        {"xdog": XDoG(epsilon=float("inf"))},
        {"xdog": XDoG(epsilon=float("nan"))},
    ],
)
def test_bad_setting_is_named(config: FolderConfig, setting: dict) -> None:
    (name,) = setting
    with pytest.raises(UserError, match="--" + name.replace("_", "-")):
        make_shards(replace(config, **setting))
    assert not config.output.exists()


def test_output_inside_the_source_is_refused(config: FolderConfig) -> None:
    inside = config.folder / "shards"
    for refused in (
        replace(config, output=inside),
        replace(config, output=config.folder),
        PairedConfig(folder=config.folder, output=inside),
    ):
        with pytest.raises(UserError, match="lies in"):
            make_shards(refused)
    assert not inside.exists()


def test_output_that_cannot_be_written_is_refused(config: FolderConfig) -> None:
    config.output.write_text("a file")
    with pytest.raises(UserError, match=r"made cannot be an output folder: .*made is a file"):
        make_shards(config)
