"""Making a whole set of shards: the same bytes whatever the workers, and nothing lost or hidden."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorizer.config import CharactersConfig, FolderConfig, SideBySideConfig
from colorizer.data.make import is_held_out, make_shards
from colorizer.data.shards import decode_line, read_index, scan_shard
from colorizer.data.workers import map_in_order
from colorizer.errors import UserError


def read_set(output: Path) -> dict[str, dict]:
    """Metadata of every sample by part/key."""
    found = {}
    for part in ("train", "held-out"):
        index = read_index(output / part)
        for shard in index.shards:
            path = output / part / shard.name
            data = path.read_bytes()
            for members in scan_shard(path, shard):
                offset, size = members.json
                found[f"{part}/{members.key}"] = json.loads(data[offset : offset + size])
    return found


def files_of(output: Path) -> dict[str, bytes]:
    paths = (path for path in output.rglob("*") if path.is_file())
    return {path.relative_to(output).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture
def config(picture_folder: Path, tmp_path: Path) -> FolderConfig:
    return FolderConfig(
        folder=picture_folder,
        output=tmp_path / "made",
        size=48,
        held_out=0.3,
        samples_per_shard=3,
        workers=1,
    )


def test_bytes_do_not_depend_on_the_number_of_workers(config: FolderConfig, tmp_path: Path) -> None:
    make_shards(config)
    make_shards(replace(config, output=tmp_path / "again", workers=2))
    files = files_of(config.output)
    assert files == files_of(tmp_path / "again")
    assert not any("unfinished" in name or "partial" in name for name in files)
    assert read_index(config.output / "train").size == 48


def test_every_picture_is_kept_or_rejected(config: FolderConfig) -> None:
    folder = config.folder
    (folder / "broken.png").write_bytes((folder / "more/deep/scene 0.png").read_bytes()[:90])
    Image.new("RGB", (8, 8)).save(folder / "small.png")
    report = make_shards(config)
    assert report.found == 13
    assert report.train + report.held_out == 10
    samples = read_set(config.output)
    assert len(samples) == 10
    lines = (config.output / "rejected.jsonl").read_text().splitlines()
    rejected = {line["source"]: line["reason"] for line in map(json.loads, lines)}
    assert rejected == {
        "broken.png": "broken",
        "notes.txt": "not a picture",
        "small.png": "too small",
    }


def test_animations_are_counted(config: FolderConfig) -> None:
    frames = [Image.new("RGB", (20, 20), color) for color in ("red", "blue")]
    frames[0].save(config.folder / "moving.gif", save_all=True, append_images=frames[1:])
    assert make_shards(config).animated == 1


def test_metadata_says_where_a_sample_comes_from(config: FolderConfig) -> None:
    make_shards(config)
    samples = {sample["source"]: sample for sample in read_set(config.output).values()}
    sample = samples["more/deep/scene 3.png"]
    assert sample["size"] == [60 + 27, 100 - 12]
    assert sample["lines"]["method"] == "xdog" and sample["lines"]["sigma"] > 0


def test_held_out_share_is_decided_by_the_key_alone(config: FolderConfig) -> None:
    make_shards(config)
    for name in read_set(config.output):
        part, key = name.split("/")
        assert (part == "held-out") == is_held_out(key, 0.3)
    held = sum(is_held_out(f"key-{number}", 0.05) for number in range(10_000))
    assert 400 < held < 600


def test_a_character_is_on_one_side_of_the_split(tmp_path: Path) -> None:
    config = CharactersConfig(output=tmp_path, count=12, poses=3, size=32, held_out=0.4, workers=1)
    report = make_shards(config)
    assert report.train + report.held_out == 36
    sides: dict[str, set[str]] = {}
    for name, sample in read_set(tmp_path).items():
        sides.setdefault(sample["group"], set()).add(name.split("/")[0])
    assert len(sides) == 12 and all(len(side) == 1 for side in sides.values())
    assert set.union(*sides.values()) == {"train", "held-out"}


def test_val_is_held_out_unless_a_share_is_given(tmp_path: Path) -> None:
    pair = np.hstack((np.zeros((20, 20, 3), np.uint8), np.full((20, 20, 3), 77, np.uint8)))
    for name in ("train/a", "train/b", "train/c", "val/d", "val/e"):
        path = tmp_path / "pairs" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pair).save(path)
    config = SideBySideConfig(
        folder=tmp_path / "pairs", output=tmp_path / "split", size=32, workers=1
    )
    assert (make_shards(config).train, read_index(config.output / "held-out").samples) == (3, 2)
    for name, sample in read_set(config.output).items():
        assert name.startswith("held-out/") == sample["source"].startswith("val/")
    everything = replace(config, output=tmp_path / "all", held_out=0.0)
    assert make_shards(everything).train == 5
    shard = read_index(tmp_path / "all" / "train").shards[0]
    members = scan_shard(tmp_path / "all" / "train" / shard.name, shard)[0]
    data = (tmp_path / "all" / "train" / shard.name).read_bytes()
    offset, size = members.line
    assert (decode_line(data[offset : offset + size]) == 77).all()


# ---- An output that is not empty


def test_finished_set_is_left_alone(config: FolderConfig) -> None:
    make_shards(config)
    before = files_of(config.output)
    assert make_shards(replace(config, workers=2)) is None
    assert files_of(config.output) == before


def test_other_settings_are_refused_with_the_difference(config: FolderConfig) -> None:
    make_shards(config)
    before = files_of(config.output)
    with pytest.raises(UserError, match="size: 48 there, 64 asked for"):
        make_shards(replace(config, size=64))
    Image.new("RGB", (20, 20)).save(config.folder / "new.png")
    with pytest.raises(UserError, match="pictures: 10 there, 11 asked for"):
        make_shards(config)
    assert files_of(config.output) == before


def test_interrupted_run_is_made_again(config: FolderConfig, capsys, monkeypatch) -> None:
    make_shards(config)
    whole = files_of(config.output)
    for path in config.output.rglob("*.*"):
        path.unlink()
    kill_after(3, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        make_shards(config)
    left = files_of(config.output)
    assert "unfinished.json" in left and not any(name.endswith("index.json") for name in left)
    monkeypatch.undo()
    capsys.readouterr()
    make_shards(config)
    assert "unfinished run removed" in capsys.readouterr().out
    assert files_of(config.output) == whole


def kill_after(samples: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Ctrl-C arrive once some samples are written."""

    def interrupted(function, tasks, workers):
        for done, result in enumerate(map_in_order(function, tasks, workers)):
            if done == samples:
                raise KeyboardInterrupt
            yield result

    monkeypatch.setattr("colorizer.data.make.map_in_order", interrupted)


