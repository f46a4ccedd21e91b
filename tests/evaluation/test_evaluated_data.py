"""Evaluations of data that lack groups, sizes, truth or pictures, or are damaged."""

from dataclasses import replace

import numpy as np
import pytest

from colorizer.evaluation.config import MeasureConfig
from colorizer.evaluation.evaluator import evaluate, prepare
from colorizer.shards.reader import ShardReader
from colorizer.shards.writer import ShardWriter
from colorizer.system.errors import UserError
from colorizer.system.processes import ALONE
from tests.helpers.evaluating import rows_of, settings_for, with_measure

pytestmark = pytest.mark.slow


def test_a_group_whose_name_is_no_unicode_is_written_down(
    no_weights, trained, tmp_path, draw_scene
):
    with ShardWriter(tmp_path / "data" / "held-out", 64, 10, {}) as writer:
        for number in range(2):  # a folder that is called b"caf\xe9", as Python names it
            scene = draw_scene(number, 64, 64)
            writer.write(f"s{number}", scene, scene[..., 0], {"group": "caf\udce9"})
    data = tmp_path / "data"
    config = settings_for(trained, tmp_path, data=data, modes=("cross",), metrics=("palette",))
    evaluate(config)
    assert [row["group"] for row in rows_of(config)] == ["caf\\udce9"] * 2
    evaluate(replace(config, against=config.output / "report.json"))


def test_groups_of_real_pictures_have_palettes_but_no_truth(
    no_weights, trained, tmp_path, draw_scene
):
    with ShardWriter(tmp_path / "data" / "held-out", 64, 10, {}) as writer:
        for number in range(4):
            scene = draw_scene(number, 64, 64)
            writer.write(f"s{number}", scene, scene[..., 0], {"group": str(number // 2)})
    report = evaluate(settings_for(trained, tmp_path, data=tmp_path / "data"))
    assert set(report["figures"]["cross"]) == {"pictures", "palette", "palette-wrong"}
    assert list(report["figures"]) == ["self", "cross", "random"]
    absent = report["identity"]["protocol"]["absent"]
    assert "only of drawn characters" in absent["cross against truth"]


def test_pictures_without_groups_have_no_cross(no_weights, trained, tmp_path, draw_scene):
    with ShardWriter(tmp_path / "data" / "held-out", 64, 10, {}) as writer:
        for number in range(3):
            scene = draw_scene(number, 64, 64)
            writer.write(f"s{number}", scene, scene[..., 0], {})
    config = settings_for(trained, tmp_path, data=tmp_path / "data")
    assert list(evaluate(config)["figures"]) == ["self", "random"]
    with pytest.raises(UserError, match="--modes cross is not possible"):
        evaluate(with_measure(config, modes=("cross",)))


def test_large_pictures_have_ms_ssim(no_weights, trained, tmp_path, draw_scene):
    with ShardWriter(tmp_path / "data" / "held-out", 176, 10, {}) as writer:
        scene = draw_scene(0, 176, 176)
        writer.write("s", scene, scene[..., 0], {})
    report = evaluate(settings_for(trained, tmp_path, data=tmp_path / "data"))
    assert list(report["figures"]) == ["self"]  # there is no other picture
    assert 0 < report["figures"]["self"]["ms-ssim"]["mean"] < 1


def test_the_smallest_side_of_several_shapes_decides_over_ms_ssim(no_weights, tmp_path):
    with ShardWriter(tmp_path / "held-out", 256, 10, {}) as writer:
        for height, width in ((176, 176), (448, 160)):
            blank = np.full((height, width, 3), 255, np.uint8)
            writer.write(f"s{width}", blank, blank[..., 0], {})
    _, available, _ = prepare(MeasureConfig(), tmp_path / "held-out", ALONE)
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
    report = evaluate(settings_for(trained, tmp_path, data=tmp_path / "data"))
    assert list(report["figures"]) == ["self", "cross", "random"]
    assert (
        "draws s0 and 3 more differently" in report["identity"]["protocol"]["absent"]["recolored"]
    )


def test_no_held_out_pictures_are_refused(trained, tmp_path):
    with ShardWriter(tmp_path / "data" / "held-out", 64, 10, {}):
        pass
    with pytest.raises(UserError, match="nothing is held out"):
        evaluate(settings_for(trained, tmp_path, data=tmp_path / "data"))
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
        evaluate(settings_for(trained, tmp_path, data=tmp_path / "data"))
    assert not (tmp_path / "report").exists()


def test_where_one_group_is_most_of_all_no_reference_is_called_wrong(no_weights, trained, tmp_path):
    reader = ShardReader(trained.held_out_shards)
    with ShardWriter(tmp_path / "data" / "held-out", 64, 100, {}) as writer:
        for number in range(4):
            metadata = reader[number].metadata | {"group": "ab"[number // 3]}
            writer.write(f"s{number}", reader[number].color, reader[number].line, metadata)
    report = evaluate(settings_for(trained, tmp_path, data=tmp_path / "data"))
    assert set(report["figures"]["random"]) == {"pictures", "palette"}
    assert "palette-wrong" not in report["figures"]["self"]
    reason = report["identity"]["protocol"]["absent"]["wrong references"]
    assert "of 4 random references are of the drawing's own group" in reason


def test_a_metric_that_no_row_can_have_is_refused(no_weights, trained, tmp_path, draw_scene):
    with ShardWriter(tmp_path / "data" / "held-out", 64, 10, {}) as writer:
        for number in range(4):
            scene = draw_scene(number, 64, 64)
            writer.write(f"s{number}", scene, scene[..., 0], {"group": str(number // 2)})
    config = settings_for(trained, tmp_path, tmp_path / "data", modes=("cross",), metrics=("psnr",))
    with pytest.raises(UserError, match="--metrics psnr cannot be had with --modes cross"):
        evaluate(config)
    report = evaluate(with_measure(config, metrics=("palette",)))
    assert set(report["figures"]["cross"]) == {"pictures", "palette"}
    assert (config.output / "cross.png").exists()
