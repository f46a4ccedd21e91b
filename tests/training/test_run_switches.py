"""Every setting of a run does what it says: what is written when, in which order, by whom.

Those of networks, losses and optimizers are in test_learning_switches.py, those of pictures and of
computing in test_picture_switches.py.
"""

import json
import multiprocessing
import time

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from colorizer.config.references import ReferencesConfig
from colorizer.loading.dataset import TrainingData
from colorizer.shards.reader import ShardReader
from colorizer.system.errors import UserError
from colorizer.training.colorization import Colorization
from colorizer.training.train import train
from tests.helpers.orders import order_of


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def _lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_thing_is_written_when_it_is_asked_for(tiny):
    config = tiny(
        "extractor-demo",
        steps=7,
        log_every=3,
        sample_every=2,
        sample_count=1,
        checkpoint_every=3,
        keep_checkpoints=1,
        keep_every=2,
    )
    train(config)
    assert [m["step"] for m in _lines(config.output / "metrics.jsonl")] == [3, 6, 7]
    assert _names(config.output / "samples") == [f"step-{n:08d}.png" for n in (2, 4, 6, 7)]
    # Of 3, 6 and 7: 6 for good, and 7 as the newest.
    assert _names(config.output / "checkpoints") == ["step-00000006", "step-00000007"]
    assert not (config.output / "order").exists()  # without log_samples


@pytest.mark.slow
def test_the_seed_draws_the_order_and_the_augmentation(tiny):
    zero, one = (
        order_of(tiny(output=str(seed), seed=seed, steps=1, log_samples=True)) for seed in (0, 1)
    )
    assert [line["key"] for line in zero] != [line["key"] for line in one]
    assert {line["augmentation"] for line in zero}.isdisjoint(line["augmentation"] for line in one)


def test_only_shards_of_a_window_are_shuffled_together(tiny):
    def shards(window: int) -> set[int]:
        config = tiny(output=str(window), steps=1, shard_window=window, log_samples=True)
        keys = {line["key"] for line in order_of(config)}
        (folder,) = config.training_shards
        reader = ShardReader(folder)
        places = [n for n in range(len(reader)) if reader[n].key in keys]
        return set(np.searchsorted(reader.starts, places, "right"))

    assert len(shards(1)) == 1
    assert len(shards(16)) > 1


def test_the_log_has_the_references_and_goes_on_alike(tiny):
    references = ReferencesConfig(same_group=0.5)
    same = {"batch_size": 8, "log_samples": True, "references": references}
    whole = order_of(tiny(output="whole", steps=3, **same))
    order_of(tiny(output="stopped", steps=1, **same))
    assert order_of(tiny(output="stopped", steps=3, **same)) == whole
    others = [line for line in whole if line["reference"] != line["key"]]
    assert 0 < len(others) < len(whole)
    for line in others:  # the other pose
        assert line["reference"][:-1] == line["key"][:-1]
    plain = order_of(tiny(output="plain", steps=3, batch_size=8, log_samples=True))
    without = [{k: v for k, v in line.items() if k != "reference"} for line in whole]
    assert without == plain


def test_another_share_of_references_is_another_run(tiny):
    train(tiny(steps=1))
    with pytest.raises(UserError, match=r"references.same_group was 0.0, is now 0.5"):
        train(tiny(steps=2, references=ReferencesConfig(same_group=0.5)))


def test_the_start_says_how_many_can_have_a_reference_of_their_group(tiny, capsys):
    train(tiny(dry_run=True, references=ReferencesConfig(same_group=0.5)))
    said = " ".join(capsys.readouterr().out.split())
    assert "references 50% another picture of the group, which 18 pictures have" in said


@pytest.mark.parametrize("workers", [0, 2])
def test_so_many_processes_load(tiny, monkeypatch, workers):
    counted = []
    step = Colorization.step

    def count(task, batch):
        counted.append(len(multiprocessing.active_children()))
        return step(task, batch)

    monkeypatch.setattr(Colorization, "step", count)
    train(tiny(workers=workers))
    assert max(counted) == workers


def test_a_loader_that_hangs_ends_the_run_after_the_timeout(tiny, monkeypatch):
    monkeypatch.setattr(TrainingData, "load_into", lambda *_: time.sleep(60))
    with pytest.raises(UserError, match="no batch came from the loader processes in 1 s"):
        train(tiny(workers=1, timeout=1.0))


def test_tensorboard_gets_the_losses(tiny):
    config = tiny(steps=2, log_with=("tensorboard",))
    train(config)
    found = {}
    for file in config.output.rglob("events.out.tfevents.*"):
        events = EventAccumulator(str(file)).Reload()
        for tag in events.Tags()["scalars"]:
            found |= {(tag, event.step): event.value for event in events.Scalars(tag)}
    lines = [line for line in _lines(config.output / "metrics.jsonl") if "loss/l1" in line]
    assert [line["step"] for line in lines] == [1, 2]
    for line in lines:
        for name in ("l1", "adversarial", "discriminator", "copying"):
            tag = f"loss/{name}"
            assert found[tag, line["step"]] == pytest.approx(line[tag])


def test_without_a_tracker_nothing_is_written_for_one(tiny):
    train(config := tiny("extractor-demo", steps=1))
    assert not list(config.output.rglob("events.out.tfevents.*"))
