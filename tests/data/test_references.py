"""Which picture is whose reference."""

import pytest

from colorizer.data.references import other_group, same_group

GROUPS = ["a", "b", "a", "c", "a", "b"]


def test_partners_are_of_the_same_group_and_never_oneself():
    assert same_group(GROUPS) == [2, 5, 4, None, 0, 1]


@pytest.mark.parametrize("seed", range(5))
def test_others_are_of_another_group_and_depend_on_the_seed_alone(seed):
    drawn = other_group(GROUPS, seed)
    assert all(GROUPS[other] != group for group, other in zip(GROUPS, drawn, strict=True))
    assert drawn == other_group(GROUPS, seed)


def test_one_group_alone_has_no_other():
    assert other_group(["a", "a"], 0) == [None, None]
