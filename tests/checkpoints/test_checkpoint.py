"""Checkpoints: whole or not there, verified before use."""

import dataclasses

import pytest
import torch
from torch import nn

from colorizer.checkpoints import checkpoint, saving
from colorizer.system.errors import UserError
from tests.helpers import states
from tests.helpers.states import forge


def test_what_is_saved_is_read_back(tmp_path):
    path = states.save(tmp_path, 12, 0.5)
    assert path == tmp_path / "step-00000012"
    state = checkpoint.verify(path)
    assert state == dataclasses.replace(states.state(12), files=state.files)
    assert checkpoint.read(path, "generator")["weight"].eq(0.5).all()


def test_strided_tensors_are_saved_with_their_values(tmp_path):
    tensor = torch.randn(2, 3, 4, 4)
    strided = tensor.to(memory_format=torch.channels_last)
    with saving.Saver(tmp_path, 1, 0) as saver:
        saver.save({"generator": {"weight": strided}}, states.state(1))
    (path,) = checkpoint.saved_steps(tmp_path)
    assert torch.equal(checkpoint.read(path, "generator")["weight"], tensor)


def test_same_values_give_the_same_bytes(tmp_path):
    first, second = (states.save(tmp_path / name, 3) for name in ("a", "b"))
    for file in ("generator.safetensors", "state.json"):
        assert (first / file).read_bytes() == (second / file).read_bytes()


def test_no_partial_folder_is_left_and_one_is_never_taken_for_a_checkpoint(tmp_path):
    states.save(tmp_path, 1)
    (tmp_path / "step-00000002.partial").mkdir()
    assert [p.name for p in checkpoint.saved_steps(tmp_path)] == ["step-00000001"]
    saving.prune(tmp_path, 3)
    assert [p.name for p in tmp_path.iterdir()] == ["step-00000001"]


def test_the_newest_are_kept(tmp_path):
    for step in (5, 10, 100, 20):
        states.save(tmp_path, step)
    saving.prune(tmp_path, 2)
    assert [p.name for p in checkpoint.saved_steps(tmp_path)] == ["step-00000100", "step-00000020"]


@pytest.mark.parametrize("damage", ["flipped byte", "missing file", "no state", "cut state"])
def test_a_damaged_newest_is_named_and_the_one_before_is_used(tmp_path, damage):
    good, bad = states.save(tmp_path, 1), states.save(tmp_path, 2)
    file = bad / (
        "generator.safetensors" if damage in ("flipped byte", "missing file") else "state.json"
    )
    if damage == "flipped byte":
        data = bytearray(file.read_bytes())
        data[-1] ^= 1
        file.write_bytes(data)
    elif damage == "cut state":
        file.write_text(file.read_text()[:40])
    else:
        file.unlink()
    newest = checkpoint.newest_intact(tmp_path)
    assert (newest.path, newest.state.step) == (good, 1)
    assert list(newest.faults) == [bad]
    assert "step-00000002" in newest.faults[bad]
    saving.set_aside(bad)
    assert checkpoint.newest_intact(tmp_path).faults == {}


def test_where_no_checkpoint_is_intact_nothing_is_started_anew(tmp_path):
    assert checkpoint.newest_intact(tmp_path / "nowhere") is None
    (states.save(tmp_path, 1) / "state.json").unlink()
    with pytest.raises(UserError, match="no checkpoint is intact"):
        checkpoint.newest_intact(tmp_path)


def test_a_checkpoint_of_another_format_is_not_taken_for_a_damaged_one(tmp_path):
    states.save(tmp_path, 1)
    forge(states.save(tmp_path, 2), format=99)
    with pytest.raises(UserError, match=r"by this version of the program \(format 99"):
        checkpoint.newest_intact(tmp_path)


def test_a_digit_changed_in_the_state_is_damage(tmp_path):
    path = states.save(tmp_path, 1) / "state.json"
    path.write_text(path.read_text().replace('"size": 64', '"size": 65'))
    with pytest.raises(checkpoint.Damaged, match="sha256 is not that of its content"):
        checkpoint.verify(path.parent)


def test_a_checkpoint_under_another_steps_name_is_not_used(tmp_path):
    states.save(tmp_path, 7).rename(tmp_path / "step-00000009")
    good = states.save(tmp_path, 8)
    newest = checkpoint.newest_intact(tmp_path)
    assert newest.path == good
    assert "holds step 7" in newest.faults[tmp_path / "step-00000009"]


def test_adams_state_goes_round_under_its_parameters_names():
    torch.manual_seed(0)
    networks = [nn.Conv2d(3, 2, 3).to(memory_format=torch.channels_last) for _ in range(2)]
    optimizers = [torch.optim.Adam(n.parameters(), fused=True) for n in networks]
    for _ in range(3):
        networks[0](torch.randn(4, 3, 5, 5)).square().sum().backward()
        optimizers[0].step()
    kept = checkpoint.optimizer_tensors(networks[0], optimizers[0])
    tensors = {name: t.clone().contiguous() for name, t in kept.items()}  # as files hold them
    assert tensors["step.weight"] == 3
    assert set(tensors) == {f"{k}.{n}" for k in checkpoint.ADAM_STATE for n in ("weight", "bias")}

    networks[1].load_state_dict(networks[0].state_dict())
    checkpoint.load_optimizer(networks[1], optimizers[1], tensors)
    x = torch.randn(4, 3, 5, 5)
    for network, optimizer in zip(networks, optimizers, strict=True):
        optimizer.zero_grad()
        network(x).square().sum().backward()
        optimizer.step()
    assert torch.equal(networks[0].weight, networks[1].weight)

    with pytest.raises(UserError, match=r"has shape \(1,\) for bias, not \(2,\)"):
        checkpoint.load_optimizer(
            networks[1], optimizers[1], tensors | {"exp_avg.bias": torch.zeros(1)}
        )
    del tensors["exp_avg.bias"]
    with pytest.raises(UserError, match="only step, exp_avg_sq of bias"):
        checkpoint.load_optimizer(networks[1], optimizers[1], tensors)


def test_adam_without_a_step_has_no_state_and_can_be_saved_and_loaded():
    network = nn.Linear(3, 2)
    optimizer = torch.optim.Adam(network.parameters(), fused=True)
    assert checkpoint.optimizer_tensors(network, optimizer) == {}
    checkpoint.load_optimizer(network, optimizer, {})
    network(torch.randn(4, 3)).sum().backward()
    optimizer.step()


def test_a_disk_that_cannot_be_written_is_one_sentence_and_the_checkpoint_before_stays(tmp_path):
    good = states.save(tmp_path, 1)
    (tmp_path / "step-00000002.partial").write_text("a file where the folder should be")
    with pytest.raises(UserError, match="cannot write"):
        states.save(tmp_path, 2)
    assert checkpoint.newest_intact(tmp_path).path == good
