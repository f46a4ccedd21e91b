"""WebDataset tars as a source: what makes a sample, what it is called, and what is kept with it.

What is rejected or refused is in test_rejected_tar_members.py.
"""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from colorizer.loading.references import groups
from colorizer.making.config import TarsConfig
from colorizer.making.pipeline import make_shards
from colorizer.shards.format import KEY
from colorizer.shards.index import read_index
from colorizer.shards.reader import ShardReader
from tests.helpers.making import (
    encoded,
    find,
    grey,
    load,
    noise,
    outcomes,
    read_set,
    reasons,
    samples_of,
    tars_of,
    ten_pictures,
    without_workers,
    write_tar,
)


def test_pictures_of_img2dataset_come_with_their_json(tmp_path: Path) -> None:
    note = {"url": "http://host/a", "caption": "赤い帽子", "width": 20}
    write_tar(
        tmp_path / "00000.tar",
        [
            ("000000000.jpg", encoded(grey(60), "JPEG")),
            ("000000000.json", json.dumps(note).encode()),
            ("000000000.txt", b"a caption"),
            ("000000001.png", encoded(grey(70))),
            ("000000002.json", b"[1, 2]"),
            ("000000002.webp", encoded(grey(80), "WEBP", lossless=True)),
        ],
    )
    (tmp_path / "00000.parquet").write_bytes(b"")
    (tmp_path / "00000_stats.json").write_text("{}")
    pictures = load(tars_of(tmp_path))
    assert list(pictures) == [f"00000.tar/00000000{number}" for number in range(3)]
    first, second, third = pictures.values()
    assert [int(picture.color[0, 0, 0]) for picture in (first, second, third)] == [60, 70, 80]
    assert first.metadata == {"metadata": note} and third.metadata == {"metadata": [1, 2]}
    assert second.metadata == {} and second.line is None
    assert not reasons(tars_of(tmp_path))


def test_folders_are_searched_at_any_depth(tmp_path: Path) -> None:
    for name in ("b.tar", "sub/deep/a.tar", ".hidden/c.tar", ".d.tar"):
        write_tar(tmp_path / name, [("x.png", encoded(grey(0)))])
    items, rejections = find(tars_of(tmp_path))
    assert [item.source for item in items] == ["b.tar/x", "sub/deep/a.tar/x"]
    assert not rejections
    items, _ = find(tars_of(tmp_path / "b.tar"))
    assert [item.source for item in items] == ["b.tar/x"]
    assert all(KEY.fullmatch(item.key) for item in items)


def test_metadata_of_a_sample_is_kept_apart_from_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_workers(monkeypatch)
    note = {"source": "theirs", "size": "theirs", "lines": "theirs"}
    members = [("k.png", encoded(noise(0))), ("k.json", json.dumps(note).encode())]
    write_tar(tmp_path / "a.tar", members)
    config = TarsConfig(
        tars=tmp_path / "a.tar", output=tmp_path / "made", size=32, held_out=0.0, workers=1
    )
    make_shards(config)
    (metadata,) = read_set(config.output).values()
    assert metadata["metadata"] == note
    assert (metadata["source"], metadata["size"]) == ("a.tar/k", [32, 32])
    assert metadata["lines"]["method"] == "xdog"


def test_our_own_shards_are_a_source(
    picture_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_workers(monkeypatch)
    config = ten_pictures(picture_folder, tmp_path / "made")
    make_shards(config)
    again = TarsConfig(
        tars=config.output / "train",
        output=tmp_path / "again",
        size=48,
        held_out=0.0,
        lines="given",
        workers=1,
    )
    report = make_shards(again)
    assert report.train == report.found == read_index(config.output / "train").samples
    before = {name: sample for name, *sample in samples_of(config.output)}
    for _, color, line, metadata in samples_of(again.output):
        first_color, first_line, first_metadata = before[f"train/{metadata['source'][11:]}"]
        assert np.array_equal(color, first_color) and np.array_equal(line, first_line)
        assert metadata["metadata"] == first_metadata
        assert metadata["lines"]["method"] == "given"


@pytest.mark.parametrize("name", ["魔女", "x" * 180, "sub/folder/a", "./a", "Élan été"])
def test_any_name_gets_a_safe_key(tmp_path: Path, name: str) -> None:
    write_tar(tmp_path / "a.tar", [(f"{name}.png", encoded(grey(9)))])
    ((item,), _) = find(tars_of(tmp_path))
    assert item.source == f"a.tar/{name}" and KEY.fullmatch(item.key)
    assert (load(tars_of(tmp_path))[item.source].color == 9).all()


def test_dots_end_the_key_as_in_webdataset_and_nothing_is_lost(tmp_path: Path) -> None:
    write_tar(
        tmp_path / "v1.0.tar", [("hat.v2.png", encoded(grey(0))), ("b.png", encoded(grey(0)))]
    )
    items, rejections = find(tars_of(tmp_path))
    assert [item.source for item in items] == ["v1.0.tar/b"]
    ((source, reason, detail),) = ((one.source, one.reason, one.detail) for one in rejections)
    assert (source, reason) == ("v1.0.tar/hat", "a dot in its name")
    assert detail == "hat.v2.png: a key ends at its first dot: rename it"


def test_hidden_members_and_folders_are_passed_over(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        folder = tarfile.TarInfo("sub")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name in ("._a.png", "sub/.DS_Store", "sub/a.png"):
            info = tarfile.TarInfo(name)
            data = encoded(grey(0))
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    assert outcomes(tars_of(tmp_path)) == {"a.tar/sub/a": "loaded"}


def test_foreign_json_of_any_types_is_kept_apart_from_our_own(tmp_path: Path) -> None:
    notes = (
        {"group": {"a": 1}, "character": 3, "size": "?", "lines": []},
        {"group": 3, "character": {"seed": "x"}},
        [float("nan"), float("inf"), 10**3000, "\ud800", None, True],
    )
    members = [
        member
        for number, note in enumerate(notes)
        for member in (
            (f"k{number}.png", encoded(noise(number))),
            (f"k{number}.json", json.dumps(note).encode()),
        )
    ]
    write_tar(tmp_path / "from" / "x.tar", members)
    made = tmp_path / "made"
    make_shards(TarsConfig(tars=tmp_path / "from", output=made, size=32, held_out=0.0, workers=1))
    reader = ShardReader(made / "train")
    assert groups(reader) == [f"sample {reader[number].key}" for number in range(3)]
    assert [reader[number].metadata["metadata"] for number in range(3)] == [
        *notes[:2],
        [None, None, 10**3000, "\ud800", None, True],
    ]


def test_same_key_in_two_tars_makes_two_samples(tmp_path: Path) -> None:
    for name in ("a.tar", "b.tar"):
        write_tar(tmp_path / name, [("0.png", encoded(grey(0)))])
    items, _ = find(tars_of(tmp_path))
    assert len({item.key for item in items}) == 2
