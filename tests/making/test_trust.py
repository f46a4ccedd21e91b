"""Whatever lies in a folder: every file is kept or rejected with its reason, and none twice."""

import os
import shutil
import sqlite3
import struct
import zlib
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorizer.making.config import FolderConfig
from colorizer.making.listing import scratch
from colorizer.making.pipeline import make_shards
from colorizer.system.errors import UserError
from tests.helpers.making import (
    noise,
    read_rejected,
    read_set,
    samples_of,
    save,
    ten_pictures,
    without_workers,
)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderConfig:
    """An empty folder, everything to be kept for training."""
    without_workers(monkeypatch)
    (tmp_path / "pictures").mkdir()
    return replace(ten_pictures(tmp_path / "pictures", tmp_path / "made"), held_out=0.0, size=32)


def bomb() -> bytes:
    """A black and white PNG of 20000×20000 pixels."""
    rows = zlib.compress(bytes(20000 * 2501), 9)
    header = struct.pack(">IIBBBBB", 20000, 20000, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def draw_good_kinds(folder: Path) -> int:
    """Pictures of every kind that can be used, no two the same; how many."""
    save(folder / "plain.png", noise(0))
    save(folder / "photo.JPG", noise(1))
    Image.fromarray(np.dstack((noise(2), noise(3)[..., :1])), "CMYK").save(folder / "cmyk.tif")
    save(folder / "deep.png", noise(4)[..., 0].astype(np.uint16) * 257)
    Image.fromarray(noise(5)).quantize(16).save(folder / "palette.png")
    save(folder / "alpha.png", np.dstack((noise(6), noise(7)[..., :1])))
    turned = Image.Exif()
    turned[0x0112] = 6
    save(folder / "turned.jpg", noise(8, 32, 20), exif=turned)
    frames = [Image.fromarray(noise(number)) for number in (9, 10)]
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:])
    return 8


def draw_bad_kinds(folder: Path) -> dict[str, str]:
    """A file of each kind that cannot be used; its reason."""
    whole = save(folder / "plain.png", noise(0)).read_bytes()
    (folder / "z-same-bytes.png").write_bytes(whole)
    save(folder / "z-same-pixels.webp", noise(0), lossless=True)
    (folder / "broken.png").write_bytes(whole[:40] + bytes(200) + whole[240:])
    save(folder / "truncated.jpg", noise(11))
    os.truncate(folder / "truncated.jpg", 300)
    save(folder / "tiny.png", noise(12, 15, 15))
    save(folder / "one.png", noise(13, 1, 1))
    (folder / "bomb.png").write_bytes(bomb())
    (folder / "zero.png").write_bytes(b"")
    (folder / "page.png").write_text("<html>")
    (folder / "notes.txt").write_text("not a picture")
    (folder / "dangling.png").symlink_to("gone.png")
    reasons = {
        "z-same-bytes.png": "duplicate: same bytes",
        "z-same-pixels.webp": "duplicate: same pixels",
        "broken.png": "broken",
        "truncated.jpg": "broken",
        "tiny.png": "too small",
        "one.png": "too small",
        "bomb.png": "too large",
        "zero.png": "broken",
        "page.png": "a web page, no picture",
        "notes.txt": "not a picture",
        "dangling.png": "cannot be opened",
    }
    if os.geteuid() != 0:  # root reads everything
        save(folder / "locked.png", noise(14)).chmod(0)
        reasons["locked.png"] = "cannot be opened"
    return reasons


def test_every_file_is_kept_or_rejected_with_its_reason(config: FolderConfig) -> None:
    good = draw_good_kinds(config.folder)
    reasons = draw_bad_kinds(config.folder)
    assert (config.folder / "bomb.png").stat().st_size < 1_000_000
    report = make_shards(config)
    assert (report.train, report.held_out, report.animated) == (good, 0, 1)
    assert report.found == good + len(reasons)
    assert report.found == report.train + report.held_out + sum(report.rejected.values())
    for reason in reasons.values():
        assert report.rejected[reason] == list(reasons.values()).count(reason)
    rejected = read_rejected(config.output)
    assert {one["source"]: one["reason"] for one in rejected} == reasons
    assert [one["source"] for one in rejected] == sorted(reasons)
    details = {one["source"]: one["detail"] for one in rejected}
    assert details["z-same-bytes.png"] == details["z-same-pixels.webp"] == "plain.png"
    assert "400 million pixels" in details["bomb.png"] and "15x15" in details["tiny.png"]
    kept = {sample["source"] for sample in read_set(config.output).values()}
    everything = {path.name for path in config.folder.iterdir()}
    assert kept | set(reasons) == everything and not kept & set(reasons)


