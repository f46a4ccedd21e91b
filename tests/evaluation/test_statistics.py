"""The bootstrap against what is known of means."""

import numpy as np
import pytest

from colorizer.evaluation.statistics import Bootstrap


def test_the_interval_of_many_values_is_the_normal_one():
    values = np.random.default_rng(1).normal(20, 3, 400)
    mean, low, high = Bootstrap([str(n) for n in range(400)]).mean(values)
    assert mean == values.mean()
    half = 1.96 * values.std(ddof=1) / 20
    assert low == pytest.approx(mean - half, abs=0.05)
    assert high == pytest.approx(mean + half, abs=0.05)


def test_groups_of_equal_pictures_count_as_one_picture_each():
    few = np.random.default_rng(2).normal(0, 1, 50)
    alone = Bootstrap([str(n) for n in range(50)]).mean(few)
    fourfold = Bootstrap([str(n // 4) for n in range(200)]).mean(few.repeat(4))
    assert fourfold == pytest.approx(alone)
    apart = Bootstrap([str(n) for n in range(200)]).mean(few.repeat(4))
    assert apart.high - apart.low < 0.6 * (alone.high - alone.low)


def test_pictures_without_a_value_do_not_count():
    groups = ["a", "a", "b", "c", "d"]
    values = np.array([1.0, np.nan, 2.0, np.nan, 6.0])
    assert Bootstrap(groups).mean(values) == Bootstrap(["a", "b", "d"]).mean(values[[0, 2, 4]])
    with pytest.raises(ValueError, match="no picture"):
        Bootstrap(groups).mean(np.full(5, np.nan))


def test_one_group_alone_has_no_interval():
    assert Bootstrap(["a", "a", "a"]).mean(np.array([1.0, 2.0, 3.0])) == (2.0, None, None)


def test_the_same_values_give_the_same_interval():
    values = np.arange(30.0)
    groups = [str(n % 7) for n in range(30)]
    assert Bootstrap(groups).mean(values) == Bootstrap(groups).mean(values)
