"""Which picture is whose reference."""

import numpy as np
import pytest

from colorizer.data.references import random_references, same_group

GROUPS = ["a", "b", "a", "c", "a", "b"]


def test_partners_are_of_the_same_group_and_never_oneself():
    assert same_group(GROUPS) == [2, 5, 4, None, 0, 1]


@pytest.mark.parametrize("seed", range(20))
def test_random_references_are_of_another_group_and_each_serves_once(seed):
    drawn = random_references(GROUPS, seed)
    assert all(GROUPS[other] != group for group, other in zip(GROUPS, drawn, strict=True))
    assert sorted(drawn) == list(range(len(GROUPS)))
    assert drawn == random_references(GROUPS, seed)


def test_every_other_group_is_drawn_and_equally_often():
    groups = [str(n // 2) for n in range(8)]  # four pairs
    drawn = np.array([random_references(groups, seed) for seed in range(600)])
    counts = np.bincount(drawn[:, 0], minlength=8)
    assert counts[:2].sum() == 0
    assert counts[2:].min() > 60  # 100 each are expected


def test_partners_in_a_group_get_references_of_different_groups_as_well():
    groups = [str(n // 2) for n in range(20)]
    together = apart = 0
    for seed in range(50):
        drawn = random_references(groups, seed)
        together += groups[drawn[0]] == groups[drawn[1]]
        apart += groups[drawn[0]] != groups[drawn[1]]
    assert apart > together > 0


@pytest.mark.parametrize("sizes", [(5, 5), (5, 3, 2), (1, 1), (6, 5, 1)])
def test_a_group_of_half_of_all_can_still_be_served(sizes):
    groups = [str(n) for n, size in enumerate(sizes) for _ in range(size)]
    for seed in range(30):
        drawn = random_references(groups, seed)
        assert sorted(drawn) == list(range(len(groups)))
        assert all(groups[other] != group for group, other in zip(groups, drawn, strict=True))


@pytest.mark.parametrize("groups", [["a", "a"], ["a", "a", "a", "b"]])
def test_where_a_group_is_most_of_all_only_oneself_is_avoided(groups):
    drawn = random_references(groups, 0)
    assert sorted(drawn) == list(range(len(groups)))
    assert all(number != other for number, other in enumerate(drawn))


def test_a_single_picture_has_no_reference():
    assert random_references(["a"], 0) == [None]
