"""Training on pictures of several shapes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from colorizer.checkpoints.commands import InspectConfig, inspect
from colorizer.checkpoints.export import ExportConfig, export
from colorizer.checkpoints.generator_file import find_generator
from colorizer.config.networks import GeneratorConfig
from colorizer.config.references import ReferencesConfig
from colorizer.config.training import TrainConfig
from colorizer.evaluation.config import EvaluateConfig, MeasureConfig
from colorizer.evaluation.evaluator import evaluate
from colorizer.evaluation.table import comparison_grid
from colorizer.pictures.grid import GAP, LABEL, MIN_CELL
from colorizer.shards.index import read_index
from colorizer.shards.reader import ShardReader
from colorizer.system.errors import UserError
from colorizer.training.start import check_size, start_accelerator
from colorizer.training.train import build_task, train
from tests.helpers.runs import metrics_of


@pytest.fixture
def of_buckets(tiny, bucket_shards):
    """`of_buckets("sga", steps=2)`: without a discriminator, which takes no sides of 40."""

    def configure(preset: str = "demo", **changes) -> TrainConfig:
        config = tiny(preset, **({"data": (bucket_shards,)} | changes))
        return replace(config, loss=replace(config.loss, adversarial=0.0))

    return configure


def order_of(config: TrainConfig) -> list[dict]:
    train(config)
    lines = (config.output / "order" / "rank-0.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("preset", ["demo", "ours", "extractor-demo"])
def test_a_run_learns_from_every_shape(of_buckets, bucket_shards, preset):
    config = of_buckets(preset, steps=6, batch_size=2, log_samples=True)
    met = {line["key"] for line in order_of(config)}
    reader = ShardReader(bucket_shards / "train")
    shapes = {reader[n].line.shape for n in range(len(reader)) if reader.key(n) in met}
    assert shapes == set(reader.index.shapes) and len(shapes) == 4
    assert len(metrics_of(config)) == 6


@pytest.mark.slow
def test_a_run_on_several_sets_goes_on_with_the_same_samples(
    of_buckets, bucket_shards, character_shards
):
    same = {
        "data": (bucket_shards, character_shards),
        "shares": (0.6, 0.4),
        "log_samples": True,
        "references": ReferencesConfig(same_group=0.7),
    }
    whole = order_of(of_buckets(output="whole", steps=6, **same))
    order_of(of_buckets(output="stopped", steps=2, **same))
    assert order_of(of_buckets(output="stopped", steps=6, **same)) == whole
    assert any(line["key"] != line["reference"] for line in whole)


def test_the_start_tells_how_many_shapes(of_buckets, bucket_shards, capsys):
    train(of_buckets(dry_run=True))
    said = " ".join(capsys.readouterr().out.split())
    count = read_index(bucket_shards / "train").samples
    assert f"{count} pictures of about 64x64 in 4 shapes in {bucket_shards / 'train'}" in said


def test_the_state_has_the_working_size(of_buckets):
    config = of_buckets(steps=1)
    train(config)
    state = json.loads((config.output / "checkpoints/step-00000001/state.json").read_text())
    assert state["size"] == 64


def test_the_generators_say_whether_they_were_trained_on_buckets(
    of_buckets, bucket_shards, character_shards, trained, tmp_path, capsys
):
    train(config := of_buckets(data=(character_shards, bucket_shards), steps=1))
    export(ExportConfig(config.output, tmp_path / "both.safetensors"))
    capsys.readouterr()
    for path, buckets in (
        (trained.output, False),
        (trained.output / "checkpoints" / "step-00000001", False),
        (config.output, True),
        (config.output / "checkpoints" / "step-00000001", True),
        (tmp_path / "both.safetensors", True),
    ):
        assert find_generator(path, GeneratorConfig).buckets == buckets
        inspect(InspectConfig(path))
        about = "buckets of about " if buckets else ""
        assert f"  {about}64x64\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("preset", "changes", "words"),
    [
        (
            "demo",
            {"stages": 5},
            "pictures have 96x40 pixels, but --network.stages 5 needs a multiple of 16; make the"
            " shards with --fit buckets --size 128, or with --fit pad.",
        ),
        (
            "demo",
            {},
            "pictures have 96x40 pixels, but the discriminator needs sides of 64; make the shards"
            " with --fit buckets --size 104, or with --fit pad, or set --loss.adversarial 0.",
        ),
        ("extractor-demo", {}, "pictures have 96x40 pixels, but the discriminator needs sides of"),
    ],
)
def test_a_shape_that_the_networks_cannot_take_is_a_sentence(
    tiny, bucket_shards, preset, changes, words
):
    config = tiny(preset, data=(bucket_shards,))
    config = replace(config, network=replace(config.network, **changes))
    with pytest.raises(UserError) as refused:
        train(config)
    assert words in str(refused.value)
    assert not config.output.exists()


@pytest.mark.parametrize("shape", [(64, 72), (72, 64)])
def test_both_sides_must_suit_the_stages(tiny, shape):
    config = tiny("demo")
    check_size(config, [shape])
    network = replace(config.network, stages=5)
    with pytest.raises(UserError, match="stages 5 needs a multiple of 16"):
        check_size(replace(config, network=network), [(64, 64), shape])


def test_a_shape_that_is_held_out_alone_is_looked_at_too(of_buckets, bucket_shards, tmp_path):
    """The generator could not colour it."""
    copied = tmp_path / "copied"
    (copied / "held-out").mkdir(parents=True)
    (copied / "train").symlink_to(bucket_shards / "train")
    index = json.loads((bucket_shards / "held-out" / "index.json").read_bytes())
    for shard in index["shards"]:
        (copied / "held-out" / shard["name"]).symlink_to(bucket_shards / "held-out" / shard["name"])
    index["shards"][0]["shape"] = [20, 60]
    (copied / "held-out" / "index.json").write_text(json.dumps(index))
    with pytest.raises(UserError, match="pictures have 60x20 pixels"):
        train(of_buckets(data=(Path(copied),)))


# ---- Looks and samples


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["demo", "ours"])
def test_looks_are_those_of_an_evaluation_whatever_the_shapes(
    of_buckets, bucket_shards, tmp_path, preset
):
    config = of_buckets(preset, steps=2, evaluate_every=2, sample_every=2, evaluate_count=100)
    train(config)
    look = next(line for line in metrics_of(config) if "held-out/self/psnr" in line)
    measure = MeasureConfig(metrics=("psnr", "palette"))
    report = evaluate(EvaluateConfig(config.output, bucket_shards, tmp_path / "r", measure=measure))
    reader = ShardReader(bucket_shards / "held-out")
    assert report["figures"]["self"]["pictures"] == len(reader) and len(reader.index.shapes) > 2
    assert look["held-out/self/psnr"] == pytest.approx(
        report["figures"]["self"]["psnr"]["mean"], abs=1e-3
    )
    assert {"held-out/cross-own-colours/psnr", "held-out/wrong/psnr"} <= look.keys()
    assert "cross" in report["figures"]  # with references of other shapes
    text = (tmp_path / "r" / "report.md").read_text()
    assert f"pictures of about 64x64 in {len(reader.index.shapes)} shapes" in text
    runs = dict.fromkeys(("sga", "ours"), config.output)
    sheet = comparison_grid(bucket_shards / "held-out", runs, 100, 0, torch.device("cpu"))
    height, width = (max(sides) for sides in zip(*reader.index.shapes, strict=True))
    scale = -(-MIN_CELL // width)
    rows = LABEL + len(reader) * (scale * height + GAP)
    assert sheet.shape == (rows, 5 * (scale * width + GAP) - GAP, 3)


@pytest.mark.parametrize("preset", ["demo", "extractor-demo"])
def test_the_samples_show_pictures_of_every_shape_as_they_are(of_buckets, bucket_shards, preset):
    config = of_buckets(preset, sample_count=100)
    task = build_task(config, start_accelerator(config))
    grid = task.sample_grid()
    reader = ShardReader(bucket_shards / "held-out")
    for place in range(len(reader)):
        *_, truth = grid.row(task.result_generator, place)
        sample = reader[place]
        wanted = sample.color if preset == "demo" else sample.line[..., None]
        assert np.abs(truth.astype(int) - wanted).max() <= 1
    assert grid.draw(task.result_generator).ndim == 3


def test_looks_judge_every_picture_once_in_batches_of_one_shape(of_buckets, bucket_shards):
    config = of_buckets(evaluate_count=100)
    held_out = build_task(config, start_accelerator(config)).held_out()
    batches = list(held_out._batches())
    assert sum(map(len, batches)) == len(held_out.cases)
    assert max(map(len, batches)) == 4
    for cases in batches:
        assert len({tuple(t.shape for t in case.inputs) for case in cases}) == 1
    shapes = [[t.shape[-2:] for t in case.inputs] for case in held_out.cases]
    assert any(line != reference for line, reference in shapes)
