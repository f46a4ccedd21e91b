"""A run's copy elsewhere: whole, the newest intact one is gone on from, and never in the way."""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
import torch

from colorizer.checkpoints import mirror as mirroring
from colorizer.checkpoints.best import Best
from colorizer.checkpoints.checkpoint import dump_state, verify
from colorizer.checkpoints.mirror import bring_back
from colorizer.remote import bucket
from colorizer.remote.address import Address
from colorizer.remote.bucket import Bucket, NotFetched
from colorizer.system.errors import UserError
from colorizer.training.train import train
from tests.helpers.runs import metrics_of, tensors_of

STATE = "state.json"

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(bucket, "PAUSES", (0.01,))


@pytest.fixture
def mirror(tmp_path) -> Path:
    return tmp_path / "elsewhere" / "run"


@pytest.fixture
def config(tiny, mirror):
    return tiny(output="run", steps=2, checkpoint_every=1, mirror=mirror)


def checkpoints(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "checkpoints").iterdir())


def same(one, other) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_on_an_empty_disk_goes_on_from_its_mirror(config, mirror, tiny, capsys):
    train(config)
    assert all(verify(path) for path in (mirror / "checkpoints").iterdir())
    whole = tiny(output="whole", steps=3)
    train(whole)
    shutil.rmtree(config.output)
    train(replace(config, steps=3))
    said = capsys.readouterr().out
    assert f"step-00000002 comes from {mirror}" in said and "from step 2" in said
    for name in ("generator", "generator_optimizer", "discriminator"):
        assert same(tensors_of(whole, 3, name), tensors_of(config, 3, name))
    assert [m["step"] for m in metrics_of(config)] == [1, 2, 3]  # so its curves go on


def test_what_is_newer_counts_here_or_there(config, mirror, capsys):
    train(config)
    kept = shutil.copytree(config.output, config.output.with_name("kept"))
    train(replace(config, steps=3))
    shutil.rmtree(config.output)
    shutil.copytree(kept, config.output)  # an older disk comes back
    train(replace(config, steps=3))
    assert "step-00000003 comes from" in capsys.readouterr().out
    shutil.rmtree(mirror)
    train(replace(config, steps=4))
    assert "comes from" not in capsys.readouterr().out
    assert checkpoints(mirror) == ["step-00000004"]


@pytest.mark.parametrize("damage", ["flip", "no state", "cut"])
def test_what_is_not_intact_there_is_passed_over(config, mirror, capsys, damage):
    train(config)
    newest = mirror / "checkpoints" / "step-00000002"
    path = newest / "generator.safetensors"
    if damage == "flip":
        data = bytearray(path.read_bytes())
        data[-3] ^= 4
        path.write_bytes(data)
    elif damage == "cut":
        os.truncate(path, 1000)
    else:
        (newest / STATE).unlink()
    shutil.rmtree(config.output)
    train(config)
    output = capsys.readouterr()
    assert "step-00000002 there is not intact" in output.err
    assert "step-00000001 comes from" in output.out and "from step 1" in output.out
    assert verify(newest)  # copied anew
    assert not list(config.output.rglob("*.partial"))


def test_a_damaged_newest_checkpoint_here_is_fetched_from_there(config, mirror, capsys):
    train(config)
    for path in (config.output / "checkpoints").glob("*/generator.safetensors"):
        os.truncate(path, 1000)
    train(replace(config, steps=3))
    assert "step-00000002 comes from" in capsys.readouterr().out
    assert "step-00000002.damaged" in checkpoints(config.output)


def test_the_mirror_keeps_what_the_run_keeps(config, mirror):
    train(replace(config, steps=5, keep_checkpoints=1, keep_every=2))
    assert checkpoints(mirror) == ["step-00000002", "step-00000004", "step-00000005"]
    names = {path.name for path in mirror.iterdir()}
    assert names == {"checkpoints", "config.json", "metrics.jsonl"}


