"""WebDataset tars as a source: samples and members that are rejected or refused."""

import gzip
import io
import json
import re
import tarfile
from pathlib import Path

import numpy as np
import pytest

from colorizer.making.config import TarsConfig
from colorizer.making.pipeline import make_shards
from colorizer.system.errors import UserError
from tests.helpers.making import (
    encoded,
    files_of,
    find,
    grey,
    load,
    noise,
    outcomes,
    read_rejected,
    reasons,
    samples_of,
    tars_of,
    without_workers,
    write_tar,
)

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
            ("othersize.line.png", encoded(noise(1, 40, 32))),
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
        "a.tar/othersize": "shapes of a pair differ",
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


def test_a_key_twice_keeps_the_first_and_lists_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands of them, as of a download that was begun twice into one tar."""
    without_workers(monkeypatch)
    names = [f"{number:05d}" for number in range(8)] + ["00000", "00003"] * 1000
    members = [(f"{name}.png", encoded(noise(n % 2000))) for n, name in enumerate(names)]
    write_tar(tmp_path / "from" / "x.tar", members)
    config = TarsConfig(tars=tmp_path / "from", output=tmp_path / "made", size=32, held_out=0.0)
    report = make_shards(config)
    assert (report.train, dict(report.rejected)) == (8, {"listed twice": 2000})
    assert report.found == 2008
    first = {sample[3]["source"]: sample[1] for sample in samples_of(config.output)}
    assert np.array_equal(first["x.tar/00003"], noise(3))
    rejected = read_rejected(config.output)
    assert {each["source"] for each in rejected} == {"x.tar/00000", "x.tar/00003"}
    assert rejected[0]["detail"].startswith("the first is kept; 512+")


def test_a_member_twice_in_a_row_keeps_the_first(tmp_path: Path) -> None:
    write_tar(tmp_path / "x.tar", [("a.png", encoded(noise(0))), ("a.png", encoded(noise(1)))])
    assert np.array_equal(load(tars_of(tmp_path))["x.tar/a"].color, noise(0))
    assert reasons(tars_of(tmp_path)) == {"x.tar/a.png": "listed twice"}


@pytest.mark.parametrize("first", ["a.png", "a.json", "a.line.png"])
def test_members_of_a_key_that_lie_apart_are_named_with_the_remedy(
    tmp_path: Path, first: str
) -> None:
    """Neither a pair nor a json is lost without a word, in whatever order they come."""
    pair = {"a.png": encoded(noise(0)), "a.json": b"{}", "a.line.png": encoded(noise(1))}
    begun = [(first, pair.pop(first)), ("b.png", encoded(noise(2)))]
    write_tar(tmp_path / "x.tar", [*begun, *pair.items()])
    items, rejections = find(tars_of(tmp_path))
    (apart,) = [each for each in rejections if each.reason == "members apart"]
    assert apart.source == "x.tar/a" and ", ".join(pair) in apart.detail
    assert "tar --sort=name" in apart.detail
    kept = ["x.tar/a", "x.tar/b"] if first == "a.png" else ["x.tar/b"]
    assert [item.source for item in items] == kept
    assert len(rejections) == (1 if first == "a.png" else 2)


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


# ---- What is called a tar


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (gzip.compress(b"anything"), "compressed tar"),
        (b"PK\x03\x04" + bytes(600), "ZIP is not read"),
        (b"<!DOCTYPE html>" + bytes(600), "a web page, no picture"),
        (b"anything else" + bytes(600), "damaged tar"),
    ],
    ids=["compressed", "zip", "page", "else"],  # a compressed file holds the time
)
def test_what_is_no_tar_is_named_by_its_content(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    (tmp_path / "x.tar").write_bytes(content)
    assert reasons(tars_of(tmp_path)) == {"x.tar": reason}


def test_a_second_tar_in_one_file_is_said(tmp_path: Path) -> None:
    tars = [
        write_tar(tmp_path / f"{name}.tar", [(f"{name}.png", encoded(grey(0)))]) for name in "ab"
    ]
    (tmp_path / "both").mkdir()
    (tmp_path / "both" / "x.tar").write_bytes(b"".join(tar.read_bytes() for tar in tars))
    items, (rejection,) = find(tars_of(tmp_path / "both"))
    assert [item.source for item in items] == ["x.tar/a"]
    assert f"another tar begins at byte {tars[0].stat().st_size} of it" in rejection.detail


def test_a_sparse_member_is_no_plain_file(tmp_path: Path) -> None:
    """Whose bytes in the tar are not those of the file."""
    picture = encoded(grey(0))
    with tarfile.open(tmp_path / "x.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        for name in ("a.png", "b.png"):
            member = tarfile.TarInfo(name)
            member.size = len(picture)
            if name == "a.png":
                member.pax_headers = {"GNU.sparse.map": f"0,{len(picture)}", "GNU.sparse.size": "9"}
            tar.addfile(member, io.BytesIO(picture))
    items, _ = find(tars_of(tmp_path))
    assert [item.source for item in items] == ["x.tar/b"]
    assert reasons(tars_of(tmp_path))["x.tar/a.png"] == "no plain file"


def test_pictures_that_are_numbered_behind_a_dot_are_not_lost_in_silence(tmp_path: Path) -> None:
    """Other members of a key, such as depth maps, are passed over."""
    names = ("girl.png", "girl.1.png", "girl.2.png", "girl.depth.png", "22.05.png")
    write_tar(tmp_path / "x.tar", [(name, encoded(grey(0))) for name in names])
    items, _ = find(tars_of(tmp_path))
    assert [item.source for item in items] == ["x.tar/girl"]
    assert reasons(tars_of(tmp_path)) == dict.fromkeys(
        ("x.tar/girl.1.png", "x.tar/girl.2.png", "x.tar/22"), "a dot in its name"
    )


def test_a_link_among_a_keys_members_parts_them_not(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        for name, data in (
            *(("a.color.png", encoded(noise(0))), ("a.depth.png", None)),
            *(("a.json", b"{}"), ("a.line.png", encoded(noise(1)))),
        ):
            member = tarfile.TarInfo(name)
            if data is None:
                member.type, member.linkname = tarfile.SYMTYPE, "a.color.png"
            else:
                member.size = len(data)
            tar.addfile(member, io.BytesIO(data or b""))
    assert reasons(tars_of(tmp_path)) == {"x.tar/a.depth.png": "no plain file"}
    (picture,) = load(tars_of(tmp_path)).values()
    assert picture.line is not None and "metadata" in picture.metadata


def test_half_an_emoji_in_a_group_is_no_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_workers(monkeypatch)
    members = [
        member
        for number in range(3)
        for member in (
            (f"{number}.png", encoded(noise(number))),
            (f"{number}.json", b'{"character": "miku \\ud83d"}'),
        )
    ]
    write_tar(tmp_path / "from" / "x.tar", members)
    config = TarsConfig(
        tars=tmp_path / "from", output=tmp_path / "made", size=32, group_by="json:character"
    )
    report = make_shards(config)
    assert (report.train, report.groups) == (3, 1)
