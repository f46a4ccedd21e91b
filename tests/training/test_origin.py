"""Starting from another run: what is taken, what is new, what is refused."""

import hashlib
import json
import os
import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from colorizer.checkpoints.commands import InspectConfig, inspect
from colorizer.checkpoints.export import ExportConfig, export
from colorizer.config.losses import LossConfig
from colorizer.config.run import OptimizerConfig
from colorizer.system.errors import UserError
from colorizer.training.origin import find_origin, read_origin
from colorizer.training.train import train
from tests.helpers.runs import metrics_of, tensors_of

NOTHING_LEARNED = OptimizerConfig(generator_lr=0.0, discriminator_lr=0.0, ema_decay=0.9)
PRESETS = ["demo", "extractor-demo"]
FILES = ("generator", "average", "discriminator", "generator_optimizer", "discriminator_optimizer")


def _weights(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Without what moves when nothing is learned: statistics, and the power iteration's vectors."""
    moving = ("running_mean", "running_var", "num_batches_tracked", "._u", "._v")
    return {name: t for name, t in tensors.items() if not name.endswith(moving)}


def _same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def _figures(config, step: int) -> dict[str, float]:
    (look,) = (
        line for line in metrics_of(config) if line["step"] == step and "held-out/seconds" in line
    )
    return {n: v for n, v in look.items() if n.startswith("held-out/") and n != "held-out/seconds"}


def _state(config, step: int) -> dict:
    path = config.output / "checkpoints" / f"step-{step:08d}" / "state.json"
    return json.loads(path.read_text())


@pytest.fixture
def started(trained, tiny):
    """`started(start_from=..., ...)`: a tiny colorizer that starts from `trained`, if not told."""

    def configure(**changes):
        begun = {"output": "started", "start_from": trained.output, "steps": 1}
        return tiny(**(begun | changes))

    return configure


@pytest.fixture
def redrawn(trained_extractor, tiny):
    """The same of an extractor, whose steps cost less: for what holds of every task."""

    def configure(**changes):
        begun = {"output": "started", "start_from": trained_extractor.output, "steps": 1}
        return tiny("extractor-demo", **(begun | changes))

    return configure


# ---- What is taken


@pytest.mark.parametrize("preset", PRESETS)
def test_a_run_begins_as_good_as_the_other_has_ended(tiny, preset):
    looks = {"evaluate_every": 2, "evaluate_count": 1}
    train(source := tiny(preset, output="source", steps=2, **looks))
    other = {"start_from": source.output, "optimizer": OptimizerConfig(1e-3)}
    train(config := tiny(preset, output="other", steps=1, **looks, **other))
    assert _figures(config, 0) == _figures(source, 2) != _figures(config, 1)


def test_generator_average_and_discriminator_are_the_others_and_optimizers_begin_anew(
    trained, started
):
    train(config := started(optimizer=NOTHING_LEARNED, seed=5))
    average = _weights(tensors_of(trained, 2, "average"))
    assert not _same(average, _weights(tensors_of(trained, 2, "generator")))
    for name in ("generator", "average"):
        assert _same(_weights(tensors_of(config, 1, name)), average), name
    judges = [_weights(tensors_of(c, c.steps, "discriminator")) for c in (trained, config)]
    assert _same(*judges)
    for name in ("generator_optimizer", "discriminator_optimizer"):
        steps = {t.item() for n, t in tensors_of(config, 1, name).items() if n.startswith("step.")}
        assert steps == {1.0}


def test_data_losses_and_learning_rates_may_be_others(trained, started):
    loss = LossConfig(perceptual=0.0, style=0.0, adversarial=0.0)
    config = started(loss=loss, optimizer=OptimizerConfig(generator_lr=0.0), batch_size=2)
    train(config)
    taken = tensors_of(trained, 2, "average")
    assert _same(_weights(tensors_of(config, 1, "generator")), _weights(taken))


def test_the_average_keeps_what_it_starts_from(trained_extractor, redrawn):
    train(config := redrawn(optimizer=OptimizerConfig(generator_lr=1e-2, ema_decay=0.9)))
    start, live, average = (
        torch.cat([t.flatten() for _, t in sorted(_weights(tensors).items())])
        for tensors in (
            tensors_of(trained_extractor, 2, "average"),
            tensors_of(config, 1, "generator"),
            tensors_of(config, 1, "average"),
        )
    )
    torch.testing.assert_close(average, torch.lerp(start, live, 0.1), atol=1e-6, rtol=0)


# ---- What a path means


def test_of_a_run_the_best_checkpoint_is_taken_else_the_newest_intact(trained, started, capsys):
    def step() -> int:
        train(started(dry_run=True))
        (line,) = (
            line for line in capsys.readouterr().out.splitlines() if line.startswith("  starts")
        )
        assert line.endswith(", with its discriminator")
        return int(line.split(", step ")[1].split(",")[0])

    checkpoints = trained.output / "checkpoints"
    assert step() == 2
    (trained.output / "best").symlink_to("checkpoints/step-00000001")
    assert step() == 1
    (trained.output / "best").unlink()
    (checkpoints / "step-00000002" / "generator.safetensors").unlink()
    assert step() == 1


@pytest.mark.parametrize("kind", ["checkpoint", "file"])
def test_a_checkpoint_and_a_generator_file_will_do(
    trained_extractor, redrawn, tmp_path, capsys, kind
):
    path = trained_extractor.output / "checkpoints" / "step-00000001"
    if kind == "file":
        export(ExportConfig(path, tmp_path / "generator.safetensors"))
        path = tmp_path / "generator.safetensors"
    train(config := redrawn(start_from=path, optimizer=NOTHING_LEARNED, seed=5))
    said = capsys.readouterr().out
    assert f"  starts from  {path}" in said and ", step 1" in said
    taken = _weights(tensors_of(trained_extractor, 1, "average"))
    assert _same(_weights(tensors_of(config, 1, "generator")), taken)
    judges = [_weights(tensors_of(c, 1, "discriminator")) for c in (trained_extractor, config)]
    assert _same(*judges) == (kind == "checkpoint")
    no_judge = "no discriminator is with it, so this run's begins anew"
    assert (no_judge in said) == (kind == "file")


def test_what_a_run_started_from_can_be_told_afterwards(trained_extractor, redrawn, capsys):
    file = trained_extractor.output / "checkpoints" / "step-00000002" / "average.safetensors"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    wanted = {"path": str(file), "step": 2, "sha256": digest}
    config = redrawn()
    for steps in (1, 2):  # started and continued
        train(replace(config, steps=steps))
        assert json.loads((config.output / "config.json").read_text())["origin"] == wanted
        assert _state(config, steps)["origin"] == wanted
    inspect(InspectConfig(config.output))
    (line,) = (n for n in capsys.readouterr().out.splitlines() if n.startswith("  started from "))
    assert line.endswith(f" {file}, step 2, sha256 {digest}")
    assert json.loads((trained_extractor.output / "config.json").read_text())["origin"] is None


# ---- Continuing


@pytest.mark.slow
def test_a_run_goes_on_though_what_it_started_from_is_gone(trained, started, tmp_path):
    train(whole := started(output="whole", steps=3))
    train(parts := started(steps=1))
    shutil.rmtree(trained.output)
    train(replace(parts, steps=2))
    train(replace(parts, steps=3, start_from=tmp_path / "moved"))
    for name in FILES:
        assert _same(tensors_of(whole, 3, name), tensors_of(parts, 3, name)), name


def test_a_run_that_started_from_another_is_not_one_that_did_not(trained_extractor, redrawn):
    train(config := redrawn())
    with pytest.raises(UserError, match=r"start_from was .*trained-extractor-demo, is now None"):
        train(replace(config, start_from=None, steps=2))
    with pytest.raises(UserError, match=r"start_from was None, is now .*started"):
        train(replace(trained_extractor, start_from=config.output, steps=3))


def test_a_run_killed_before_its_first_checkpoint_starts_again(redrawn):
    train(config := redrawn(evaluate_every=1, evaluate_count=1))
    before = [line["step"] for line in metrics_of(config)]
    shutil.rmtree(config.output / "checkpoints")
    train(config)
    assert [line["step"] for line in metrics_of(config)] == before == [0, 1, 1]


# ---- What is refused


def _refused(config, *words: str) -> None:
    with pytest.raises(UserError) as error:
        train(config)
    assert str(error.value).startswith("--start-from ")
    for word in words:
        assert word in str(error.value)
    assert not config.output.exists()


def test_what_is_not_there_is_refused_before_anything_is_written(started, tmp_path, monkeypatch):
    monkeypatch.setattr("colorizer.training.train.build_task", None)
    _refused(started(start_from=tmp_path / "none"), f"{tmp_path}/none: no such run folder")
    (tmp_path / "empty" / "checkpoints").mkdir(parents=True)
    _refused(started(start_from=tmp_path / "empty"), "empty: the run has no checkpoint yet")
    _refused(started(start_from=tmp_path), "not a checkpoint, it has no state.json")


def test_a_run_of_another_task_is_refused(trained_extractor, trained, started, tiny):
    words = "average.safetensors was trained for", "; give a network for"
    _refused(started(start_from=trained_extractor.output), *words, "colorization")
    _refused(tiny("extractor-demo", start_from=trained.output), *words, "extraction")


def test_other_networks_are_refused_by_what_differs(trained, started):
    network = replace(started().network, width=0.25, attention="scft", residual_blocks=0)
    _refused(
        started(network=network, discriminator_width=0.25),
        "network.attention was none, is now scft",
        "network.residual_blocks was 1, is now 0",
        "network.width was 0.125, is now 0.25",
        "discriminator_width was 0.125, is now 0.25",
        ", not float32 32×32×3×3",
        "more). Give this run the same settings, or start from another.",
    )
    _refused(started(discriminator_width=0.25), "(discriminator_width was 0.125, is now 0.25). ")
    export(ExportConfig(trained.output, trained.output / "alone.safetensors"))
    alone = started(start_from=trained.output / "alone.safetensors", discriminator_width=0.25)
    assert find_origin(alone.start_from, alone).discriminator is None


def test_a_pickle_is_refused_and_the_way_to_import_it_is_named(started, tmp_path):
    torch.save({"gen": {}}, path := tmp_path / "authors.pth")
    _refused(started(start_from=path), "is a pickle", "colorizer-checkpoint import")


@pytest.mark.parametrize("name", ["average", "discriminator"])
def test_damage_is_refused(trained_extractor, redrawn, tmp_path, name):
    checkpoint = trained_extractor.output / "checkpoints" / "step-00000002"
    export(ExportConfig(checkpoint, tmp_path / "alone.safetensors"))
    for path in (checkpoint / f"{name}.safetensors", tmp_path / "alone.safetensors"):
        data = bytearray(path.read_bytes())
        data[-3] ^= 4
        path.write_bytes(data)
    _refused(redrawn(start_from=checkpoint), f"{name}.safetensors: damaged")
    _refused(redrawn(start_from=tmp_path / "alone.safetensors"), "alone.safetensors: damaged")
    (trained_extractor.output / "best").symlink_to("checkpoints/step-00000002")
    _refused(redrawn(), f"{name}.safetensors: damaged", "Give another checkpoint, a run folder or")


ALONE = SimpleNamespace(
    process_index=0, num_processes=1, is_main_process=True, device=torch.device("cpu")
)


@pytest.mark.parametrize("name", ["average", "discriminator"])
def test_weights_that_are_not_those_that_were_found_are_refused(trained_extractor, redrawn, name):
    found = find_origin(trained_extractor.output, config := redrawn())
    assert read_origin(ALONE, found).generator
    newer, older = (trained_extractor.output / "checkpoints" / f"step-0000000{n}" for n in (2, 1))
    os.replace(older / f"{name}.safetensors", newer / f"{name}.safetensors")
    with pytest.raises(UserError, match=rf"{name}\.safetensors: damaged"):
        read_origin(ALONE, found)
    (newer / f"{name}.safetensors").unlink()
    with pytest.raises(UserError, match=r"--start-from .* cannot be read: No such file"):
        read_origin(ALONE, found)
    assert not config.output.exists()
