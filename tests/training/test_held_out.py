"""Looks at held-out pictures: what they measure, what they keep, when they end a run."""

import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from colorizer.checkpoints import checkpoint
from colorizer.checkpoints.best import Best
from colorizer.coloring.colorizer import Colorizer
from colorizer.evaluation.config import EvaluateConfig, MeasureConfig
from colorizer.evaluation.evaluator import evaluate
from colorizer.lines.extractor import Extractor
from colorizer.making.config import CharactersConfig, FolderConfig
from colorizer.making.pipeline import make_shards
from colorizer.shards.reader import ShardReader
from colorizer.system.errors import UserError
from colorizer.training.colorization import ColorizationHeldOut
from colorizer.training.held_out import HeldOut, evenly_chosen
from colorizer.training.samples import SampleGrid
from colorizer.training.train import train
from colorizer.training.trainer import Trainer

pytestmark = pytest.mark.slow


def _looks(config):
    lines = map(json.loads, (config.output / "metrics.jsonl").read_text().splitlines())
    return [line for line in lines if "held-out/self/psnr" in line or "held-out/clean/l1" in line]


def _script(monkeypatch, values):
    """Have the looks find these figures, one after the other."""
    values = iter(values)

    def look(self, generator):
        value = next(values)
        return {name: value for name in self.figures}

    monkeypatch.setattr(HeldOut, "look", look)


def _state(config, name="best"):
    return checkpoint.verify(config.output / name)


def _evaluated(config, folder):
    """PSNR by evaluate.py, for each of its rows."""
    measure = MeasureConfig(metrics=("psnr",))
    evaluate(EvaluateConfig(config.output, config.data[0], folder, measure=measure))
    figures = json.loads((folder / "report.json").read_text())["figures"]
    return {row: figures[row]["psnr"]["mean"] for row in figures}


def test_the_figures_of_the_runs_end_are_those_of_an_evaluation(tiny, tmp_path):
    config = tiny(steps=3, evaluate_every=2)
    train(config)
    assert [look["step"] for look in _looks(config)] == [2, 3]
    theirs = _evaluated(config, tmp_path / "report")
    last = _looks(config)[-1]
    for ours, row in {
        "self": "self",
        "cross": "cross",
        "wrong": "random",
        "recolored": "recolored",
    }.items():
        assert last[f"held-out/{ours}/psnr"] == pytest.approx(theirs[row], abs=1e-3), row
        assert 0 < last[f"held-out/{ours}/l1"] < 2


@pytest.mark.parametrize("compiled", [False, True])
def test_looks_are_in_float32_whatever_training_computes_in(tiny, tmp_path, monkeypatch, compiled):
    monkeypatch.setattr(torch.nn.Module, "compile", eagerly_compiled)
    config = tiny("sga", steps=1, evaluate_every=1, mixed_precision="bf16", compile=compiled)
    train(config)
    theirs = _evaluated(config, tmp_path / "report")
    assert _looks(config)[-1]["held-out/self/psnr"] == pytest.approx(theirs["self"], abs=1e-4)


def eagerly_compiled(module):
    module._compiled_call_impl = torch.compile(module._call_impl, backend="eager")


def test_a_look_is_of_a_bounded_set_from_one_end_to_the_other(tiny, monkeypatch):
    assert evenly_chosen(9, 3) == [0, 4, 8] and evenly_chosen(2, 8) == [0, 1]
    read = []
    cases_of = ColorizationHeldOut.cases_of
    monkeypatch.setattr(
        ColorizationHeldOut, "cases_of", lambda self, n: read.append(n) or cases_of(self, n)
    )
    train(tiny(steps=1, evaluate_every=1, evaluate_count=3))
    assert len(read) == 3 and read[0] == 0


def test_pictures_that_nobody_drew_are_compared_with_their_own_colours_and_it_is_said(
    tiny, tmp_path, draw_scene
):
    for number in range(12):
        folder = tmp_path / "pictures" / f"character {number // 2}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw_scene(number, 80, 80)).save(folder / f"{number}.png")
    make_shards(
        FolderConfig(
            folder=tmp_path / "pictures",
            output=tmp_path / "shards",
            size=64,
            held_out=0.5,
            group_by="parent",
            lines="xdog",
            workers=1,
        )
    )
    config = tiny(steps=1, evaluate_every=1, data=(tmp_path / "shards",))
    train(config)
    rows = {name.split("/")[1] for name in _looks(config)[0] if name.startswith("held-out/")}
    assert rows == {"self", "cross-own-colours", "wrong", "seconds"}
    assert _state(config).best.figure == "cross-own-colours/psnr"


def test_an_extractor_is_judged_on_clean_and_degraded_pictures(tiny):
    config = tiny("extractor-demo", steps=2, evaluate_every=1)
    train(config)
    look = _looks(config)[-1]
    extractor = Extractor(config.output, torch.device("cpu"))
    reader = ShardReader(config.held_out_shards)
    samples = [reader[n] for n in range(len(reader))]
    errors = [
        np.abs(extractor.draw(s.color).astype(float) - s.line).mean() / 127.5 for s in samples
    ]
    assert look["held-out/clean/l1"] == pytest.approx(np.mean(errors), abs=1e-4)
    assert look["held-out/degraded/psnr"] != look["held-out/clean/psnr"]
    assert _state(config).best.figure == "degraded/psnr"


# ---- The best


