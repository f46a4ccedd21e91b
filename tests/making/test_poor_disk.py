"""Making shards where a disk keeps what is deleted while it is open, as NFS does."""

import shutil
from pathlib import Path

import pytest

from colorizer.making.config import FolderConfig
from colorizer.making.pipeline import make_shards
from tests.helpers.making import noise, read_set, save, without_workers


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderConfig:
    """Ten pictures."""
    without_workers(monkeypatch)
    for number in range(10):
        save(tmp_path / "pictures" / f"{number}.png", noise(number, 64, 64))
    return FolderConfig(folder=tmp_path / "pictures", output=tmp_path / "made", size=64)


def open_files(folder: Path) -> list[Path]:
    """What this process has open below a folder."""
    files = [link.resolve() for link in Path("/proc/self/fd").iterdir()]
    return [file for file in files if file.is_relative_to(folder.resolve())]


def test_what_is_removed_in_the_end_is_closed_before(config, monkeypatch):
    removed = []
    rmtree = shutil.rmtree

    def watched(folder, *arguments, **options):
        removed.append((Path(folder).name, open_files(Path(folder))))
        rmtree(folder, *arguments, **options)

    monkeypatch.setattr(shutil, "rmtree", watched)
    make_shards(config)
    assert ("unfinished", []) in removed
    assert all(not files for _, files in removed)


def test_what_stays_is_a_warning_and_the_set_is_whole(config, monkeypatch, capsys):
    def keeps(folder, *arguments, **options):
        if Path(folder).name == "unfinished":
            raise OSError(39, "Directory not empty")

    monkeypatch.setattr(shutil, "rmtree", keeps)
    assert make_shards(config) is not None
    said = capsys.readouterr().err
    assert "unfinished is of no use any more and cannot be removed whole" in said
    assert len(read_set(config.output)) == 10
    assert make_shards(config) is None  # finished, and said to be
