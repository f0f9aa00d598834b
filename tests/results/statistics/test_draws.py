"""Intervals of many means at once are those of one mean."""

import statistics

import numpy as np
import pytest

from polybench.results.statistics.draws import intervals_of_means
from polybench.results.statistics.intervals import interval_of_mean
from polybench.results.statistics.spread import spread_of


@pytest.mark.parametrize("groups", [list("abcdefghij"), list("aaabbbccdd"), ["a"] * 10])
def test_intervals_are_those_of_each_mean_alone(groups: list[str]) -> None:
    values = np.random.default_rng(1).random((3, 10))
    values[2] = 0.1
    for found, numbers in zip(intervals_of_means(values, groups), values, strict=True):
        alone = interval_of_mean(numbers, groups)
        assert (found.value, found.n, found.groups) == (alone.value, alone.n, alone.groups)
        assert (found.low, found.high) == pytest.approx((alone.low, alone.high), abs=2e-12)


def test_the_spread_is_the_standard_deviation_of_a_sample() -> None:
    values = np.random.default_rng(1).random((50, 3)).tolist()
    assert [spread_of(one) for one in values] == pytest.approx([statistics.stdev(one) for one in values], rel=1e-14)
    assert spread_of([0.1, 0.1, 0.1]) == 0
    assert spread_of([0.1]) is None