def test_the_best_checkpoint_comes_too(config, mirror):
    train(replace(config, steps=3))
    newest = mirror / "checkpoints" / "step-00000003"
    state = replace(verify(newest), best=Best("self/psnr", 20.0, 1))
    (newest / STATE).write_text(dump_state(state))
    shutil.rmtree(config.output)
    brought = bring_back(mirror, config.output, lambda state: None)
    assert brought == config.output / "checkpoints" / newest.name
    assert checkpoints(config.output) == ["step-00000001", "step-00000003"]


def test_the_mirror_of_another_run_is_refused_and_nothing_is_fetched(config, mirror, tiny):
    train(config)
    other = tiny(output="other", steps=3, mirror=mirror, seed=9)
    with pytest.raises(UserError, match="seed was 0, is now 9"):
        train(other)
    assert not list(other.output.rglob("*.safetensors"))


def test_a_mirror_that_cannot_be_written_is_named_before_the_first_step(config, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        UserError, match=r"--mirror .*file/run cannot be used\. .*cannot be written"
    ):
        train(replace(config, mirror=tmp_path / "file" / "run"))
    assert not (config.output / "checkpoints").exists()
    with pytest.raises(UserError, match=r"--mirror http://127\.0\.0\.1:9/a cannot be used"):
        train(replace(config, mirror=Address("http://127.0.0.1:9/a")))


def test_a_copy_that_fails_costs_a_warning_and_the_next_is_tried(
    config, mirror, monkeypatch, capsys
):
    write = Bucket.write

    def broken(self, path: Path, name: str) -> None:
        if "step-00000001" in name:
            raise NotFetched(f"{name} cannot be written: the network is down.")
        write(self, path, name)

    monkeypatch.setattr(Bucket, "write", broken)
    train(config)
    said = capsys.readouterr().err
    assert "step-00000001 is not copied to" in said and "the network is down" in said
    assert checkpoints(mirror) == ["step-00000002"]


def test_state_comes_last_and_sizes_are_compared(config, mirror, monkeypatch, capsys):
    names = []
    write = Bucket.write

    def cutting(self, path: Path, name: str) -> None:
        names.append(name)
        write(self, path, name)
        if name.endswith("generator.safetensors"):
            os.truncate(mirror / name, 10)

    monkeypatch.setattr(Bucket, "write", cutting)
    train(replace(config, steps=1))
    assert "generator.safetensors has 10 bytes there, not" in capsys.readouterr().err
    assert not any(name.endswith(STATE) for name in names)
    monkeypatch.setattr(
        Bucket, "write", lambda self, path, name: (names.append(name), write(self, path, name))
    )
    names.clear()
    train(config)
    assert names[-1] == f"checkpoints/step-00000002/{STATE}"


def test_what_else_lies_there_is_not_fetched(config, mirror):
    train(config)
    (mirror / "checkpoints" / "step-00000002" / "huge.bin").write_bytes(b"not of the checkpoint")
    shutil.rmtree(config.output)
    brought = bring_back(mirror, config.output, lambda state: None)
    assert not (brought / "huge.bin").exists()
    (mirror / "checkpoints" / "step-00000002" / "generator.safetensors").unlink()
    shutil.rmtree(config.output)
    assert bring_back(mirror, config.output, lambda state: None).name == "step-00000001"


def test_of_checkpoints_that_wait_only_the_newest_is_copied(tmp_path, monkeypatch):
    copied, begun, asked = [], Event(), Event()
    other = mirroring.Mirror(tmp_path, tmp_path, 3, 0)

    def slow(checkpoint: Path, state: object) -> None:
        copied.append(checkpoint.name)
        begun.set()
        asked.wait(10)

    monkeypatch.setattr(other, "_copy", slow)
    with other:
        other.copy(Path("a"), None)
        begun.wait(10)
        for name in "bcd":
            other.copy(Path(name), None)
        asked.set()
    assert copied == ["a", "d"]
