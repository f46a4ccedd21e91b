"""References from the group: drawn by seed and number alone, whoever loads them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from colorizer.loading.batch import Batch
from colorizer.loading.dataset import TrainingData
from colorizer.loading.partners import Partners
from colorizer.shards.reader import ShardReader
from colorizer.shards.writer import ShardWriter
from colorizer.system.errors import UserError
from tests.helpers.loaded import loaded
from tests.helpers.spoiling import spoil

GROUPS = ["mia", "ben", None, "mia", "eva", "ben", "mia", None]  # eva is alone
BATCH, STEPS = 4, 40


@pytest.fixture
def folder(tmp_path: Path, draw_scene) -> Path:
    """A sample for each of GROUPS, in shards of three."""
    with ShardWriter(tmp_path / "grouped", 32, 3, {}) as writer:
        for number, group in enumerate(GROUPS):
            scene = draw_scene(number, 32, 32)
            metadata = {} if group is None else {"group": group}
            writer.write(f"s{number}", scene, scene[..., 0], metadata)
    return tmp_path / "grouped"


def load(
    folder: Path, share: float, *place: int, bad_samples: float = 0.0, first: int = 0
) -> list[Batch]:
    """Batches of (rank, world, workers)."""
    data = TrainingData([folder], 3, 2, bad_samples, share)
    return loaded(data, STEPS, BATCH, *place, first=first)


def pairs_of(batches: list[Batch]) -> list[tuple[int, int, bool]]:
    """Number of every sample and of its reference, and whether that is of the group."""
    return [
        (int(key[1:]), int(reference[1:]), bool(of_group))
        for batch in batches
        for key, reference, of_group in zip(
            batch.keys, batch.references, batch.reference_pictures[1], strict=True
        )
    ]


# ---- Partners


def test_partners_are_all_others_of_the_group_once_each():
    partners = Partners(np.array([1, -1, 0, 1, -1, 2, 1, 0]))
    wanted = [{3, 6}, set(), {7}, {0, 6}, set(), set(), {0, 3}, {2}]
    for place, others in enumerate(wanted):
        for seed in range(5):
            drawn = list(partners.drawn_for(place, np.random.default_rng(seed)))
            assert len(drawn) == len(others) and set(drawn) == others
    assert partners.count == 5


def test_no_groups_are_no_partners():
    assert Partners(np.full(3, -1)).count == 0
    assert Partners(np.arange(3)).count == 0


def test_each_partner_is_first_equally_often():
    partners = Partners(np.zeros(5, int))
    first = [next(partners.drawn_for(2, np.random.default_rng(seed))) for seed in range(2000)]
    counts = np.bincount(first, minlength=5)
    assert counts[2] == 0 and np.delete(counts, 2).min() > 400  # 500 each are expected


# ---- Batches


def test_a_share_of_the_references_are_partners_and_the_rest_the_pictures_themselves(folder):
    batches, reader = load(folder, 0.5), ShardReader(folder)
    pairs = pairs_of(batches)
    for sample, reference, of_group in pairs:
        assert of_group == (sample != reference)
        assert GROUPS[sample] == GROUPS[reference] or not of_group
    able = [of_group for sample, _, of_group in pairs if sample in (0, 1, 3, 5, 6)]
    assert 0.35 < np.mean(able) < 0.65 and len(able) == 100
    assert {reference for sample, reference, _ in pairs if sample == 0} == {0, 3, 6}
    for batch in batches:
        for picture, key in zip(batch.reference_pictures[0], batch.references, strict=True):
            assert np.array_equal(picture, reader[int(key[1:])].color)


def test_with_a_share_of_1_only_what_is_alone_keeps_its_own(folder):
    alone = {sample for sample, reference, of_group in pairs_of(load(folder, 1.0)) if not of_group}
    assert alone == {2, 4, 7}


def test_the_seed_and_the_number_draw_the_partner(folder):
    """Not the sample: it gets another one the next time."""
    pairs = pairs_of(load(folder, 1.0))
    assert {reference for sample, reference, _ in pairs if sample == 3} == {0, 6}


def test_without_a_share_batches_are_as_before(folder):
    for batch, more in zip(load(folder, 0.0), load(folder, 0.5), strict=True):
        assert len(batch.tensors) == 2 and not batch.references and not batch.reference_pictures
        assert batch.keys == more.keys
        assert torch.equal(batch.color, more.color) and torch.equal(batch.line, more.line)


@pytest.mark.slow
@pytest.mark.parametrize(("world", "workers"), [(1, 1), (1, 3), (2, 0), (2, 2), (4, 1)])
def test_processes_and_workers_change_nothing(folder, world, workers):
    spoil(folder, 3)
    allowed = {"bad_samples": 0.2}
    whole = load(folder, 0.5, **allowed)
    ranks = [load(folder, 0.5, rank, world, workers, **allowed) for rank in range(world)]
    for batch, *shares in zip(whole, *ranks, strict=True):
        assert [key for share in shares for key in share.references] == batch.references
        assert {p: s for share in shares for p, s in share.bad.items()} == batch.bad
        for number, tensor in enumerate(batch.tensors):
            assert torch.equal(torch.cat([share.tensors[number] for share in shares]), tensor)


def test_a_run_that_goes_on_draws_the_same(folder):
    whole, rest = load(folder, 0.5), load(folder, 0.5, first=17)
    assert pairs_of(rest) == pairs_of(whole[17:])


def test_other_parameters_leave_the_references(folder):
    batch = load(folder, 0.5)[0]
    drawn = torch.arange(BATCH)
    other = batch.with_parameters([drawn])
    assert other.references == batch.references and torch.equal(other.parameters[0], drawn)
    for found, wanted in zip(other.reference_pictures, batch.reference_pictures, strict=True):
        assert torch.equal(found, wanted)


# ---- Faults


def test_another_partner_takes_the_place_of_an_unreadable_one(folder):
    before = pairs_of(load(folder, 1.0))
    spoil(folder, 6)
    batches = load(folder, 1.0, bad_samples=0.125)
    after = pairs_of(batches)
    assert {reference for sample, reference, _ in after if sample == 0} == {3}
    for (sample, reference, _), (now, other, _) in zip(before, after, strict=True):
        if sample == now and reference != 6:
            assert other == reference
    named = {place: fault for batch in batches for place, fault in batch.bad.items()}
    assert named.keys() == {6} and "000002.tar: sample s6 is not as it was written" in named[6]
    as_reference = [
        batch.bad for batch, now in zip(batches, load(folder, 0.0, bad_samples=0.125), strict=True)
        if batch.bad and not now.bad
    ]  # fmt: skip
    assert as_reference  # named where it was to be a reference alone


def test_where_no_partner_is_readable_the_picture_itself_serves(folder):
    spoil(folder, 3, 6)
    pairs = pairs_of(load(folder, 1.0, bad_samples=0.25))
    assert {(reference, of_group) for sample, reference, of_group in pairs if sample == 0} == {
        (0, False)
    }


def test_an_unreadable_reference_counts_as_a_sample(folder):
    spoil(folder, 3, 6)
    for allowed, words in (
        (0.0, "sample s[36] is not as it was written"),
        (0.125, "2 of 8 samples cannot be read, and --bad-samples 0.125 allows 1"),
    ):
        data = TrainingData([folder], 3, 2, allowed, 1.0)
        number = next(n for n in range(8) if data.order[n] == (0, 0))  # that of s0
        with pytest.raises(UserError, match=words):
            data.load([number])


def test_where_no_two_belong_to_one_group_each_is_its_own_reference(shard_folder):
    data = TrainingData([shard_folder], 0, 2, same_group=1.0)
    batch = data.load(list(range(8)))
    assert data.partners.count == 0 and batch.references == batch.keys
    pictures, of_group = batch.reference_pictures
    assert torch.equal(pictures, batch.color) and not of_group.any()


def test_a_picture_with_two_drawings_is_not_its_own_reference(tmp_path: Path, draw_scene) -> None:
    """Nor is the truth given away where a group holds nothing else."""
    with ShardWriter(tmp_path / "twins", 32, 3, {}) as writer:
        for number, (group, seed) in enumerate(
            [("mia", 0), ("mia", 0), ("mia", 1), *[("eva", 2)] * 2]
        ):
            scene = draw_scene(seed, 32, 32)
            line = 255 - scene[..., 0] if number % 2 else scene[..., 0]
            writer.write(f"s{number}", scene, line, {"group": group})
    pairs = set(pairs_of(load(tmp_path / "twins", 1.0)))
    assert {(own, reference) for own, reference, of_group in pairs if of_group} == {
        *((0, 2), (1, 2), (2, 0), (2, 1))
    }
    assert {(own, reference) for own, reference, of_group in pairs if not of_group} == {
        *((3, 3), (4, 4))
    }
