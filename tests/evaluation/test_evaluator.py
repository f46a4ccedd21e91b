"""A whole evaluation of a tiny run."""

import csv
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
from colorizer.evaluation.config import EvaluateConfig, MeasureConfig, WeightsConfig
from colorizer.evaluation.evaluator import evaluate, prepare
from colorizer.evaluation.metrics.inception import fid
from colorizer.evaluation.metrics.palette import palette_distance
from colorizer.evaluation.metrics.pixels import psnr
from colorizer.loading.characters_truth import in_colors_of, redraw
from colorizer.shards.reader import ShardReader
from colorizer.shards.writer import ShardWriter
from colorizer.system.errors import UserError
from colorizer.system.processes import ALONE

pytestmark = pytest.mark.slow


def _config(trained, tmp_path, data=None, output="report", **measure) -> EvaluateConfig:
    settings = MeasureConfig(**({"batch_size": 4} | measure))
    data = data or trained.data[0]
    return EvaluateConfig(trained.output, data, tmp_path / output, measure=settings)


def _with(config: EvaluateConfig, **measure) -> EvaluateConfig:
    return replace(config, measure=replace(config.measure, **measure))


def _pictures(config) -> list[dict[str, str]]:
    with (config.output / "pictures.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def _files(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_every_figure_is_right_and_every_reference_is_written_down(no_weights, trained, tmp_path):
    config = _config(trained, tmp_path)
    report = evaluate(config)
    assert json.loads((config.output / "report.json").read_text()) == report
    figures = report["figures"]
    assert list(figures) == ["self", "cross", "random", "recolored", "as_it_stands", "constant"]

    reader = ShardReader(trained.held_out_shards)
    by_key = {reader[n].key: reader[n] for n in range(len(reader))}
    colorizer = Colorizer(trained.output, "cpu")
    table = _pictures(config)
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
    report = evaluate(_config(trained, tmp_path))
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
        evaluate(_config(trained, tmp_path, metrics=("psnr", metric)))
    assert not (tmp_path / "report").exists()


def test_batch_size_and_number_of_shards_change_no_byte(stand_ins, trained, tmp_path, monkeypatch):
    reader = ShardReader(trained.held_out_shards)
    single = tmp_path / "single" / "held-out"
    with ShardWriter(single, 64, 100, reader.index.settings) as writer:
        for number in range(len(reader)):
            sample = reader[number]
            writer.write(sample.key, sample.color, sample.line, sample.metadata)
    one = _config(trained, tmp_path, batch_size=1)
    evaluate(one)
    many = replace(_with(one, batch_size=16), output=tmp_path / "many")
    evaluate(many)
    assert _files(one.output) == _files(many.output)
    shards = replace(one, data=single.parent, output=tmp_path / "one-shard")
    evaluate(shards)
    single_path, path = str(single), str(reader.index.folder)  # all that may differ
    for name, content in _files(shards.output).items():
        assert content.replace(single_path.encode(), path.encode()) == _files(one.output)[name]


def test_fid_is_of_all_results_and_all_held_out_pictures(stand_ins, trained, tmp_path):
    config = _config(trained, tmp_path, metrics=("fid",), modes=("random",))
    report = evaluate(config)
    reader, colorizer = ShardReader(trained.held_out_shards), Colorizer(trained.output, "cpu")
    by_key = {reader[n].key: reader[n] for n in range(len(reader))}
    results = []
    for row in _pictures(config):
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
    config = _config(trained, tmp_path, data=data, metrics=("fid", "kid"), modes=("self",))
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
    config = _config(trained, tmp_path)
    first = evaluate(config)
    before = (config.output / "report.json").stat().st_mtime_ns
    assert evaluate(_with(config, batch_size=1)) == first
    assert "already holds this evaluation" in capsys.readouterr().out
    assert (config.output / "report.json").stat().st_mtime_ns == before
    evaluate(_with(config, pairs_seed=1))
    assert (config.output / "report.json").stat().st_mtime_ns != before


@pytest.mark.parametrize("named", ["relative", "with a slash", "linked", "moved"])
def test_one_evaluation_may_be_named_by_several_paths(
    no_weights, trained, tmp_path, monkeypatch, capsys, named
):
    config = _config(trained, tmp_path, modes=("self",), metrics=("psnr",))
    config = replace(config, data=shutil.copytree(trained.data[0], tmp_path / "data"))
    evaluate(config)
    before = _files(config.output)
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
    assert _files(config.output) == before


def test_a_report_names_the_code_that_trained_and_that_evaluated(
    no_weights, trained, tmp_path, monkeypatch
):
    config = _config(trained, tmp_path, modes=("self",), metrics=("psnr",))
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


def test_a_group_whose_name_is_no_unicode_is_written_down(
    no_weights, trained, tmp_path, draw_scene
):
    with ShardWriter(tmp_path / "data" / "held-out", 64, 10, {}) as writer:
        for number in range(2):  # a folder that is called b"caf\xe9", as Python names it
            scene = draw_scene(number, 64, 64)
            writer.write(f"s{number}", scene, scene[..., 0], {"group": "caf\udce9"})
    data = tmp_path / "data"
    config = _config(trained, tmp_path, data=data, modes=("cross",), metrics=("palette",))
    evaluate(config)
    assert [row["group"] for row in _pictures(config)] == ["caf\\udce9"] * 2
    evaluate(replace(config, against=config.output / "report.json"))


def test_an_older_report_does_not_outlive_its_pictures(no_weights, trained, tmp_path, monkeypatch):
    config = _config(trained, tmp_path)
    evaluate(config)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("colorizer.evaluation.evaluator.write_grids", killed)
    with pytest.raises(KeyboardInterrupt):
        evaluate(_with(config, pairs_seed=1))
    assert not (config.output / "report.json").exists()


def test_weights_that_are_not_the_published_ones_are_said_to_be(
    stand_ins, trained, tmp_path, capsys
):
    report = evaluate(_config(trained, tmp_path, modes=("self",)))
    assert {"lpips-alex", "lpips-vgg"} <= set(report["figures"]["self"])
    files = report["identity"]["protocol"]["weights"]
    assert {name: file["published"] for name, file in files.items()} == {
        "AlexNet": False,
        "VGG-16": False,
        "Inception": True,  # the hash that is asked for is the stand-in's here
    }
    assert "AlexNet is not the published one" in capsys.readouterr().err
    assert "**not the published one**" in (tmp_path / "report" / "report.md").read_text()


def test_groups_of_real_pictures_have_palettes_but_no_truth(
    no_weights, trained, tmp_path, draw_scene
):
    with ShardWriter(tmp_path / "data" / "held-out", 64, 10, {}) as writer:
        for number in range(4):
            scene = draw_scene(number, 64, 64)
            writer.write(f"s{number}", scene, scene[..., 0], {"group": str(number // 2)})
    report = evaluate(_config(trained, tmp_path, data=tmp_path / "data"))
    assert set(report["figures"]["cross"]) == {"pictures", "palette", "palette-wrong"}
    assert list(report["figures"]) == ["self", "cross", "random"]
    absent = report["identity"]["protocol"]["absent"]
    assert "only of drawn characters" in absent["cross against truth"]


def test_pictures_without_groups_have_no_cross(no_weights, trained, tmp_path, draw_scene):
    with ShardWriter(tmp_path / "data" / "held-out", 64, 10, {}) as writer:
        for number in range(3):
            scene = draw_scene(number, 64, 64)
            writer.write(f"s{number}", scene, scene[..., 0], {})
    config = _config(trained, tmp_path, data=tmp_path / "data")
    assert list(evaluate(config)["figures"]) == ["self", "random"]
    with pytest.raises(UserError, match="--modes cross is not possible"):
        evaluate(_with(config, modes=("cross",)))


def test_large_pictures_have_ms_ssim(no_weights, trained, tmp_path, draw_scene):
    with ShardWriter(tmp_path / "data" / "held-out", 176, 10, {}) as writer:
        scene = draw_scene(0, 176, 176)
        writer.write("s", scene, scene[..., 0], {})
    report = evaluate(_config(trained, tmp_path, data=tmp_path / "data"))
    assert list(report["figures"]) == ["self"]  # there is no other picture
    assert 0 < report["figures"]["self"]["ms-ssim"]["mean"] < 1


def test_the_smallest_side_of_several_shapes_decides_over_ms_ssim(no_weights, tmp_path):
    with ShardWriter(tmp_path / "held-out", 256, 10, {}) as writer:
        for height, width in ((176, 176), (448, 160)):
            blank = np.full((height, width, 3), 255, np.uint8)
            writer.write(f"s{width}", blank, blank[..., 0], {})
    _, available, _ = prepare(MeasureConfig(), tmp_path, ALONE)
    assert available.absent["ms-ssim"] == (
        "pictures of 160x448 pixels are too small, sides of 161 are needed."
    )


def test_shards_drawn_by_another_version_lose_only_what_needs_drawing(
    no_weights, trained, tmp_path, draw_scene
):
    with ShardWriter(tmp_path / "data" / "held-out", 64, 10, {}) as writer:
        for number in range(4):
            scene, seed = draw_scene(number, 64, 64), number // 2
            metadata = {"group": f"c{seed}", "character": {"seed": seed, "pose": number % 2}}
            writer.write(f"s{number}", scene, scene[..., 0], metadata)
    report = evaluate(_config(trained, tmp_path, data=tmp_path / "data"))
    assert list(report["figures"]) == ["self", "cross", "random"]
    assert (
        "draws s0 and 3 more differently" in report["identity"]["protocol"]["absent"]["recolored"]
    )


def test_an_output_that_is_a_file_and_bad_settings_are_refused_at_once(trained, tmp_path):
    (tmp_path / "file").touch()
    for changes, words in [
        ({"output": "file"}, "is a file"),
        ({"batch_size": 0}, "--batch-size"),
        ({"pairs_seed": -1}, "--pairs-seed"),
        ({"weights": WeightsConfig(inception=tmp_path / "none.pt")}, "no such Inception file"),
    ]:
        with pytest.raises(UserError, match=words):
            evaluate(_config(trained, tmp_path, **changes))
    assert not (tmp_path / "report").exists()


def test_no_held_out_pictures_are_refused(trained, tmp_path):
    with ShardWriter(tmp_path / "data" / "held-out", 64, 10, {}):
        pass
    with pytest.raises(UserError, match="nothing is held out"):
        evaluate(_config(trained, tmp_path, data=tmp_path / "data"))
    assert not (tmp_path / "report").exists()


def test_a_damaged_shard_is_refused_and_no_report_is_left(no_weights, trained, tmp_path):
    reader = ShardReader(trained.held_out_shards)
    data = tmp_path / "data" / "held-out"
    with ShardWriter(data, 64, 100, {}) as writer:
        for number in range(4):
            writer.write(f"s{number}", reader[number].color, reader[number].line, {})
    shard = data / "000000.tar"
    content = bytearray(shard.read_bytes())
    content[1000] ^= 1
    shard.write_bytes(bytes(content))
    with pytest.raises(UserError, match=r"000000\.tar: sample s0 is not as it was written"):
        evaluate(_config(trained, tmp_path, data=tmp_path / "data"))
    assert not (tmp_path / "report").exists()


def test_where_one_group_is_most_of_all_no_reference_is_called_wrong(no_weights, trained, tmp_path):
    reader = ShardReader(trained.held_out_shards)
    with ShardWriter(tmp_path / "data" / "held-out", 64, 100, {}) as writer:
        for number in range(4):
            metadata = reader[number].metadata | {"group": "ab"[number // 3]}
            writer.write(f"s{number}", reader[number].color, reader[number].line, metadata)
    report = evaluate(_config(trained, tmp_path, data=tmp_path / "data"))
    assert set(report["figures"]["random"]) == {"pictures", "palette"}
    assert "palette-wrong" not in report["figures"]["self"]
    reason = report["identity"]["protocol"]["absent"]["wrong references"]
    assert "of 4 random references are of the drawing's own group" in reason


def test_a_metric_that_no_row_can_have_is_refused(no_weights, trained, tmp_path, draw_scene):
    with ShardWriter(tmp_path / "data" / "held-out", 64, 10, {}) as writer:
        for number in range(4):
            scene = draw_scene(number, 64, 64)
            writer.write(f"s{number}", scene, scene[..., 0], {"group": str(number // 2)})
    config = _config(trained, tmp_path, tmp_path / "data", modes=("cross",), metrics=("psnr",))
    with pytest.raises(UserError, match="--metrics psnr cannot be had with --modes cross"):
        evaluate(config)
    report = evaluate(_with(config, metrics=("palette",)))
    assert set(report["figures"]["cross"]) == {"pictures", "palette"}
    assert (config.output / "cross.png").exists()


def test_a_figure_that_is_not_a_number_is_named(no_weights, trained, tmp_path, monkeypatch):
    monkeypatch.setattr("colorizer.evaluation.available.psnr", lambda *_: np.array([np.nan]))
    with pytest.raises(UserError, match=r"psnr of character-\d+-0 is not a number"):
        evaluate(_config(trained, tmp_path))
    assert not (tmp_path / "report" / "report.json").exists()


def test_pictures_of_other_modes_do_not_stay_in_the_report(no_weights, trained, tmp_path):
    config = _config(trained, tmp_path)
    evaluate(config)
    evaluate(_with(config, modes=("self",)))
    assert sorted(path.name for path in config.output.glob("*.png")) == ["self.png"]


def test_torch_has_its_settings_back(no_weights, trained, tmp_path):
    before = torch.get_num_threads(), torch.backends.cuda.matmul.allow_tf32
    evaluate(_config(trained, tmp_path))
    assert (torch.get_num_threads(), torch.backends.cuda.matmul.allow_tf32) == before
