"""Random damage to shards and checkpoints; benchmarks/faults.py does it thousands of times."""

from pathlib import Path

import pytest

from colorizer.training.train import train
from tests.helpers.fuzzing_checkpoints import fuzz_checkpoint
from tests.helpers.fuzzing_shards import fuzz_shards

pytestmark = pytest.mark.slow

SEEDS = 60


def test_damaged_shards_are_refused_or_read_as_written(shard_folder: Path, tmp_path: Path) -> None:
    outcomes = [fuzz_shards(shard_folder, tmp_path / "work", seed) for seed in range(SEEDS)]
    assert sum(outcome.startswith("refused") for outcome in outcomes) > SEEDS / 2


def test_of_damaged_checkpoints_the_one_before_is_used(tiny, tmp_path: Path) -> None:
    config = tiny(steps=2, checkpoint_every=1)
    train(config)
    folder = config.output / "checkpoints"
    outcomes = [fuzz_checkpoint(folder, tmp_path / "work", seed) for seed in range(SEEDS)]
    assert {outcome.split(":")[0] for outcome in outcomes} >= {"refused", "alone, refused"}


def test_the_fuzzing_finds_a_reader_that_checks_nothing(
    shard_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("colorizer.shards.reader", "colorizer.evaluation.stream"):
        monkeypatch.setattr(f"{module}.check_sample", lambda *arguments: None)
    with pytest.raises((AssertionError, ValueError)):
        for seed in range(SEEDS):
            fuzz_shards(shard_folder, tmp_path / "work", seed)
