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


@pytest.mark.parametrize("groups", [["a", "a"], ["a", "a", "a", "b"]])
def test_where_a_group_is_most_of_all_only_oneself_is_avoided(groups):
    drawn = random_references(groups, 0)
    assert sorted(drawn) == list(range(len(groups)))
    assert all(number != other for number, other in enumerate(drawn))


def test_a_single_picture_has_no_reference():
    assert random_references(["a"], 0) == [None]
