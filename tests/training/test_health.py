"""Losses and gradients that are not finite: found late, named exactly, and never learned from."""

import json
from dataclasses import replace

import pytest
import torch

from colorizer.config.run import OptimizerConfig
from colorizer.loading.dataset import TrainingData
from colorizer.system.errors import UserError
from colorizer.system.json_file import parse_json
from colorizer.training import task as task_module
from colorizer.training.colorization import Colorization
from colorizer.training.health import MAX_LEFT_OUT
from colorizer.training.record import LossRecord
from colorizer.training.start import start_accelerator
from colorizer.training.train import build_task, train
from colorizer.training.trainer import Trainer
from tests.helpers.runs import metrics_of, tensors_of


@pytest.fixture
def poison(monkeypatch):
    """`poison(steps, value)`: the L1 loss of these steps is multiplied by the value."""

    def at(steps, value):
        losses, seen = Colorization.losses, []

        def poisoned(self, pictures, result):
            found = losses(self, pictures, result)
            seen.append(True)
            if len(seen) in steps:
                found["l1"] = found["l1"] * value
            return found

        monkeypatch.setattr(Colorization, "losses", poisoned)
        return seen

    return at


@pytest.mark.parametrize(
    "value", [float("nan"), pytest.param(float("inf"), marks=pytest.mark.slow)]
)
def test_the_step_the_loss_and_the_samples_are_named_and_nothing_is_saved(tiny, poison, value):
    poison([3], value)
    config = tiny(steps=9, log_every=4, log_samples=True, checkpoint_every=2)
    with pytest.raises(UserError) as error:
        train(config)
    log = (config.output / "order" / "rank-0.jsonl").read_text().splitlines()
    keys = [line["key"] for line in map(json.loads, log) if line["step"] == 3]
    assert f"step 3: the l1 loss is {value} (samples {', '.join(keys)}), so training" in str(
        error.value
    )
    assert [p.name for p in (config.output / "checkpoints").iterdir()] == ["step-00000002"]


@pytest.mark.slow
def test_the_weights_do_not_learn_from_it(tiny, poison):
    """Left out on the device, before the host knows: also the moments, and also the average."""
    poison([3], float("nan"))
    config = tiny(steps=3, not_finite="skip", checkpoint_every=1, keep_checkpoints=9)
    train(config)
    before, after = (tensors_of(config, step, "generator") for step in (2, 3))
    learned = {k for k in before if not k.endswith(("_mean", "_var", "num_batches_tracked"))}
    assert learned and all(torch.equal(before[k], after[k]) for k in learned)
    moments = [tensors_of(config, step, "generator_optimizer") for step in (2, 3)]
    assert all(torch.equal(moments[0][k], moments[1][k]) for k in moments[0])
    assert all(t.isfinite().all() for t in tensors_of(config, 3, "average").values())
    # The discriminator's own loss was finite: it has learned.
    critics = [tensors_of(config, step, "discriminator") for step in (2, 3)]
    assert any(not torch.equal(critics[0][k], critics[1][k]) for k in critics[0])


def test_skipping_goes_on_and_says_so_and_the_figures_leave_it_out(tiny, poison, capsys):
    poison([2, 3], float("nan"))
    config = tiny(steps=4, not_finite="skip", log_every=2)
    train(config)
    shown = capsys.readouterr().err
    assert "step 2: the l1 loss is nan (samples" in shown and "the update was left out" in shown
    assert [m["left_out"] for m in metrics_of(config)] == [1, 1]
    assert all(0 < m["loss/l1"] < 2 for m in metrics_of(config))


@pytest.mark.slow
def test_a_window_without_any_update_leaves_the_log_json(tiny, poison):
    poison([1, 2, 3], float("nan"))
    config = tiny(steps=6, not_finite="skip", log_every=3)
    train(config)
    lines = (config.output / "metrics.jsonl").read_text().splitlines()
    first, second = map(parse_json, lines)  # which knows no NaN
    assert first["loss/l1"] is None and first["gradient/generator"] is None
    assert second["loss/l1"] > 0 and second["gradient/generator"] > 0