def test_kinds_decode_to_their_pixels_in_the_shards(config: FolderConfig) -> None:
    draw_good_kinds(config.folder)
    make_shards(config)
    color = {sample["source"]: color for _, color, _, sample in samples_of(config.output)}
    assert np.array_equal(color["plain.png"], noise(0))
    assert np.array_equal(color["deep.png"], np.dstack([noise(4)[..., 0]] * 3))
    alpha = noise(7)[..., :1] / 255
    assert np.array_equal(color["alpha.png"], np.rint(noise(6) * alpha + 255 * (1 - alpha)))
    upright = color["turned.jpg"]  # 20×32 once it is turned: white to its left and right
    assert (upright[:, :6] == 255).all() and (upright[:, 26:] == 255).all()


def test_no_duplicate_lands_on_the_other_side_of_the_split(config: FolderConfig) -> None:
    folder = config.folder
    for number in range(24):
        save(folder / f"{number}.png", noise(number))
        shutil.copy(folder / f"{number}.png", folder / f"copy of {number}.png")
        save(folder / "more" / f"{number} again.webp", noise(number), lossless=True)
    report = make_shards(replace(config, held_out=0.5))
    assert report.train > 4 and report.held_out > 4
    assert report.train + report.held_out == 24
    assert sum(report.rejected.values()) == 48
    colors = {color.tobytes() for _, color, _, _ in samples_of(config.output)}
    assert colors == {noise(number).tobytes() for number in range(24)}


def test_rejections_are_the_same_every_time(config: FolderConfig, tmp_path: Path) -> None:
    draw_bad_kinds(config.folder)
    make_shards(config)
    make_shards(replace(config, output=tmp_path / "again"))
    first, again = (
        (output / "rejected.jsonl").read_bytes() for output in (config.output, tmp_path / "again")
    )
    assert first == again


def test_names_that_are_no_text_are_listed(config: FolderConfig) -> None:
    save(config.folder / "a.png", noise(0))
    (config.folder / "\udcff.png").write_bytes(b"")
    (config.folder / "\udcfe.txt").write_bytes(b"")
    report = make_shards(config)
    assert dict(report.rejected) == {"broken": 1, "not a picture": 1}
    sources = [one["source"] for one in read_rejected(config.output)]
    assert sources == ["\udcfe.txt", "\udcff.png"]


def test_nothing_rejected_leaves_no_list(config: FolderConfig) -> None:
    save(config.folder / "a.png", noise(0))
    assert not make_shards(config).rejected
    assert not (config.output / "rejected.jsonl").exists()


def test_a_folder_whose_name_is_no_text_gets_its_shards(config: FolderConfig) -> None:
    save(config.folder / "a.png", noise(0))
    named = replace(config, output=config.output.with_name("\udcff made"))
    assert make_shards(named).train
    assert (named.output / "train" / "index.json").exists()


@pytest.mark.parametrize("name", ["preview.png", "rejected.jsonl"])
def test_files_of_the_user_in_the_output_folder_stay(config: FolderConfig, name: str) -> None:
    save(config.folder / "a.png", noise(0))
    config.output.mkdir()
    (config.output / name).write_text("mine")
    with pytest.raises(UserError, match=rf"{name} is in the way"):
        make_shards(config)
    assert (config.output / name).read_text() == "mine"


def test_shards_do_not_go_between_the_pictures(config: FolderConfig) -> None:
    save(config.folder / "train" / "a.png", noise(0))
    inside = replace(config, folder=config.folder / "train", output=config.folder)
    with pytest.raises(UserError, match=r"would put shards into .*, where the pictures are"):
        make_shards(inside)
    assert [path.name for path in (config.folder / "train").iterdir()] == ["a.png"]


def test_an_output_that_is_a_file_is_said_to_be_one(config: FolderConfig) -> None:
    save(config.folder / "a.png", noise(0))
    config.output.write_text("a file")
    with pytest.raises(UserError, match=r"cannot be an output folder: .* is a file"):
        make_shards(config)


@pytest.mark.parametrize("name", ["made", "it's made", "\udcff made"])
def test_what_is_sorted_lies_on_the_outputs_disk(tmp_path: Path, name: str) -> None:
    """The folder for temporary files may be small."""
    (tmp_path / name).mkdir()
    with scratch(tmp_path / name / "a.sqlite", "CREATE TABLE a (b)") as base:
        held = base.execute("PRAGMA temp_store_directory").fetchone()
        assert held == (None if "\udcff" in name else (str(tmp_path / name),))
        base.execute("COMMIT")
    with closing(sqlite3.connect(":memory:")) as base:
        assert base.execute("PRAGMA temp_store_directory").fetchone() is None
