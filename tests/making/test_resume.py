"""Stopped at any point, the same command ends with the bytes of a run that was not."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from colorizer.making import pipeline
from colorizer.making.config import FolderConfig
from colorizer.making.pipeline import make_shards
from colorizer.shards.writer import ShardWriter
from colorizer.system.errors import UserError
from tests.helpers.making import files_of, serial, ten_pictures, with_small_pieces


@pytest.fixture
def config(picture_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderConfig:
    """Ten pictures in pieces of four."""
    with_small_pieces(monkeypatch)
    return replace(ten_pictures(picture_folder, tmp_path / "made"), size=32)


@pytest.fixture
def whole(config: FolderConfig, tmp_path: Path) -> dict[str, bytes]:
    """The files of a run that nobody stopped."""
    make_shards(replace(config, output=tmp_path / "whole"))
    return files_of(tmp_path / "whole")


def stop_before(call: int, function: Callable) -> Callable:
    """The function, but for a Ctrl-C instead of its call number `call` (from 0)."""
    calls = 0

    def stopped(*arguments: object, **options: object) -> object:
        nonlocal calls
        calls += 1
        if calls == call + 1:
            raise KeyboardInterrupt
        return function(*arguments, **options)

    return stopped


def stop_after(call: int, function: Callable) -> Callable:
    """As `stop_before`, but once that call has done its work."""
    calls = 0

    def stopped(*arguments: object, **options: object) -> object:
        nonlocal calls
        calls += 1
        result = function(*arguments, **options)
        if calls == call + 1:
            raise KeyboardInterrupt
        return result

    return stopped


def assert_goes_on(config: FolderConfig, whole: dict[str, bytes]) -> None:
    make_shards(config)
    assert files_of(config.output) == whole
    assert not (config.output / "unfinished").exists()


@pytest.mark.parametrize("samples", [0, 1, 3, 4, 5, 8, 9])
def test_stopped_after_some_samples(
    config: FolderConfig, whole: dict[str, bytes], samples: int
) -> None:
    """Before, within and after pieces; and only what is missing is prepared again."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(pipeline, "prepare", stop_before(samples, pipeline.prepare))
        make_shards(config)
    left = files_of(config.output)
    assert not any(name.endswith(("index.json", ".tar")) for name in left)
    finished = samples // 4
    assert sum(name.endswith(".jsonl") for name in left) == finished
    prepared = []
    with pytest.MonkeyPatch.context() as patch:
        prepare = pipeline.prepare
        patch.setattr(
            pipeline,
            "prepare",
            lambda how, item: prepared.append(item.source) or prepare(how, item),
        )
        assert_goes_on(config, whole)
    assert len(prepared) == len(set(prepared)) == 10 - 4 * finished


@pytest.mark.parametrize("stop", [stop_before, stop_after])
def test_stopped_before_or_after_any_file_gets_its_name(
    config: FolderConfig, tmp_path: Path, whole: dict[str, bytes], stop: Callable
) -> None:
    """Among them: between the two files of a piece, between the indexes, before the preview."""
    moments = []
    while True:
        here = replace(config, output=tmp_path / f"made-{len(moments)}")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "replace", stop(len(moments), os.replace))
            try:
                make_shards(here)
            except KeyboardInterrupt:
                moments.append(frozenset(files_of(here.output)))
            else:
                break
        finished = here.output / "held-out" / "index.json"
        if finished.exists():  # all that is left to do is to clean up
            assert make_shards(here) is None
            assert files_of(here.output) == whole and not (here.output / "unfinished").exists()
        else:
            assert_goes_on(here, whole)
    assert len(set(moments)) == len(moments) - 1 > 12  # the trial of the disk is two with nothing
    lone = ("unfinished/000001.pictures", "unfinished/000001.jsonl")
    assert any(lone[0] in files and lone[1] not in files for files in moments)


