"""Disks without locks, links, modes or flushed folders, and such that keep what is deleted."""

import errno
import fcntl
import os
import shutil
from pathlib import Path

import pytest
import torch

from colorizer.checkpoints.tensor_file import write_tensors
from colorizer.system import storage
from colorizer.system.errors import UserError
from colorizer.system.storage import (
    check_writable,
    flush_folder,
    link_to,
    locked,
    remove_folder,
    replace_file,
    set_mode,
)


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch):
    monkeypatch.setattr(storage, "_told", set())


def refusing(number: int):
    """A system call that fails so."""

    def refuse(*arguments, **options):
        raise OSError(number, os.strerror(number))

    return refuse


def no_folders(number: int):
    """`os.fsync` of a disk that flushes files alone."""
    fsync = os.fsync

    def flush(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").resolve().is_dir():
            raise OSError(number, os.strerror(number))
        fsync(descriptor)

    return flush


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EIO])
def test_without_locks_it_goes_on_after_one_warning(tmp_path, monkeypatch, capsys, number):
    monkeypatch.setattr(fcntl, "lockf", refusing(number))
    check_writable(tmp_path / "not" / "there")
    done = []
    for name in ("a", "b"):
        with locked(tmp_path / name, "is training"):
            done.append(name)
    said = capsys.readouterr().err
    assert done == ["a", "b"]
    assert said.count("has no locks") == 1 and "start one at a time" in said


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.EACCES])
def test_a_lock_that_another_has_is_no_lack(tmp_path, monkeypatch, number):
    monkeypatch.setattr(fcntl, "lockf", refusing(number))
    with (
        pytest.raises(UserError, match="another process is training there"),
        locked(tmp_path, "is training"),
    ):
        raise AssertionError("two programs in a folder")


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EIO, errno.EPERM])
def test_folders_that_cannot_be_flushed_are_said_once(tmp_path, monkeypatch, capsys, number):
    monkeypatch.setattr(os, "fsync", no_folders(number))
    check_writable(tmp_path / "run")
    for _ in range(2):
        flush_folder(tmp_path)
    replace_file(tmp_path / "a", b"content")
    said = capsys.readouterr().err
    assert said.count("flushes no folders") == 1 and str(tmp_path) in said
    assert "trial" not in said


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_no_lack(tmp_path, monkeypatch, number):
    monkeypatch.setattr(os, "fsync", no_folders(number))
    with pytest.raises(OSError, match=os.strerror(number)):
        flush_folder(tmp_path)
    with pytest.raises(UserError, match=r"does not flush a folder .*; make room or choose"):
        check_writable(tmp_path)
    assert not list(tmp_path.iterdir())


def test_modes_that_are_not_kept_are_said_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Path, "chmod", refusing(errno.EPERM))
    for name in ("a", "b"):
        write_tensors(tmp_path / name, {"t": torch.zeros(2)}, {})
        assert (tmp_path / name).stat().st_size
    set_mode(tmp_path / "a", 0o644)
    assert capsys.readouterr().err.count("keeps no file modes") == 1


def test_links_that_cannot_be_made_are_left_out(tmp_path, monkeypatch, capsys):
    link_to(Path("first"), tmp_path / "best")
    link_to(Path("second"), tmp_path / "best")
    assert (tmp_path / "best").readlink() == Path("second")
    monkeypatch.setattr(Path, "symlink_to", refusing(errno.EPERM))
    for _ in range(2):
        link_to(Path("third"), tmp_path / "best")
    said = capsys.readouterr().err
    assert said.count("has no links") == 1 and "it would be third" in said
    assert [path.name for path in tmp_path.iterdir()] == ["best"]


def test_what_a_disk_keeps_is_named_and_nothing_ends(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "unfinished"
    folder.mkdir()
    remove_folder(folder)
    remove_folder(folder)  # as it is gone already
    assert not folder.exists() and not capsys.readouterr().err
    folder.mkdir()
    monkeypatch.setattr(shutil, "rmtree", refusing(errno.EBUSY))
    remove_folder(folder)
    assert f"{folder} is of no use any more" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("owner", "call", "does"),
    [
        (Path, "mkdir", "make folders"),
        (os, "replace", "put a file in another's place|write a file"),
        (Path, "unlink", "delete a file"),
        (Path, "rmdir", "delete a folder"),
    ],
)
def test_what_a_disk_must_do_is_found_before_the_work(tmp_path, monkeypatch, owner, call, does):
    with monkeypatch.context() as poor:
        poor.setattr(owner, call, refusing(errno.EPERM))
        with pytest.raises(
            UserError, match=rf"run cannot be an output folder: its disk does not ({does}) \("
        ):
            check_writable(tmp_path / "run")
    assert not [path for path in tmp_path.iterdir() if path.name != "run"]