def test_shards_of_others_are_not_touched(config: FolderConfig) -> None:
    foreign = config.output / "train" / "000000.tar"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"precious")
    with pytest.raises(UserError, match=r"000000\.tar"):
        make_shards(config)
    assert foreign.read_bytes() == b"precious"


# ---- Refusals


def test_no_usable_picture_is_refused(config: FolderConfig) -> None:
    for path in config.folder.rglob("*.*"):
        path.write_bytes(b"")
    with pytest.raises(UserError, match=r"no picture could be used .*10 broken"):
        make_shards(config)
    assert len((config.output / "rejected.jsonl").read_text().splitlines()) == 11
    assert not list(config.output.rglob("index.json"))


def test_all_held_out_is_refused(config: FolderConfig) -> None:
    with pytest.raises(UserError, match="smaller --held-out"):
        make_shards(replace(config, held_out=0.9999))


@pytest.mark.parametrize(
    "setting",
    [
        {"size": 8},
        {"size": 20_000},
        {"held_out": 1.0},
        {"held_out": -0.1},
        {"samples_per_shard": 0},
        {"workers": -1},
    ],
)
def test_bad_setting_is_named(config: FolderConfig, setting: dict) -> None:
    (name,) = setting
    with pytest.raises(UserError, match="--" + name.replace("_", "-")):
        make_shards(replace(config, **setting))
    assert not config.output.exists()


def test_output_inside_the_source_is_refused(config: FolderConfig) -> None:
    with pytest.raises(UserError, match="lies in"):
        make_shards(replace(config, output=config.folder / "shards"))


def test_output_that_cannot_be_written_is_refused(config: FolderConfig) -> None:
    config.output.write_text("a file")
    with pytest.raises(UserError, match=r"cannot write .*made"):
        make_shards(config)


# ---- Workers


def fail_on_three(task: int) -> int:
    if task == 3:
        raise ZeroDivisionError("three")
    return task * task


def test_results_come_in_order() -> None:
    assert list(map_in_order(abs, range(-40, 0), 2)) == list(range(40, 0, -1))


def test_exception_of_a_worker_is_not_swallowed() -> None:
    results = map_in_order(fail_on_three, range(100), 2)
    assert [next(results), next(results), next(results)] == [0, 1, 4]
    with pytest.raises(ZeroDivisionError, match="three"):
        next(results)


def test_look_ahead_is_bounded() -> None:
    taken = []
    tasks = (taken.append(number) or number for number in range(1000))
    results = map_in_order(abs, tasks, 1)
    next(results)
    results.close()
    assert len(taken) < 10


def kill_self(task: int) -> int:
    import os
    import signal

    os.kill(os.getpid(), signal.SIGKILL)
    return task


def test_killed_worker_is_said() -> None:
    with pytest.raises(UserError, match="memory"):
        list(map_in_order(kill_self, range(3), 1))
