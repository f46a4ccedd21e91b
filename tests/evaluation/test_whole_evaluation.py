"""A whole evaluation of a tiny run: its figures, its files, and when it is made again.

Data that lack something are in test_evaluated_data.py.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from colorizer.checkpoints.generator_file import find_generator
from colorizer.coloring.colorizer import Colorizer
from colorizer.config.networks import GeneratorConfig
from colorizer.evaluation.config import WeightsConfig
from colorizer.evaluation.evaluator import evaluate
from colorizer.evaluation.metrics.inception import fid
from colorizer.evaluation.metrics.palette import palette_distance
from colorizer.evaluation.metrics.pixels import psnr
from colorizer.loading.characters_truth import in_colors_of, redraw
from colorizer.shards.reader import ShardReader
from colorizer.shards.writer import ShardWriter
from colorizer.system.errors import UserError
from tests.helpers.evaluating import rows_of, settings_for, with_measure
from tests.helpers.making import files_of

pytestmark = pytest.mark.slow


def test_every_figure_is_right_and_every_reference_is_written_down(no_weights, trained, tmp_path):
    config = settings_for(trained, tmp_path)
    report = evaluate(config)
    assert json.loads((config.output / "report.json").read_text()) == report
    figures = report["figures"]
    assert list(figures) == ["self", "cross", "random", "recolored", "as_it_stands", "constant"]

    reader = ShardReader(trained.held_out_shards)
    by_key = {reader[n].key: reader[n] for n in range(len(reader))}
    colorizer = Colorizer(trained.output, "cpu")
    table = rows_of(config)
    assert [row["key"] for row in table] == list(by_key)
    for row in table:
        sample = by_key[row["key"]]
        random, cross = by_key[row["random reference"]], by_key[row["cross reference"]]
        assert cross.metadata["group"] == row["group"] == sample.metadata["group"]
        assert random.metadata["group"] != row["group"] and cross.key != sample.key

        def color(reference, line=sample.line):
            pair = torch.tensor(line)[None], torch.tensor(reference.color)[None]
            return colorizer.color_batch(*pair)

        truth = torch.tensor(sample.color)[None]
        recolored = torch.tensor(in_colors_of(redraw(sample), random))[None]
        expected = {
            "self.psnr": psnr(color(sample), truth),
            "cross.psnr": psnr(color(cross), truth),
            "random.psnr": psnr(color(random), truth),
            "recolored.psnr": psnr(color(random), recolored),
            "as_it_stands.psnr": psnr(torch.tensor(cross.color)[None], truth),
        }
        palettes = {
            "cross.palette": palette_distance(color(cross), torch.tensor(cross.color)[None]),
            "self.palette-wrong": palette_distance(color(sample), torch.tensor(random.color)[None]),
        }
        for name, value in (expected | palettes).items():  # whole threads differ by a level or so
            assert float(row[name]) == pytest.approx(value[0], abs=0.02), name
    for row, metric in (("self", "psnr"), ("cross", "palette")):
        values = [float(line[f"{row}.{metric}"]) for line in table]
        assert figures[row][metric]["mean"] == np.mean(values)
        assert figures[row][metric]["low"] < np.mean(values) < figures[row][metric]["high"]
        assert figures[row]["pictures"] == len(reader)


def test_what_is_absent_is_named_with_its_reason(no_weights, trained, tmp_path, capsys):
    report = evaluate(settings_for(trained, tmp_path))
    absent = report["identity"]["protocol"]["absent"]
    assert set(absent) == {"ms-ssim", "lpips-alex", "lpips-vgg", "fid", "kid"}
    assert "161 are needed" in absent["ms-ssim"]
    assert "AlexNet weights were neither found nor downloaded" in absent["lpips-alex"]
    shown = capsys.readouterr().out
    text = (tmp_path / "report" / "report.md").read_text()
    assert f"Not measured: fid, kid; {absent['fid']}" in shown
    assert all(reason in text for reason in absent.values())


@pytest.mark.parametrize("metric", ["ms-ssim", "lpips-vgg", "fid"])
def test_what_is_asked_for_by_name_has_to_be_had(no_weights, trained, tmp_path, metric):
    with pytest.raises(UserError, match=f"{metric} cannot be had"):
        evaluate(settings_for(trained, tmp_path, metrics=("psnr", metric)))
    assert not (tmp_path / "report").exists()


def test_batch_size_and_number_of_shards_change_no_byte(stand_ins, trained, tmp_path):
    reader = ShardReader(trained.held_out_shards)
    single = tmp_path / "single" / "held-out"
    with ShardWriter(single, 64, 100, reader.index.settings) as writer:
        for number in range(len(reader)):
            sample = reader[number]
            writer.write(sample.key, sample.color, sample.line, sample.metadata)
    assert len(reader.index.shards) > 1
    one = settings_for(trained, tmp_path, batch_size=1)
    evaluate(one)
    other = replace(with_measure(one, batch_size=16), data=single.parent, output=tmp_path / "other")
    evaluate(other)
    single_path, path = str(single), str(reader.index.folder)  # all that may differ
    for name, content in files_of(other.output).items():
        assert content.replace(single_path.encode(), path.encode()) == files_of(one.output)[name]


def test_fid_is_of_all_results_and_all_held_out_pictures(stand_ins, trained, tmp_path):
    config = settings_for(trained, tmp_path, metrics=("fid",), modes=("random",))
    report = evaluate(config)
    reader, colorizer = ShardReader(trained.held_out_shards), Colorizer(trained.output, "cpu")
    by_key = {reader[n].key: reader[n] for n in range(len(reader))}
    results = []
    for row in rows_of(config):
        line, reference = by_key[row["key"]].line, by_key[row["random reference"]].color
        results.append(
            colorizer.color_batch(torch.tensor(line)[None], torch.tensor(reference)[None])
        )
    truths = torch.stack([torch.tensor(sample.color) for sample in by_key.values()])
    inception = stand_ins.inception()
    expected = fid(inception.features(torch.cat(results)), inception.features(truths))
    assert report["figures"]["random"]["fid"]["mean"] == pytest.approx(expected, rel=1e-3)
    assert list(report["figures"]) == ["random"]


def test_features_of_the_held_out_pictures_are_kept_beside_them(
    stand_ins, trained, tmp_path, monkeypatch
):
    data = tmp_path / "data"
    data.mkdir()
    (data / "held-out").symlink_to(trained.held_out_shards)
    config = settings_for(trained, tmp_path, data=data, metrics=("fid", "kid"), modes=("self",))
    first = evaluate(config)["figures"]
    (kept,) = (data / "features").iterdir()
    taken = stand_ins.count_features(monkeypatch)
    again = evaluate(replace(config, output=tmp_path / "again"))["figures"]
    assert again == first
    pictures = first["self"]["pictures"]
    assert taken() == pictures  # of the results alone
    damaged = bytearray(kept.read_bytes())
    damaged[-1] ^= 1
    kept.write_bytes(bytes(damaged))
    assert evaluate(replace(config, output=tmp_path / "third"))["figures"] == first
    assert taken() == 3 * pictures  # of the held-out pictures as well


def test_an_evaluation_that_is_there_is_not_made_again(no_weights, trained, tmp_path, capsys):
    config = settings_for(trained, tmp_path)
    first = evaluate(config)
    before = (config.output / "report.json").stat().st_mtime_ns
    assert evaluate(with_measure(config, batch_size=1)) == first
    assert "already holds this evaluation" in capsys.readouterr().out
    assert (config.output / "report.json").stat().st_mtime_ns == before
    evaluate(with_measure(config, pairs_seed=1))
    assert (config.output / "report.json").stat().st_mtime_ns != before


@pytest.mark.parametrize("named", ["relative", "with a slash", "linked", "moved"])
def test_one_evaluation_may_be_named_by_several_paths(
    no_weights, trained, tmp_path, monkeypatch, capsys, named
):
    config = settings_for(trained, tmp_path, modes=("self",), metrics=("psnr",))
    config = replace(config, data=shutil.copytree(trained.data[0], tmp_path / "data"))
    evaluate(config)
    before = files_of(config.output)
    checkpoint, data = config.checkpoint, config.data
    match named:
        case "relative":
            monkeypatch.chdir(tmp_path)
            checkpoint, data = Path(checkpoint.name), Path("./data")
        case "with a slash":
            checkpoint, data = Path(f"{checkpoint}/../{checkpoint.name}/"), Path(f"{data}/")
        case "linked":
            for path in (checkpoint, data):
                (tmp_path / f"{path.name}-link").symlink_to(path)
            checkpoint, data = (tmp_path / f"{path.name}-link" for path in (checkpoint, data))
        case "moved":
            checkpoint, data = (p.rename(tmp_path / f"{p.name}-2") for p in (checkpoint, data))
    capsys.readouterr()
    evaluate(replace(config, checkpoint=checkpoint, data=data))
    assert "already holds this evaluation" in capsys.readouterr().out
    assert files_of(config.output) == before


def test_a_report_names_the_code_that_trained_and_that_evaluated(
    no_weights, trained, tmp_path, monkeypatch
):
    config = settings_for(trained, tmp_path, modes=("self",), metrics=("psnr",))
    monkeypatch.setattr("colorizer.evaluation.report.code_version", lambda: "9.9 at abc1234")
    identity = evaluate(config)["identity"]
    trained_by = find_generator(trained.output, GeneratorConfig).version
    assert identity["generator"]["version"] == trained_by
    assert identity["machine"]["colorizer"] == "9.9 at abc1234"
    _, _, versions, *_ = (config.output / "report.md").read_text().splitlines()
    assert versions == f"Trained by colorizer {trained_by}; evaluated by colorizer 9.9 at abc1234."
    before = (config.output / "report.json").stat().st_mtime_ns
    monkeypatch.setattr("colorizer.evaluation.report.code_version", lambda: "9.9 at def5678")
    evaluate(config)  # other code may give other figures
    assert (config.output / "report.json").stat().st_mtime_ns != before


def test_an_older_report_does_not_outlive_its_pictures(no_weights, trained, tmp_path, monkeypatch):
    config = settings_for(trained, tmp_path)
    evaluate(config)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("colorizer.evaluation.evaluator.write_grids", killed)
    with pytest.raises(KeyboardInterrupt):
        evaluate(with_measure(config, pairs_seed=1))
    assert not (config.output / "report.json").exists()


def test_weights_that_are_not_the_published_ones_are_said_to_be(
    stand_ins, trained, tmp_path, capsys
):
    report = evaluate(settings_for(trained, tmp_path, modes=("self",)))
    assert {"lpips-alex", "lpips-vgg"} <= set(report["figures"]["self"])
    files = report["identity"]["protocol"]["weights"]
    assert {name: file["published"] for name, file in files.items()} == {
        "AlexNet": False,
        "VGG-16": False,
        "Inception": True,  # the hash that is asked for is the stand-in's here
    }
    assert "AlexNet is not the published one" in capsys.readouterr().err
    assert "**not the published one**" in (tmp_path / "report" / "report.md").read_text()


def test_an_output_that_is_a_file_and_bad_settings_are_refused_at_once(trained, tmp_path):
    (tmp_path / "file").touch()
    for changes, words in [
        ({"output": "file"}, "is a file"),
        ({"batch_size": 0}, "--batch-size"),
        ({"pairs_seed": -1}, "--pairs-seed"),
        ({"weights": WeightsConfig(inception=tmp_path / "none.pt")}, "no such Inception file"),
    ]:
        with pytest.raises(UserError, match=words):
            evaluate(settings_for(trained, tmp_path, **changes))
    assert not (tmp_path / "report").exists()


def test_a_figure_that_is_not_a_number_is_named(no_weights, trained, tmp_path, monkeypatch):
    monkeypatch.setattr("colorizer.evaluation.available.psnr", lambda *_: np.array([np.nan]))
    with pytest.raises(UserError, match=r"psnr of character-\d+-0 is not a number"):
        evaluate(settings_for(trained, tmp_path))
    assert not (tmp_path / "report" / "report.json").exists()


def test_pictures_of_other_modes_do_not_stay_in_the_report(no_weights, trained, tmp_path):
    config = settings_for(trained, tmp_path)
    evaluate(config)
    evaluate(with_measure(config, modes=("self",)))
    assert sorted(path.name for path in config.output.glob("*.png")) == ["self.png"]


def test_torch_has_its_settings_back(no_weights, trained, tmp_path):
    before = torch.get_num_threads(), torch.backends.cuda.matmul.allow_tf32
    evaluate(settings_for(trained, tmp_path))
    assert (torch.get_num_threads(), torch.backends.cuda.matmul.allow_tf32) == before
