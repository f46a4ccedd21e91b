"""A disk that fills up: one sentence with the file's name, and the same command goes on later."""

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from colorizer.making.config import FolderConfig
from colorizer.making.pipeline import make_shards
from colorizer.system.errors import UserError
from tests.helpers.making import files_of, noise, save, with_small_pieces


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderConfig:
    """Ten pictures that cannot be compressed, in pieces of two and one shard."""
    with_small_pieces(monkeypatch, items=2)
    for number in range(10):
        save(tmp_path / "pictures" / f"{number}.png", noise(number, 64, 64))
    (tmp_path / "pictures" / "notes.txt").write_text("not a picture")
    return FolderConfig(
        folder=tmp_path / "pictures", output=tmp_path / "made", size=64, held_out=0.3, workers=1
    )


def assert_goes_on(config: FolderConfig, output: Path) -> None:
    make_shards(config)
    make_shards(replace(config, output=output))
    assert files_of(config.output) == files_of(output)


@pytest.mark.parametrize(
    "name",
    [
        "unfinished/settings.json",
        "unfinished/000001.pictures",
        "unfinished/000001.jsonl",
        "train/000000.tar",
        "held-out/000000.tar",
        "rejected.jsonl",
        "preview.png",
        "train/index.json",
        "held-out/index.json",
    ],
)
def test_disk_that_is_full_when_a_file_is_flushed(
    config: FolderConfig, tmp_path: Path, name: str
) -> None:
    fsync = os.fsync

    def full(descriptor: int) -> None:
        if os.readlink(f"/proc/self/fd/{descriptor}").endswith(f"{name}.partial"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(UserError, match=f"cannot write .*{name}: No space left on device"):
            make_shards(config)
    assert not (config.output / name).exists()
    assert_goes_on(config, tmp_path / "whole")


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """No file can grow larger: writes fail as on a full disk, buffered ones when flushed."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize(
    ("size", "name"),
    [
        (100, "listing-new.sqlite"),
        (10_000, "listing-new.sqlite"),
        (26_000, "000000.pictures"),
        (80_000, "000000.tar"),
    ],
)
def test_disk_that_is_full_in_the_middle_of_a_file(
    config: FolderConfig, tmp_path: Path, size: int, name: str
) -> None:
    with files_up_to(size), pytest.raises(UserError, match=f"cannot write .*{name}"):
        make_shards(config)
    assert not list(config.output.rglob("index.json"))
    assert_goes_on(config, tmp_path / "whole")


def test_disk_that_is_full_in_the_middle_of_the_preview(
    config: FolderConfig, tmp_path: Path
) -> None:
    small = replace(config, samples_per_shard=1)
    make_shards(replace(small, output=tmp_path / "sizes"))
    size = (tmp_path / "sizes" / "preview.png").stat().st_size - 1
    others = (tmp_path / "sizes").rglob("*.tar")
    assert size > max(path.stat().st_size for path in others)
    with files_up_to(size), pytest.raises(UserError, match=r"cannot write .*preview\.png"):
        make_shards(small)
    assert not list(small.output.rglob("index.json"))
    assert_goes_on(small, tmp_path / "whole")


def test_disk_that_is_full_while_small_samples_wait_in_the_buffer(
    config: FolderConfig, tmp_path: Path
) -> None:
    """Closing the file flushes them, and fails once more."""
    for number in range(100):
        save(config.folder / "flat" / f"{number}.png", np.full((40, 40, 3), number, np.uint8))
        (config.folder / f"{number % 10}.png").unlink(missing_ok=True)
    small = replace(config, size=40)
    make_shards(replace(small, output=tmp_path / "sizes"))
    size = (tmp_path / "sizes" / "train" / "000000.tar").stat().st_size
    with files_up_to(size - 20_000), pytest.raises(UserError, match=r"cannot write .*000000\.tar"):
        make_shards(small)
    assert_goes_on(small, tmp_path / "whole")