@pytest.mark.parametrize("samples", [0, 3, 9])
def test_stopped_while_shards_are_written(
    config: FolderConfig, whole: dict[str, bytes], samples: int
) -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        write = ShardWriter.write_encoded
        patch.setattr(ShardWriter, "write_encoded", stop_before(samples, write))
        make_shards(config)
    assert not list(config.output.rglob("index.json"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "prepare", None)  # all pieces are made
        assert_goes_on(config, whole)


def test_continued_run_says_so(config: FolderConfig, capsys: pytest.CaptureFixture) -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(pipeline, "map_in_order", stop_before(0, serial))
        make_shards(config)
    assert "Continuing" not in capsys.readouterr().out
    make_shards(config)
    assert "Continuing the unfinished set" in capsys.readouterr().out


def test_error_while_a_shard_is_written_leaves_no_final_name(config: FolderConfig) -> None:
    def fail(*arguments: object) -> None:
        raise ZeroDivisionError

    with pytest.MonkeyPatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(ShardWriter, "write_encoded", fail)
        make_shards(config)
    assert not list(config.output.rglob("*.tar")) and not list(config.output.rglob("index.json"))


# ---- Between the last index and the end


@pytest.mark.parametrize("left", ["all", "no settings", "no listing", "nothing"])
def test_leftovers_of_a_finished_run_are_cleaned(
    config: FolderConfig, whole: dict[str, bytes], left: str
) -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(shutil, "rmtree", stop_before(0, shutil.rmtree))
        make_shards(config)
    work = config.output / "unfinished"
    assert (work / "settings.json").exists() and (work / "listing.sqlite").exists()
    if left == "nothing":
        shutil.rmtree(work)
        work.mkdir()
    elif left != "all":
        next(work.glob(f"{left.split()[1]}.*")).unlink()
    assert make_shards(config) is None
    assert files_of(config.output) == whole and not work.exists()


# ---- Other settings


@pytest.fixture
def unfinished(config: FolderConfig) -> FolderConfig:
    """Stopped after the first piece."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(pipeline, "prepare", stop_before(5, pipeline.prepare))
        make_shards(config)
    return config


def test_other_settings_are_refused_and_nothing_changes(
    unfinished: FolderConfig, whole: dict[str, bytes]
) -> None:
    before = files_of(unfinished.output)
    for change, words in (
        ({"size": 64}, "unfinished set with other settings .*size was 32, now 64"),
        ({"fit": "crop"}, "fit was pad, now crop"),
        ({"group_by": "parent"}, "group_by was None, now parent"),
    ):
        with pytest.raises(UserError, match=words):
            make_shards(replace(unfinished, **change))
    after = files_of(unfinished.output)
    assert after.pop("unfinished/listing-new.sqlite")  # written anew by every run
    assert after == before
    assert_goes_on(unfinished, whole)


def test_a_collection_that_grew_goes_on_with_what_is_unchanged(
    unfinished: FolderConfig, whole: dict[str, bytes], capsys: pytest.CaptureFixture
) -> None:
    """Pictures between the others and behind them, and files that are none."""
    for name in ("0.jpg", "scene 11.jpg", "zz/z.jpg"):
        (unfinished.folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(unfinished.folder / "scene 1.jpg", unfinished.folder / name)
    (unfinished.folder / "more.txt").write_text("not a picture")
    assert_goes_on(unfinished, whole)
    said = " ".join(capsys.readouterr().err.split())
    assert f"3 pictures were added since {unfinished.output} was begun; it goes on" in said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda path: path.write_bytes(path.read_bytes() + b"more"), "fingerprint was"),
        (lambda path: path.unlink(), "pictures was 10, now 9"),
        (lambda path: path.rename(path.with_name("0.jpg")), "fingerprint was"),
    ],
)
def test_a_changed_picture_is_refused_and_the_old_ones_go_on(
    unfinished: FolderConfig, whole: dict[str, bytes], tmp_path: Path, change, words: str
) -> None:
    shutil.copytree(unfinished.folder, tmp_path / "kept")
    change(unfinished.folder / "scene 1.jpg")
    for _ in range(2):
        with pytest.raises(UserError, match=words):
            make_shards(unfinished)
    shutil.rmtree(unfinished.folder)
    shutil.copytree(tmp_path / "kept", unfinished.folder)
    assert_goes_on(unfinished, whole)


@pytest.mark.parametrize("change", [{"held_out": 0.6}, {"samples_per_shard": 2}])
def test_how_shards_are_cut_may_change_on_the_way(
    unfinished: FolderConfig, tmp_path: Path, change: dict
) -> None:
    changed = replace(unfinished, **change)
    make_shards(changed)
    make_shards(replace(changed, output=tmp_path / "fresh"))
    assert files_of(changed.output) == files_of(tmp_path / "fresh")


# ---- Pieces that were damaged in between


def test_damaged_piece_is_named_with_what_to_do(config: FolderConfig) -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(ShardWriter, "write_encoded", stop_before(0, ShardWriter.write_encoded))
        make_shards(config)
    piece = config.output / "unfinished" / "000001.pictures"
    piece.write_bytes(piece.read_bytes()[:100])
    with pytest.raises(
        UserError, match=r"000001\.pictures cannot be used .*delete .*000001\.jsonl"
    ):
        make_shards(config)
    (config.output / "unfinished" / "000001.jsonl").unlink()
    assert make_shards(config).train > 0
