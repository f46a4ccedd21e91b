"""Two evaluations compared picture by picture."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from colorizer.evaluation.comparison import read_evaluation
from colorizer.evaluation.config import EvaluateConfig, MeasureConfig
from colorizer.evaluation.evaluator import evaluate
from colorizer.evaluation.statistics import Bootstrap
from colorizer.shards.writer import ShardWriter
from colorizer.system.errors import UserError
from colorizer.training.train import train

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Path:
    """Where the runs and the first one's evaluation are, for all tests."""
    return tmp_path_factory.mktemp("shared")


@pytest.fixture
def two(no_weights, tiny, shared, tmp_path):
    """Settings of evaluations of two runs, the first of them done."""
    configs = []
    for steps, folder in ((1, shared), (4, tmp_path)):
        run = tiny(output=shared / f"run-{steps}", steps=steps)
        train(run)  # as the evaluation, once: what is complete is left alone
        configs.append(
            EvaluateConfig(checkpoint=run.output, data=run.data[0], output=folder / "report")
        )
    evaluate(configs[0])
    return configs


def test_the_difference_is_paired_by_picture(two, capsys):
    first, second = two
    capsys.readouterr()
    evaluate(replace(second, against=first.output / "report.json"))
    shown = capsys.readouterr().out
    this, other = (read_evaluation(c.output / "report.json") for c in (second, first))
    mine, theirs = (np.array(e.columns["self.psnr"], float) for e in (this, other))
    mean, low, high = Bootstrap(this.groups).mean(mine - theirs)
    line = next(row for row in shown.splitlines() if "self" in row and "PSNR" in row)
    for words in (f"{mine.mean():.2f}", f"{theirs.mean():.2f}", f"{mean:+.2f}"):
        assert words in line
    assert f"{low:+.2f} to {high:+.2f}" in line


def test_a_run_against_itself_differs_by_nothing(two, capsys):
    first, _ = two
    evaluate(replace(first, against=first.output / "report.json"))
    shown = capsys.readouterr().out
    line = next(
        row
        for row in shown.splitlines()
        if "recolored" in row and "95" not in row and "PSNR" in row
    )
    assert "+0.00 to +0.00" in line


def test_other_random_references_are_not_compared(two, capsys):
    first, second = two
    other = replace(second.measure, pairs_seed=5)
    evaluate(replace(second, measure=other, against=first.output / "report.json"))
    captured = capsys.readouterr()
    compared = captured.out[captured.out.index("picture by picture") :]
    assert "cross" in compared and "recolored" not in compared
    assert "--pairs-seed" in captured.err


def test_reports_of_other_pictures_and_other_files_are_refused(two, tmp_path, draw_scene):
    first, second = two
    with ShardWriter(tmp_path / "data" / "held-out", 64, 10, {}) as writer:
        scene = draw_scene(0, 64, 64)
        writer.write("s", scene, scene[..., 0], {})
    other = replace(
        second, data=tmp_path / "data", against=first.output / "report.json", output=tmp_path / "o"
    )
    with pytest.raises(UserError, match="is of other pictures"):
        evaluate(other)
    (tmp_path / "text.json").write_text("{}")
    for path, words in [("none.json", "cannot be read"), ("text.json", "is no report")]:
        with pytest.raises(UserError, match=words):
            evaluate(replace(other, against=tmp_path / path))
    assert not (tmp_path / "o").exists()


def test_a_report_that_was_changed_is_refused_by_name(two, tmp_path):
    first, second = two
    changed = shutil.copytree(first.output, tmp_path / "changed")
    report, table = changed / "report.json", changed / "pictures.csv"
    content, pictures = report.read_text(), table.read_text()
    figures = json.loads(content)["figures"]

    def refused(words: str) -> None:
        with pytest.raises(UserError, match=words):
            evaluate(replace(second, against=report))

    for part, value in (
        ("figures", []),
        ("figures", {"self": 3}),
        ("figures", figures | {"self": {"psnr": 3}}),
        ("figures", figures | {"self": {"psnr": {"mean": "3"}}}),
        ("identity", {"format": 1}),
        ("identity", json.loads(content)["identity"] | {"data": {"sha256": 3, "path": "x"}}),
        ("identity", json.loads(content)["identity"] | {"protocol": {"weights": [1]}}),
        ("identity", json.loads(content)["identity"] | {"machine": "mine"}),
    ):
        report.write_text(json.dumps(json.loads(content) | {part: value}))
        refused(r"report\.json is no report of an evaluation")
    report.write_text(content)
    for text in (
        pictures.rsplit("\n", 2)[0],
        pictures.replace("self.psnr", "self.snr"),
        f"{pictures.rsplit(',', 1)[0]},x\n",
        "\xff",
        "",
    ):
        table.write_text(text, encoding="latin-1")
        refused(r"pictures\.csv is damaged")
    assert not second.output.exists()


def test_figures_of_other_weights_are_not_compared(stand_ins, trained, tmp_path, capsys):
    measure = MeasureConfig(modes=("self",), metrics=("psnr", "lpips-alex"))
    config = EvaluateConfig(trained.output, trained.data[0], tmp_path / "report", measure=measure)
    evaluate(config)
    shutil.copytree(config.output, tmp_path / "other")
    other = tmp_path / "other" / "report.json"
    content = json.loads(other.read_text())
    content["identity"]["protocol"]["weights"]["AlexNet"]["sha256"] = "0" * 64
    other.write_text(json.dumps(content))
    capsys.readouterr()
    evaluate(replace(config, against=other))
    captured = capsys.readouterr()
    compared = captured.out[captured.out.index("picture by picture") :]
    assert "PSNR" in compared and "LPIPS" not in compared
    assert "not compared: self lpips-alex; the AlexNet weights are others" in captured.err