def test_the_best_checkpoint_outlives_newer_ones_and_colours(tiny, monkeypatch, capsys):
    _script(monkeypatch, [10.0, 12.0, 11.0, 11.5])
    config = tiny(steps=4, evaluate_every=1, checkpoint_every=1, keep_checkpoints=1)
    train(config)
    assert _state(config).step == 2 and _state(config).best == Best("cross/psnr", 12.0, 2)
    saved = sorted(p.name for p in (config.output / "checkpoints").iterdir())
    assert saved == ["step-00000002", "step-00000004"]
    assert "Best cross/psnr: 12 at step 2" in capsys.readouterr().out
    best, newest = (Colorizer(path, "cpu") for path in (config.output / "best", config.output))
    assert (best.file.step, newest.file.step) == (2, 4)


def test_a_better_look_is_saved_though_no_checkpoint_is_due(tiny, monkeypatch):
    _script(monkeypatch, [10.0, 9.0, 12.0, 1.0])
    config = tiny(steps=4, evaluate_every=1, checkpoint_every=100)
    train(config)
    assert _state(config).step == 3


def test_of_l1_the_lowest_is_the_best(tiny, monkeypatch):
    _script(monkeypatch, [0.3, 0.2, 0.4])
    config = tiny(steps=3, evaluate_every=1, best_by="self/l1")
    train(config)
    assert _state(config).best == Best("self/l1", 0.2, 2)


def test_the_best_is_known_after_a_stop_and_a_worse_look_does_not_replace_it(tiny, monkeypatch):
    _script(monkeypatch, [10.0, 12.0, 11.0, 11.0])
    config = tiny(steps=2, evaluate_every=1, checkpoint_every=1, keep_checkpoints=1)
    train(config)
    train(replace(config, steps=4))
    assert _state(config).step == 2


def test_a_best_that_somebody_has_deleted_is_looked_for_anew(tiny, monkeypatch, capsys):
    _script(monkeypatch, [12.0, 11.0, 11.5])
    config = tiny(steps=2, evaluate_every=1, checkpoint_every=1)
    train(config)
    shutil.rmtree(config.output / "checkpoints" / "step-00000001")
    train(replace(config, steps=3))
    assert "the best checkpoint, of step 1, is gone" in capsys.readouterr().err
    assert _state(config).step == 3


def test_another_figure_to_choose_by_begins_anew(tiny, monkeypatch):
    _script(monkeypatch, [12.0, 13.0, 11.0])
    config = tiny(steps=2, evaluate_every=1)
    train(config)
    train(replace(config, steps=3, best_by="self/psnr"))
    assert _state(config).best == Best("self/psnr", 11.0, 3)


def test_a_figure_that_there_is_not_is_refused_with_those_there_are(tiny):
    with pytest.raises(UserError, match=r"--best-by nonesuch: .* cross/psnr, self/psnr"):
        train(tiny(evaluate_every=1, best_by="nonesuch"))


# ---- Patience


def test_a_run_that_no_longer_gains_ends_and_is_complete(tiny, monkeypatch, capsys):
    _script(monkeypatch, [10.0, 12.0, 11.0, 11.5, 12.0, 13.0])
    config = tiny(steps=50, evaluate_every=1, patience=2)
    assert train(config)
    assert "the last 2 looks gave no better cross/psnr" in capsys.readouterr().out
    assert checkpoint.saved_steps(config.output / "checkpoints")[0].name == "step-00000004"
    assert train(config)
    assert "is complete at step 4" in capsys.readouterr().out
    assert train(replace(config, patience=5, steps=6))
    assert _state(config).best == Best("cross/psnr", 13.0, 6)


@pytest.mark.parametrize("changes", [{"evaluate_every": 0}, {"evaluate_every": 1}])
def test_patience_without_anything_to_look_at_is_refused(tiny, tmp_path, changes):
    data = tmp_path / "all for training"
    make_shards(CharactersConfig(output=data, count=4, size=64, held_out=0.0, workers=1))
    with pytest.raises(UserError, match="--patience and --best-by need held-out pictures, but"):
        train(tiny(data=(data,), patience=1, **changes))
    config = tiny(data=(data,), steps=1, **changes)
    train(config)
    assert _looks(config) == []


# ---- Stopping


def test_a_look_that_a_stop_has_put_off_is_taken_on_continuing(tiny, monkeypatch):
    whole = tiny(output="whole", steps=4, evaluate_every=2)
    train(whole)
    parts = tiny(output="parts", steps=4, evaluate_every=2)
    learn = Trainer._learn

    def stopped(self, batch):
        learn(self, batch)
        if self.step == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_learn", stopped)
        train(parts)
    assert _looks(parts) == []  # the scheduler is not kept waiting
    train(parts)
    figures = [
        [{k: v for k, v in look.items() if k != "held-out/seconds"} for look in _looks(config)]
        for config in (whole, parts)
    ]
    assert figures[0] == figures[1] and [look["step"] for look in figures[1]] == [2, 4]
    newest = Path("checkpoints", "step-00000004")
    assert _state(whole, newest).best == _state(parts, newest).best
    assert (parts.output / "best").is_symlink()


def test_on_a_stop_the_checkpoint_comes_before_the_sample_grid(tiny, monkeypatch):
    draw, seen = SampleGrid.draw, []

    def drawn(self, generator):
        seen.append([p.name for p in checkpoint.saved_steps(config.output / "checkpoints")])
        return draw(self, generator)

    monkeypatch.setattr(SampleGrid, "draw", drawn)
    config = tiny(steps=2, sample_every=2, evaluate_every=0)
    train(config)
    assert seen == [["step-00000002"]]
