"""WebDataset tars as a source: what makes a sample, and what is only ever rejected."""

import io
import json
import re
import tarfile
from pathlib import Path

import numpy as np
import pytest

from colorizer.loading.references import groups
from colorizer.making.config import TarsConfig
from colorizer.making.pipeline import make_shards
from colorizer.making.sources import source_of
from colorizer.pictures.decode import UnusablePicture
from colorizer.shards.format import KEY
from colorizer.shards.index import read_index
from colorizer.shards.reader import ShardReader
from colorizer.system.errors import UserError
from tests.helpers.making import (
    OUTPUT,
    encoded,
    files_of,
    find,
    grey,
    load,
    noise,
    read_set,
    reasons,
    samples_of,
    ten_pictures,
    without_workers,
    write_tar,
)


def tars_of(path: Path) -> TarsConfig:
    return TarsConfig(tars=path, output=OUTPUT)


def outcomes(config: TarsConfig) -> dict[str, str]:
    """What each item loads to: "loaded", or why it was rejected."""
    found = {}
    for source in (item.source for item in find(config)[0]):
        try:
            load_one(config, source)
            found[source] = "loaded"
        except UnusablePicture as rejected:
            found[source] = rejected.reason
    return found | reasons(config)


def load_one(config: TarsConfig, name: str):
    (item,) = (item for item in find(config)[0] if item.source == name)
    return source_of(config).load(item)


# ---- Samples


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
    assert (source, reason) == ("v1.0.tar/hat", "no picture") and "hat.v2.png" in detail


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


# ---- Samples that cannot be used


def test_bad_samples_are_rejected_with_their_reason(tmp_path: Path) -> None:
    good = encoded(noise(1))
    write_tar(
        tmp_path / "a.tar",
        [
            ("good.png", good),
            ("badjson.png", good),
            ("badjson.json", b"{"),
            ("nested.png", good),
            ("nested.json", b"[" * 100_000),
            ("nopicture.json", b"{}"),
            ("two.png", good),
            ("two.jpg", good),
            ("othersize.color.png", good),
            ("othersize.line.png", encoded(noise(1, 33, 32))),
            ("cut.png", good[:100]),
            ("empty.png", b""),
            ("onlyline.line.png", good),
            ("video.mp4", b"x"),
        ],
    )
    assert outcomes(tars_of(tmp_path)) == {
        "a.tar/good": "loaded",
        "a.tar/badjson": "broken",
        "a.tar/nested": "broken",
        "a.tar/nopicture": "no picture",
        "a.tar/two": "pictures not clear",
        "a.tar/othersize": "sizes of a pair differ",
        "a.tar/cut": "broken",
        "a.tar/empty": "broken",
        "a.tar/onlyline": "no picture",
        "a.tar/video": "no picture",
    }


@pytest.mark.parametrize(("depth", "outcome"), [(40, "loaded"), (60, "broken"), (600, "broken")])
def test_deeply_nested_json_stops_nothing(tmp_path: Path, depth: int, outcome: str) -> None:
    """Python can read it, but not send it from one process to another."""
    note = b"[" * depth + b"]" * depth
    write_tar(tmp_path / "a.tar", [("a.png", encoded(grey(0))), ("a.json", note)])
    assert outcomes(tars_of(tmp_path)) == {"a.tar/a": outcome}


def test_very_long_json_is_rejected(tmp_path: Path) -> None:
    note = json.dumps("x" * 1_000_001).encode()
    write_tar(tmp_path / "a.tar", [("a.png", encoded(grey(0))), ("a.json", note)])
    assert outcomes(tars_of(tmp_path)) == {"a.tar/a": "broken"}


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


def test_same_key_twice_apart_is_refused_naming_it(tmp_path: Path) -> None:
    members = [(f"{name}.png", encoded(noise(0))) for name in ("a", "b", "c", "a")]
    write_tar(tmp_path / "from" / "x.tar", members)
    config = TarsConfig(tars=tmp_path / "from", output=tmp_path / "made", workers=1)
    with pytest.raises(UserError, match=r"x\.tar/a is listed twice"):
        make_shards(config)
    assert not list(config.output.rglob("*.tar"))


def test_same_key_in_two_tars_makes_two_samples(tmp_path: Path) -> None:
    for name in ("a.tar", "b.tar"):
        write_tar(tmp_path / name, [("0.png", encoded(grey(0)))])
    items, _ = find(tars_of(tmp_path))
    assert len({item.key for item in items}) == 2


# ---- Nothing leaves its folder


def odd_member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        (odd_member("/tmp/evil.png"), "unsafe name"),
        (odd_member("../evil.png"), "unsafe name"),
        (odd_member("a/../../evil.png"), "unsafe name"),
        (odd_member("evil.png", tarfile.SYMTYPE, "/etc/passwd"), "no plain file"),
        (odd_member("evil.png", tarfile.SYMTYPE, "good.png"), "no plain file"),
        (odd_member("evil.png", tarfile.LNKTYPE, "good.png"), "no plain file"),
        (odd_member("evil.png", tarfile.CHRTYPE), "no plain file"),
        (odd_member("evil.png", tarfile.FIFOTYPE), "no plain file"),
    ],
)
def test_odd_members_are_rejected_and_nothing_is_extracted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, info: tarfile.TarInfo, reason: str
) -> None:
    without_workers(monkeypatch)
    monkeypatch.chdir(tmp_path)
    data = encoded(noise(3))
    (tmp_path / "from" / "deep").mkdir(parents=True)
    with tarfile.open(tmp_path / "from" / "deep" / "a.tar", "w") as tar:
        good = tarfile.TarInfo("good.png")
        good.size = len(data)
        tar.addfile(good, io.BytesIO(data))
        if info.isreg():
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        else:
            tar.addfile(info)
    config = TarsConfig(
        tars=tmp_path / "from", output=tmp_path / "made", size=32, held_out=0.0, workers=1
    )
    report = make_shards(config)
    assert (report.found, report.train, dict(report.rejected)) == (2, 1, {reason: 1})
    assert [path.name for path in (tmp_path / "from").rglob("*")] == ["deep", "a.tar"]
    assert {path.name for path in tmp_path.iterdir()} == {"from", "made"}
    assert not [name for name in files_of(config.output) if "evil" in name or "good" in name]
    assert not Path("/tmp/evil.png").exists()


# ---- Nothing at all


def test_folder_without_tars_is_named(tmp_path: Path) -> None:
    (tmp_path / "from").mkdir()
    with pytest.raises(UserError, match=re.escape(f"{tmp_path / 'from'} holds no tar")):
        make_shards(TarsConfig(tars=tmp_path / "from", output=tmp_path / "made"))
    assert not (tmp_path / "made").exists()
