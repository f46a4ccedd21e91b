"""Keeping checkpoints: a run survives all that cannot be written but the last."""

import errno
import os
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from accelerate import Accelerator

from colorizer.checkpoints import saving
from colorizer.checkpoints.best import Best
from colorizer.checkpoints.checkpoint import step_name, verify
from colorizer.config.presets import PRESETS
from colorizer.system.errors import UserError
from colorizer.training.keeping import Keeper
from tests.helpers.states import state

TENSORS = {"generator": {"weight": torch.zeros(2, 3, 4, 4)}}
GOES_ON = "Training goes on, and tries again at the next checkpoint"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "run" / "checkpoints"


@pytest.fixture
def keeper(tmp_path, folder):
    """Of the two newest checkpoints, in one process."""
    folder.mkdir(parents=True)
    config = replace(PRESETS["demo"](tmp_path, tmp_path / "run"), keep_checkpoints=2)
    return Keeper(config, Accelerator(cpu=True), SimpleNamespace(checkpoints=folder), False)


@pytest.fixture
def disk_full(monkeypatch):
    """`disk_full(2, 3)`: the disk is full while the checkpoints of these steps are written."""

    def at(*steps: int) -> None:
        write = saving.write_tensors

        def write_tensors(path, *content):
            if any(step_name(step) in path.parent.name for step in steps):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            write(path, *content)

        monkeypatch.setattr(saving, "write_tensors", write_tensors)

    return at


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_newest_are_whole_when_the_run_ends(keeper, folder):
    with keeper:
        for step in (1, 2, 3):
            keeper.save(TENSORS, state(step))
    assert names(folder) == ["step-00000002", "step-00000003"]
    assert [verify(path).step for path in sorted(folder.iterdir())] == [2, 3]


def test_the_last_is_there_at_once(keeper, folder):
    with keeper:
        keeper.save_last(TENSORS, state(1))
        assert names(folder) == ["step-00000001"]


def test_one_that_cannot_be_written_is_said_at_the_next_and_the_next_is_written(
    keeper, folder, disk_full, capsys
):
    disk_full(2)
    with keeper:
        keeper.save_last(TENSORS, state(1))
        keeper.save(TENSORS, state(2))
        assert not capsys.readouterr().err
        keeper.save(TENSORS, state(3))  # waits for the one before, and says how that went
        shown = capsys.readouterr().err
    assert "step-00000002: No space left on device" in shown
    assert f"{GOES_ON} (the newest checkpoint is step-00000001)." in shown
    assert names(folder) == ["step-00000001", "step-00000003"]


def test_between_checkpoints_a_failure_is_said_without_waiting(keeper, disk_full, capsys):
    disk_full(1)
    with keeper:
        keeper.save(TENSORS, state(1))
        keeper._saver._thread.shutdown()  # so that it is done
        keeper.check()
        assert f"{GOES_ON} (no checkpoint was saved yet)." in capsys.readouterr().err
        keeper.check()
        assert not capsys.readouterr().err


def test_the_last_that_cannot_be_written_ends_the_run_and_says_what_there_is(
    keeper, folder, disk_full
):
    disk_full(2)
    with keeper:
        keeper.save_last(TENSORS, state(1))
        with pytest.raises(UserError) as error:
            keeper.save_last(TENSORS, state(2))
    assert "No space left on device" in str(error.value)
    assert (
        "Step 2 is not saved (the newest checkpoint is step-00000001). Make room, then"
        " run the same command to continue." in str(error.value)
    )
    assert names(folder) == ["step-00000001"]


def test_the_best_is_pointed_at_and_a_link_that_cannot_be_made_ends_nothing(keeper, folder, capsys):
    with keeper:
        keeper.save_last(TENSORS, state(1))
        keeper.point_at(Best("cross/psnr", 20.0, step=1))
        assert (folder.parent / "best").resolve() == folder / "step-00000001"
        (folder.parent / "best").unlink()
        (folder.parent / "best").mkdir()  # somebody's
        keeper.point_at(Best("cross/psnr", 20.0, step=1))
        said = capsys.readouterr().err
    assert "best is a folder, where a link to the best checkpoint belongs; delete it" in said
    assert GOES_ON in said
