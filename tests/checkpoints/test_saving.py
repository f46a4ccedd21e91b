"""Saving: in the background, one at a time, whole or not at all."""

import errno
import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
import torch

from colorizer.checkpoints import checkpoint, saving
from colorizer.system.errors import UserError
from tests.helpers.programs import ROOT
from tests.helpers.states import state


def _tensors(value=0.0, count=24):
    return {"generator": {"weight": torch.full((count,), value)}}


def _value(folder, step):
    return checkpoint.read(folder / f"step-{step:08d}", "generator")["weight"][0].item()


@pytest.fixture
def gate(monkeypatch):
    """Writing waits until `gate.open.set()`; `gate.begun` tells that it has begun."""
    gate = SimpleNamespace(open=threading.Event(), begun=threading.Event())
    save = saving.save

    def held(*arguments):
        gate.begun.set()
        assert gate.open.wait(30)
        return save(*arguments)

    monkeypatch.setattr(saving, "save", held)
    return gate


def test_training_goes_on_while_what_it_had_is_written(tmp_path, gate):
    tensors = _tensors(1.0)
    with saving.Saver(tmp_path, 3, 0) as saver:
        saver.save(tensors, state(1))
        assert gate.begun.wait(30) and not checkpoint.saved_steps(tmp_path)
        tensors["generator"]["weight"].fill_(2.0)  # training goes on
        gate.open.set()
    assert _value(tmp_path, 1) == 1.0  # leaving waits


def test_who_may_read_it_is_left_to_the_user(tmp_path):
    before = os.umask(0o027)
    try:
        saved = saving.save(tmp_path, _tensors(), state(1))
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in saved.iterdir()} == {0o640}


def test_one_is_written_at_a_time(tmp_path, gate):
    with saving.Saver(tmp_path, 3, 0) as saver:
        saver.save(_tensors(1.0), state(1))
        second = threading.Thread(target=saver.save, args=(_tensors(2.0), state(2)))
        second.start()
        time.sleep(0.3)
        assert second.is_alive()  # its copy would go where the first one's is
        gate.open.set()
        second.join(30)
    assert (_value(tmp_path, 1), _value(tmp_path, 2)) == (1.0, 2.0)


def test_a_failure_is_told_once_and_the_next_is_written(tmp_path, monkeypatch):
    usage = shutil.disk_usage
    with saving.Saver(tmp_path, 3, 0) as saver:
        monkeypatch.setattr(
            shutil, "disk_usage", lambda path: SimpleNamespace(total=10**9, free=95)
        )
        saver.save(_tensors(), state(1))
        with pytest.raises(UserError, match=r"0\.0 MB are free; .* takes 0\.0 MB"):
            saver.wait()
        monkeypatch.setattr(shutil, "disk_usage", usage)
        saver.check()
        saver.save(_tensors(), state(2))
        saver.wait()
    assert [p.name for p in tmp_path.iterdir()] == ["step-00000002"]


def test_a_failure_that_nobody_has_heard_of_is_told_at_the_end(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(total=10**9, free=0))
    with pytest.raises(ZeroDivisionError), saving.Saver(tmp_path, 3, 0) as saver:
        saver.save(_tensors(), state(1))
        raise ZeroDivisionError
    assert "MB are free" in capsys.readouterr().err


def test_a_disk_that_does_not_know_its_size_is_tried(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(total=0, free=0))
    saving.save(tmp_path, _tensors(1.0), state(1))
    assert _value(tmp_path, 1) == 1.0


def test_room_is_looked_for_before_and_the_bytes_are_named(tmp_path, monkeypatch):
    saving.save(tmp_path, _tensors(1.0), state(1))
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: SimpleNamespace(total=10**9, free=7_000_000)
    )
    with pytest.raises(UserError, match=r"step-00000002: 7\.0 MB are free; .* takes 8\.0 MB\."):
        saving.save(tmp_path, _tensors(count=2_000_000), state(2))
    assert [p.name for p in tmp_path.iterdir()] == ["step-00000001"]
    assert _value(tmp_path, 1) == 1.0


def test_a_file_that_may_not_grow_leaves_nothing_behind(tmp_path):
    """As a disk that fills up in the middle, or a quota."""
    saving.save(tmp_path, _tensors(1.0), state(1))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(UserError, match=r"cannot write .*step-00000002"):
            saving.save(tmp_path, _tensors(count=1_000_000), state(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [p.name for p in tmp_path.iterdir()] == ["step-00000001"]
    assert _value(tmp_path, 1) == 1.0


@pytest.mark.parametrize("name", ["generator.safetensors", "state.json", "step-00000002.partial"])
def test_a_disk_that_is_full_when_flushed(tmp_path, monkeypatch, name):
    saving.save(tmp_path, _tensors(1.0), state(1))
    fsync = os.fsync

    def full(descriptor):
        if os.readlink(f"/proc/self/fd/{descriptor}").endswith(name):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left"):
        saving.save(tmp_path, _tensors(), state(2))
    assert [p.name for p in tmp_path.iterdir()] == ["step-00000001"]


def test_the_newest_are_kept_and_every_so_many_for_good(tmp_path):
    for step in (4, 5, 8, 10, 15, 16, 17):
        saving.save(tmp_path, _tensors(), state(step))
    saving.prune(tmp_path, 2, 5)
    kept = [int(p.name[5:]) for p in checkpoint.saved_steps(tmp_path)]
    assert kept == [17, 16, 15, 10, 5]


@pytest.mark.slow
def test_killed_while_saving_every_checkpoint_there_is_whole(tmp_path):
    program = (
        "import sys, torch\n"
        "from pathlib import Path\n"
        "from tests.helpers.states import state\n"
        "from colorizer.checkpoints import saving\n"
        "tensors = {n: {'w': torch.randn(200_000)} for n in ('generator', 'average')}\n"
        "with saving.Saver(Path(sys.argv[1]), 2, 0) as saver:\n"
        "    for step in range(1, 100_000):\n"
        "        saver.save(tensors, state(step))\n"
        "        print(step, flush=True)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    for steps in (1, 7, 12):
        shutil.rmtree(tmp_path, ignore_errors=True)  # killed before it was made
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
            for _ in range(steps):
                assert process.stdout.readline()
            process.kill()
        found = checkpoint.saved_steps(tmp_path)
        assert len(found) >= min(steps - 1, 2)
        for path in found:
            checkpoint.verify(path)


def test_an_old_one_that_cannot_be_deleted_is_a_warning(tmp_path, monkeypatch, capsys):
    for step in (1, 2):
        saving.save(tmp_path, _tensors(), state(step))

    def refuse(path, **_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", refuse)
        saving.prune(tmp_path, 1)
    said = capsys.readouterr().err
    assert "step-00000001.partial is of no use any more" in said and "Permission denied" in said
    saving.prune(tmp_path, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000002"]
