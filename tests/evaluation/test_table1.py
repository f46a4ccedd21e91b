"""Table 1 of tiny networks."""

import dataclasses
import json
from dataclasses import replace
from pathlib import Path

import cv2
import pytest

from colorizer.config.losses import LossConfig
from colorizer.config.networks import GeneratorConfig
from colorizer.config.presets import PRESETS, demo
from colorizer.evaluation import table1
from colorizer.evaluation.config import MeasureConfig, Table1Config
from colorizer.evaluation.table import METHODS, orders
from colorizer.evaluation.table1 import as_method, demo_scale, make_table1, run_folder
from colorizer.system.errors import UserError

DATA, OUTPUT = Path("data"), Path("output")


pytestmark = pytest.mark.slow


@pytest.fixture
def small(no_weights, tiny, tmp_path) -> Table1Config:
    """Two trainings of one step for each method."""
    base = tiny("attention-aware", output="table", steps=1)
    settings = {f.name: getattr(base, f.name) for f in dataclasses.fields(base) if f.init}
    settings["loss"] = replace(base.loss, triplet=0.0)
    measure = MeasureConfig(metrics=("psnr", "palette"))
    return Table1Config(**settings, seeds=2, rows=3, measure=measure)


@pytest.mark.parametrize("method", METHODS)
def test_at_the_papers_scale_the_methods_are_the_presets(method):
    config = as_method(Table1Config((DATA,), OUTPUT), method, 0)
    assert config == PRESETS[method](DATA, OUTPUT / method / "seed-0")


@pytest.mark.parametrize("method", METHODS)
def test_at_the_demos_scale_only_what_tells_the_methods_apart_differs(method):
    config = as_method(replace(demo_scale(), data=(DATA,), output=OUTPUT), method, 3)
    paper, small = PRESETS[method](DATA, OUTPUT), demo(DATA, OUTPUT)
    assert config.network == replace(
        small.network,
        attention=paper.network.attention,
        convolutional_attention=paper.network.convolutional_attention,
        encoder_batch_norm=paper.network.encoder_batch_norm,
        copying=paper.network.copying,
    )
    wanted = replace(small.loss, triplet=paper.loss.triplet, copying=paper.loss.copying)
    wanted = replace(wanted, place=paper.loss.place)
    assert config.loss == wanted
    assert (config.seed, config.optimizer, config.augment) == (3, small.optimizer, small.augment)


def test_a_loss_that_is_asked_for_is_for_all_that_can_have_it():
    base = Table1Config((DATA,), OUTPUT, loss=LossConfig(triplet=0.5, copying=2.0))
    losses = [as_method(base, method, 0).loss for method in METHODS]
    assert [loss.triplet for loss in losses] == [0.5] * 4 + [0.0]  # ours has no attention
    assert [loss.copying for loss in losses] == [0.0] * 4 + [2.0]


def test_methods_are_ordered_by_their_means_and_counted_by_training():
    higher = [(1, 1), (2, 2), (3, 3), (0, 9), (0, 0)]
    lower = [(1, 1), (2, 2), (3, 3), (2, 2), (9, 9)]
    table = {
        method: {"self.psnr": up, "self.lpips-alex": down, "random.psnr": up}
        for method, up, down in zip(METHODS, higher, lower, strict=True)
    }
    assert orders(table) == [  # with a wrong reference neither more nor less is better
        "self PSNR dB: attention-aware, sga, scft-ca, scft, ours; attention-aware first in 1 of 2"
        " trainings",
        "self LPIPS alex: scft, scft-ca, attention-aware, sga, ours; scft first in 2 of 2"
        " trainings",
    ]


def is_whole(small: Table1Config) -> None:
    """The table has the figures of two trainings of each method, and their pictures."""
    content = json.loads((small.output / "table1.json").read_text())
    assert list(content["methods"]) == list(METHODS) and content["seeds"] == [0, 1]
    for method, figures in content["methods"].items():
        for seed in (0, 1):
            report = json.loads(
                (run_folder(small, method, seed) / "report" / "report.json").read_text()
            )
            for name, values in figures.items():
                row, metric = name.split(".")
                assert values[seed] == report["figures"][row][metric]["mean"]
    first = [figures["self.psnr"] for figures in content["methods"].values()]
    assert len({value for values in first for value in values}) == 10  # no two are the same network
    text = (small.output / "table1.md").read_text()
    mean = sum(content["methods"]["sga"]["self.psnr"]) / 2
    row = next(line for line in text.splitlines() if line.startswith("| sga"))
    assert f"{mean:.2f} ±" in row
    best = max(METHODS, key=lambda m: sum(content["methods"][m]["self.psnr"]))
    assert f"self PSNR dB: {best}, " in text
    sheet = cv2.imread(str(small.output / "table1.png"))
    assert sheet.shape[1] == 8 * 132 - 4  # line, reference, five methods, truth


