"""Areas under ROC curves as means over items, against scikit-learn and DeLong's variance as metrics compute it."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from polybench.core.errors import DataError
from polybench.metrics.measures.classification import average_by_id, roc_auc
from polybench.results.statistics.aligned import Aligned
from polybench.results.statistics.auc import auc_values
from polybench.results.statistics.pairs import pairs_of

GENERATOR = np.random.default_rng(0)
POSITIVE = GENERATOR.random(200) < 0.3
SCORES = (GENERATOR.normal(size=200) + POSITIVE).round(1)  # with ties


def test_the_mean_is_the_area() -> None:
    assert auc_values(SCORES, POSITIVE).mean() == pytest.approx(roc_auc_score(POSITIVE, SCORES))


def test_the_spread_is_delongs() -> None:
    ids = [str(number) for number in range(200)]
    found = roc_auc(average_by_id(ids, ids, SCORES, POSITIVE.tolist()))
    assert found.low is not None
    half = stats.norm.ppf(0.975) * stats.sem(auc_values(SCORES, POSITIVE))
    assert half == pytest.approx(found.value - found.low, rel=0.02)


def test_two_areas_are_compared_by_whole_groups() -> None:
    groups = [str(number // 10) for number in range(200)]
    worse = auc_values(SCORES + np.random.default_rng(1).normal(0, 3, 200), POSITIVE)
    (pair,) = pairs_of(Aligned({"a": auc_values(SCORES, POSITIVE)[None], "b": worse[None]}, groups))
    assert pair.told_apart
    assert pair.difference == pytest.approx(auc_values(SCORES, POSITIVE).mean() - worse.mean())


def test_items_of_one_class_have_no_area() -> None:
    with pytest.raises(DataError, match="all items are of one class"):
        auc_values(np.array([0.1, 0.2]), np.array([True, True]))
