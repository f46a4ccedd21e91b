"""Writing: a name stands for a whole file, a folder is one program's, a failure is a sentence."""

import errno
import os
import subprocess
import sys

import pytest

from colorizer.system.errors import UserError
from colorizer.system.storage import check_writable, locked, replace_file, writing

HOLD = (
    "import fcntl, sys; file = open(sys.argv[1], 'w'); fcntl.lockf(file, fcntl.LOCK_EX);"
    " print('held', flush=True); sys.stdin.read()"
)


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "a.json"
    for data in (b"a longer text", b"short"):
        replace_file(path, data)
        assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    replace_file(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"cannot write .*a\.json: No space left on device; make"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"


def test_a_file_has_its_name_only_once_it_is_on_the_disk(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    seen = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: seen.append(path.exists()))
    replace_file(path, b"whole")
    assert seen == [False] and path.exists()


def test_only_failures_to_write_become_sentences(tmp_path):
    with pytest.raises(UserError, match="cannot write x: Permission denied"), writing("x"):
        raise PermissionError(errno.EACCES, "Permission denied")
    with pytest.raises(ValueError, match="ours"), writing("x"):
        raise ValueError("ours")


def test_a_folder_is_one_programs_until_it_ends(tmp_path):
    folder = tmp_path / "new" / "run"
    with locked(folder, "is training"):
        assert folder.is_dir()
    command = [sys.executable, "-c", HOLD, str(folder / ".lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        with (
            pytest.raises(UserError, match="another process is training there; wait for it"),
            locked(folder, "is training"),
        ):
            raise AssertionError("two programs in a folder")
        other.communicate()
    with locked(folder, "is training"):
        pass


def test_an_output_is_looked_at_before_long_work(tmp_path, monkeypatch):
    check_writable(tmp_path)
    check_writable(tmp_path / "not" / "there" / "yet")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot be an output folder: .*file is a file"):
        check_writable(tmp_path / "file" / "run")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(UserError, match=rf"cannot be written to: no permission .* {tmp_path}\."):
        check_writable(tmp_path / "run")
