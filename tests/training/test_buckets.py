"""Training on pictures of several shapes."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from colorizer.config.references import ReferencesConfig
from colorizer.config.training import TrainConfig
from colorizer.shards.index import read_index
from colorizer.shards.reader import ShardReader
from colorizer.system.errors import UserError
from colorizer.training.train import train
from tests.helpers.runs import metrics_of


@pytest.fixture
def of_buckets(tiny, bucket_shards):
    """`of_buckets("sga", steps=2)`: without a discriminator, for which sides of 40 are too small."""

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
    config = of_buckets(preset, steps=10, log_samples=True)
    met = {line["key"] for line in order_of(config)}
    reader = ShardReader(bucket_shards / "train")
    shapes = {reader[n].line.shape for n in range(len(reader)) if reader.key(n) in met}
    assert shapes == set(reader.index.shapes) and len(shapes) == 4
    assert len(metrics_of(config)) == 10


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


@pytest.mark.parametrize(
    ("preset", "changes", "words"),
    [
        ("demo", {"stages": 5}, "have 96x40 pixels, but --network.stages 5 needs a multiple of 16"),
        ("demo", {}, "have 96x40 pixels, but the discriminator needs 64; make larger ones"),
        ("extractor-demo", {}, "have 96x40 pixels, but the discriminator needs 64"),
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