def test_batch_norms_statistics_survive_pictures_of_nan(tiny, monkeypatch):
    generate = Colorization.generate
    calls = []

    def broken(self, pictures):
        calls.append(1)
        if len(calls) == 2:
            pictures = pictures._replace(reference=pictures.reference * float("nan"))
        return generate(self, pictures)

    monkeypatch.setattr(Colorization, "generate", broken)
    config = tiny(steps=3, not_finite="skip")
    train(config)
    for name in ("generator", "average", "discriminator"):
        assert all(t.isfinite().all() for t in tensors_of(config, 3, name).values()), name


@pytest.mark.parametrize("elsewhere", [True, False])
def test_batch_norm_forgets_a_batch_that_is_not_finite_in_another_process(
    tiny, monkeypatch, elsewhere
):
    config = tiny(not_finite="skip")
    task = build_task(config, start_accelerator(config))
    if elsewhere:  # the mean of a 1 from here and a 0 from there
        monkeypatch.setattr(task.accelerator, "reduce", lambda tensor, how: tensor / 2)
    before = [buffer.clone() for buffer in task.generator.network.buffers()]
    batch = TrainingData(config.training_shards, 0, 16).load([0, 1], task.draw_parameters)
    task.step(batch)
    kept = [
        torch.equal(*pair) for pair in zip(before, task.generator.network.buffers(), strict=True)
    ]
    assert all(kept) == any(kept) == elsewhere


def test_a_gradient_that_is_not_finite_is_found_though_every_loss_is(tiny, monkeypatch):
    adversarial = task_module.adversarial_loss

    def steep(scores):
        return adversarial(scores) + (scores - scores.detach()).abs().sqrt().mean()  # 0, but inf'

    monkeypatch.setattr(task_module, "adversarial_loss", steep)
    with pytest.raises(UserError, match=r"step 1: the generator's gradient is (nan|inf) \(samples"):
        train(tiny(steps=4, log_every=4))


@pytest.mark.slow
def test_skipping_for_ever_is_stopped(tiny, poison):
    poison(range(1, 1000), float("nan"))
    config = tiny(steps=3 * MAX_LEFT_OUT, not_finite="skip", log_every=10, batch_size=1)
    loss = replace(config.loss, adversarial=0.0)
    with pytest.raises(UserError, match="the last 100 updates of the generator were left out"):
        train(replace(config, loss=loss))


def test_a_loss_without_bounds_stops_the_run_and_writes_no_checkpoint(tiny):
    broken = tiny(steps=8, optimizer=OptimizerConfig(generator_lr=1e30))
    with pytest.raises(UserError, match=r"step \d: .* is (nan|inf)"):
        train(broken)
    assert not list((broken.output / "checkpoints").iterdir())


def test_weights_broken_by_the_last_update_are_not_saved(tiny):
    """The loss of the first step is still finite: it comes before the update."""
    config = tiny(checkpoint_every=1, optimizer=OptimizerConfig(generator_lr=1e38))
    with pytest.raises(UserError, match="weights are no longer finite"):
        train(config)
    assert not list((config.output / "checkpoints").iterdir())


def test_no_step_waits_for_the_device_to_look(tiny, monkeypatch):
    looks = []
    look = LossRecord.look
    monkeypatch.setattr(LossRecord, "look", lambda self: looks.append(1) or look(self))
    waits = []
    item = torch.Tensor.item
    monkeypatch.setattr(torch.Tensor, "item", lambda self: waits.append(1) or item(self))
    learn = Trainer._learn

    def counted(self, batch):
        waits.clear()
        learn(self, batch)
        assert not waits

    monkeypatch.setattr(Trainer, "_learn", counted)
    train(tiny(steps=4, log_every=2))
    assert len(looks) == 3  # two lines of the log, and the checkpoint at the end
