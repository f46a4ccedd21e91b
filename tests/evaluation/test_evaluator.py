"""A whole evaluation of a tiny run."""

import json

import numpy as np
import pytest
import torch

from colorizer.config import EvaluateConfig
from colorizer.data.dataset import ShardReader
from colorizer.data.shard_writer import ShardWriter
from colorizer.data.shards import read_index
from colorizer.errors import UserError
from colorizer.evaluation.evaluator import evaluate, stream
from colorizer.evaluation.metrics import psnr
from colorizer.inference import Colorizer


def _config(trained, tmp_path, **changes) -> EvaluateConfig:
    settings = {"data": trained.data, "output": tmp_path / "report", "batch_size": 4}
    return EvaluateConfig(checkpoint=trained.output, **(settings | changes))


def test_report_has_every_row_and_its_figures_are_right(trained, tmp_path, capsys):
    report = evaluate(_config(trained, tmp_path))
    assert json.loads((tmp_path / "report" / "report.json").read_text()) == report
    assert (tmp_path / "report" / "samples.png").stat().st_size > 1000
    figures = report["figures"]
    assert list(figures) == ["self", "cross", "recolored", "wrong", "constant", "as_it_stands"]

    reader = ShardReader(trained.data / "held-out")
    colorizer = Colorizer(trained.output, "cpu")
    own, cross, stands = [], [], []
    for number in range(len(reader)):
        sample = reader[number]
        line, truth = torch.tensor(sample.line)[None], torch.tensor(sample.color)[None]
        partner = torch.tensor(reader[number ^ 1].color)[None]  # poses 0 and 1 are neighbours
        own += psnr(colorizer.color_batch(line, truth), truth).tolist()
        cross += psnr(colorizer.color_batch(line, partner), truth).tolist()
        stands += psnr(partner, truth).tolist()
    for row, values in (("self", own), ("cross", cross), ("as_it_stands", stands)):
        assert figures[row]["psnr"] == pytest.approx(np.mean(values), abs=0.01)
        assert figures[row]["pictures"] == len(reader)
        assert figures[row]["ms_ssim"] is None  # 64-pixel pictures

    shown = capsys.readouterr().out
    assert "same character, another picture" in shown
    assert f"{figures['cross']['psnr'] - figures['wrong']['psnr']:+.2f} dB over another" in shown


def test_batch_size_does_not_matter(trained, tmp_path):
    one, many = (
        evaluate(_config(trained, tmp_path, batch_size=size))["figures"] for size in (1, 5)
    )
    for row in one:
        assert one[row]["psnr"] == pytest.approx(many[row]["psnr"], abs=0.01)


def test_pictures_without_groups_or_parameters_have_the_rows_that_exist(
    trained, tmp_path, draw_scene
):
    with ShardWriter(tmp_path / "data" / "held-out", 64, 10, {}) as writer:
        for number in range(3):
            scene = draw_scene(number, 64, 64)
            writer.write(f"s{number}", scene, scene[..., 0], {})
    report = evaluate(_config(trained, tmp_path, data=tmp_path / "data"))
    assert list(report["figures"]) == ["self", "wrong"]


def test_large_pictures_have_ms_ssim(trained, tmp_path, draw_scene):
    with ShardWriter(tmp_path / "data" / "held-out", 176, 10, {}) as writer:
        scene = draw_scene(0, 176, 176)
        writer.write("s", scene, scene[..., 0], {})
    report = evaluate(_config(trained, tmp_path, data=tmp_path / "data"))
    assert 0 < report["figures"]["self"]["ms_ssim"] < 1


def test_shards_drawn_by_another_version_lose_only_the_rows_that_need_drawing(
    trained, tmp_path, draw_scene, capsys
):
    with ShardWriter(tmp_path / "data" / "held-out", 64, 10, {}) as writer:
        for number in range(4):
            scene, seed = draw_scene(number, 64, 64), number // 2
            metadata = {"group": f"c{seed}", "character": {"seed": seed, "pose": number % 2}}
            writer.write(f"s{number}", scene, scene[..., 0], metadata)
    report = evaluate(_config(trained, tmp_path, data=tmp_path / "data"))
    assert list(report["figures"]) == ["self", "cross", "wrong", "as_it_stands"]
    assert "draws s0 differently" in capsys.readouterr().err


def test_an_output_that_is_a_file_and_bad_settings_are_refused_at_once(trained, tmp_path):
    (tmp_path / "file").touch()
    for changes, words in [
        ({"output": tmp_path / "file"}, "is a file"),
        ({"batch_size": 0}, "--batch-size"),
        ({"seed": -1}, "--seed"),
    ]:
        with pytest.raises(UserError, match=words):
            evaluate(_config(trained, tmp_path, **changes))


def test_no_held_out_pictures_are_refused(trained, tmp_path):
    with ShardWriter(tmp_path / "data" / "held-out", 64, 10, {}):
        pass
    with pytest.raises(UserError, match="nothing is held out"):
        evaluate(_config(trained, tmp_path, data=tmp_path / "data"))
    assert not (tmp_path / "report").exists()


def test_streaming_notices_what_webdataset_alone_does_not(shard_folder):
    index = read_index(shard_folder)
    assert [s.key for s in stream(index)] == [f"scene-{n}" for n in range(10)]
    shard = shard_folder / "000001.tar"
    shard.write_bytes(shard.read_bytes()[: 9 * 512])  # cut between members: a shorter valid tar
    with pytest.raises(UserError, match=r"000001\.tar"):
        list(stream(index))