def test_what_was_stopped_goes_on_without_training_again_what_is_done(small, monkeypatch, capsys):
    """And then holds everything, to the last figure."""
    trained = []

    def stopped_in_the_third(config):
        trained.append(config.output)
        return len(trained) < 3 and real(config)

    real = table1.train
    with monkeypatch.context() as patch:
        patch.setattr(table1, "train", stopped_in_the_third)
        make_table1(small)
    assert len(trained) == 3 and not (small.output / "table1.json").exists()
    checkpoints = {p: p.stat().st_mtime_ns for p in small.output.rglob("state.json")}
    assert len(checkpoints) == 2
    capsys.readouterr()
    make_table1(small)
    assert capsys.readouterr().out.count("is complete at step") == 2
    assert all(path.stat().st_mtime_ns == moment for path, moment in checkpoints.items())
    is_whole(small)

    content = (small.output / "table1.json").read_text()
    make_table1(small)
    shown = capsys.readouterr().out
    assert shown.count("is complete at step") == 10
    assert shown.count("already holds this evaluation") == 10
    assert (small.output / "table1.json").read_text() == content


PAPER = {  # paper.txt: Method, FID, PSNR, MS-SSIM, LPIPS
    "scft": ("47.20", "26.36", "0.95", "0.06"),
    "scft-ca": ("40.08", "24.70", "0.92", "0.09"),
    "sga": ("28.24", "21.01", "0.94", "0.07"),
    "attention-aware": ("23.34", "27.21", "0.96", "0.05"),
}


def test_the_papers_figures_stand_beside_ours_and_the_code_is_named(small, stand_ins, monkeypatch):
    monkeypatch.setattr("colorizer.checkpoints.generator_file.code_version", lambda: "0.1 at abc")
    monkeypatch.setattr("colorizer.evaluation.report.code_version", lambda: "0.2 at def")
    measure = MeasureConfig(metrics=("psnr", "lpips-alex", "fid"))
    make_table1(replace(small, seeds=1, measure=measure))
    text = (small.output / "table1.md").read_text()
    header, _, *rows = [line for line in text.splitlines() if line.startswith("|")]
    columns = [cell.strip() for cell in header.strip("|").split("|")]
    of_paper = ("paper: FID", "paper: PSNR dB", "paper: MS-SSIM", "paper: LPIPS alex")
    cells = {row.split("|")[1].strip(): row.strip("|").split("|") for row in rows}
    for method, figures in PAPER.items():
        assert [cells[method][columns.index(name)].strip() for name in of_paper] == list(figures)
    for ours, paper in (
        ("random: FID ↓", "paper: FID"),
        ("self: PSNR dB ↑", "paper: PSNR dB"),
        ("self: LPIPS alex ↓", "paper: LPIPS alex"),
    ):
        assert columns.index(paper) == columns.index(ours) + 1
    assert "self: MS-SSIM ↑" not in columns  # too small pictures; the paper's is there all the same
    assert "trained on all of its 17,769 pictures (Sec. 4.1)" in text
    content = json.loads((small.output / "table1.json").read_text())
    assert content["paper"]["sga"] == {
        "fid": 28.24,
        "psnr": 21.01,
        "ms-ssim": 0.94,
        "lpips-alex": 0.07,
    }
    assert "Trained by colorizer 0.1 at abc. Evaluated by colorizer 0.2 at def." in text
    (identity,) = content["identities"]["sga"]
    assert identity["generator"]["version"] == "0.1 at abc"
    assert identity["machine"]["colorizer"] == "0.2 at def"


def test_settings_that_tell_the_methods_apart_are_refused(small):
    with pytest.raises(UserError, match=r"--network\.attention is what tells"):
        make_table1(replace(small, network=GeneratorConfig(attention="scft")))
    for setting in ({"seeds": 0}, {"seeds": 10**20}, {"rows": 0}, {"rows": 10**20}):
        with pytest.raises(UserError, match="--seeds and --rows must be from 1 to 1000"):
            make_table1(replace(small, **setting))
    assert not small.output.exists()


def test_what_would_be_found_out_after_days_is_refused_before_training(small):
    with pytest.raises(UserError, match="--metrics fid cannot be had"):
        make_table1(replace(small, measure=MeasureConfig(metrics=("fid",))))
    assert not small.output.exists()
    longer = run_folder(small, "sga", 1) / "checkpoints" / "step-00000009"
    longer.mkdir(parents=True)
    with pytest.raises(UserError, match="holds a training of 9 steps already, --steps is 1"):
        make_table1(small)


def test_a_dry_run_shows_all_and_trains_none(small, capsys):
    make_table1(replace(small, seeds=1, dry_run=True))
    assert capsys.readouterr().out.count("  precision  float32") == 5
    assert not small.output.exists()
