"""Damage in a tar is never silent, and costs no more than what it hit."""

import gzip
import resource
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from colorizer.making.config import TarsConfig
from colorizer.making.pipeline import make_shards
from colorizer.system.errors import UserError
from tests.helpers.making import OUTPUT, encoded, find, noise, reasons, without_workers, write_tar
from tests.helpers.programs import ROOT

BLOCK = 512
SAMPLES = 4


@pytest.fixture
def tar(tmp_path: Path) -> Path:
    """Four pictures."""
    members = [(f"{number}.png", encoded(noise(number))) for number in range(SAMPLES)]
    return write_tar(tmp_path / "from" / "a.tar", members)


def starts(tar: Path) -> list[int]:
    """Where each member's header lies."""
    with tarfile.open(tar) as archive:
        return [member.offset for member in archive.getmembers()]


def made(tars: Path, monkeypatch: pytest.MonkeyPatch):
    """What becomes of a tar, or of a folder of them, end to end."""
    without_workers(monkeypatch)
    output = (tars if tars.is_dir() else tars.parent).with_name("made")
    config = TarsConfig(tars=tars, output=output, size=32, held_out=0.0, workers=1)
    return make_shards(config)


def test_whole_tar_has_nothing_rejected(tar: Path) -> None:
    items, rejections = find(TarsConfig(tars=tar, output=OUTPUT))
    assert len(items) == SAMPLES and not rejections


def test_what_follows_a_hole_of_zeros_is_not_lost_in_silence(
    tar: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two blocks of zeros are the end mark."""
    data, third = tar.read_bytes(), starts(tar)[2]
    tar.write_bytes(data[:third] + bytes(2 * BLOCK) + data[third:])
    report = made(tar, monkeypatch)
    assert (report.train, dict(report.rejected)) == (2, {"damaged tar": 1})


@pytest.mark.parametrize(
    ("beyond", "kept", "rejected"),
    [
        (0, 2, {"damaged tar": 1}),  # exactly between two members
        (1, 2, {"damaged tar": 1}),
        (200, 2, {"damaged tar": 1}),  # inside a header
        (BLOCK, 2, {"damaged tar": 1, "broken": 1}),  # after a header
        (BLOCK + 100, 2, {"damaged tar": 1, "broken": 1}),  # inside data
    ],
)
def test_cut_tar_keeps_what_is_whole(
    tar: Path, monkeypatch: pytest.MonkeyPatch, beyond: int, kept: int, rejected: dict[str, int]
) -> None:
    tar.write_bytes(tar.read_bytes()[: starts(tar)[2] + beyond])
    report = made(tar, monkeypatch)
    assert (report.train, dict(report.rejected)) == (kept, rejected)
    assert report.found == report.train + sum(report.rejected.values())


@pytest.mark.parametrize("place", [0, 100, 124, 148, 156, 257, 400])
def test_one_bad_header_byte_is_not_the_end(
    tar: Path, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    data = bytearray(tar.read_bytes())
    data[starts(tar)[2] + place] ^= 0x55
    tar.write_bytes(data)
    report = made(tar, monkeypatch)
    assert (report.train, dict(report.rejected)) == (2, {"damaged tar": 1})


def test_tar_without_its_end_mark_is_said_to_be_cut(tar: Path) -> None:
    with tarfile.open(tar) as archive:
        last = archive.getmembers()[-1]
    end = last.offset_data + -(-last.size // BLOCK) * BLOCK
    tar.write_bytes(tar.read_bytes()[:end])
    config = TarsConfig(tars=tar, output=OUTPUT)
    assert len(find(config)[0]) == SAMPLES
    assert reasons(config) == {"a.tar": "damaged tar"}


@pytest.mark.parametrize(
    "content", [b"", b"abc" * 100, bytes(range(256)) * 40], ids=["empty", "short", "random"]
)
def test_what_is_no_tar_is_rejected_beside_one_that_is(
    tar: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    (tar.parent / "b.tar").write_bytes(content)
    report = made(tar.parent, monkeypatch)
    assert (report.train, dict(report.rejected)) == (SAMPLES, {"damaged tar": 1})


@pytest.mark.parametrize("name", ["b.tar.gz", "b.tgz"])
def test_compressed_tar_is_rejected_beside_one_that_is_not(
    tar: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tar.parent / name).write_bytes(gzip.compress(tar.read_bytes()))
    report = made(tar.parent, monkeypatch)
    assert (report.train, dict(report.rejected)) == (SAMPLES, {"compressed tar": 1})


def test_compressed_tar_under_a_plain_name_is_rejected(tar: Path) -> None:
    tar.write_bytes(gzip.compress(tar.read_bytes()))
    assert reasons(TarsConfig(tars=tar, output=OUTPUT)) == {"a.tar": "compressed tar"}


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz"])
def test_only_tar_there_is_refused_with_what_is_wrong(tar: Path, name: str) -> None:
    path = tar.with_name(name)
    path.write_bytes(gzip.compress(tar.read_bytes()))
    if path != tar:
        tar.unlink()
    with pytest.raises(UserError, match=r"damaged|compressed"):
        make_shards(TarsConfig(tars=path, output=tar.parents[1] / "made", workers=1))


def test_link_that_leads_nowhere_is_rejected(tar: Path) -> None:
    (tar.parent / "b.tar").symlink_to("gone")
    assert reasons(TarsConfig(tars=tar.parent, output=OUTPUT)) == {"b.tar": "cannot be opened"}


def test_negative_size_in_a_header_ends(tar: Path) -> None:
    """The next header would be this one, again and again."""
    member = bytearray(tar.read_bytes()[:BLOCK])
    member[124:136] = (-BLOCK).to_bytes(12, "big", signed=True)  # GNU's numbers in base 256
    member[148:156] = b" " * 8
    member[148:156] = f"{sum(member):06o}\0 ".encode()
    data = tar.read_bytes()
    tar.write_bytes(data[: starts(tar)[1]] + member + data[starts(tar)[1] :])
    script = (
        "import sys; from pathlib import Path; from tests.helpers.making import *;"
        " from colorizer.making.config import TarsConfig;"
        " items, rejections = find(TarsConfig(tars=Path(sys.argv[1]), output=OUTPUT));"
        " print(len(items), [one.reason for one in rejections])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, str(tar)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (20, 20)),
    )
    assert (ended.returncode, ended.stdout.strip()) == (0, "1 ['damaged tar']")
