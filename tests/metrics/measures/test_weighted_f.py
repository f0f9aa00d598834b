import numpy as np
import py_sod_metrics as sod
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from polybench.metrics.measures.weighted_f import REACH, weighted_f

MAPS = arrays(np.float64, (9, 11), elements=st.integers(0, 255).map(lambda level: level / 255))
MASKS = arrays(np.bool_, (9, 11))


def ours(probability: np.ndarray, mask: np.ndarray, beta2: float = 1.0) -> float:
    values = torch.from_numpy(probability)
    return float(weighted_f(lambda rows, columns: values[rows, columns].double(), torch.from_numpy(mask), beta2))


def theirs(probability: np.ndarray, mask: np.ndarray, beta: float = 1.0) -> float:
    measure = sod.WeightedFmeasure(beta=beta)
    measure.step(probability, mask, normalize=False)
    return float(measure.get_results()["wfm"])


@settings(deadline=None)
@given(probability=MAPS, mask=MASKS)
def test_small_maps_score_as_by_pysodmetrics(probability: np.ndarray, mask: np.ndarray) -> None:
    assert ours(probability, mask) == pytest.approx(theirs(probability, mask), abs=1e-6)


@pytest.mark.parametrize("place", ["middle", "corner", "two objects"])
def test_far_errors_score_as_by_pysodmetrics(place: str) -> None:
    random = np.random.default_rng(0)
    size = (2 * REACH + 90, 150)
    mask = np.zeros(size, bool)
    if place != "corner":
        mask[150:162, 60:75] = True
    if place != "middle":
        mask[:9, :14] = True
    probability = np.clip(0.6 * mask + random.normal(0.1, 0.2, size), 0, 1)
    assert ours(probability, mask) == pytest.approx(theirs(probability, mask), abs=1e-6)


def test_maps_that_are_sure_far_from_the_object() -> None:
    mask = np.zeros((90, 80), bool)
    mask[40:50, 30:45] = True
    probability = np.zeros((90, 80))
    probability[36:48, 33:50] = 0.8
    assert ours(probability, mask) == pytest.approx(theirs(probability, mask), abs=1e-6)


@pytest.mark.parametrize("beta2", [0.3, 2.0])
def test_weight_of_recall(beta2: float) -> None:
    random = np.random.default_rng(1)
    mask = np.zeros((20, 24), bool)
    mask[5:12, 6:15] = True
    probability = random.random((20, 24))
    assert ours(probability, mask, beta2) == pytest.approx(theirs(probability, mask, beta2), abs=1e-6)


def test_empty_mask_scores_nought_and_perfect_map_one() -> None:
    mask = np.zeros((20, 24), bool)
    assert ours(np.ones((20, 24)), mask) == 0
    mask[5:12, 6:15] = True
    assert ours(mask.astype(float), mask) == pytest.approx(1, abs=1e-12)


def test_error_near_the_object_costs_less_than_one_far_away() -> None:
    mask = np.zeros((40, 40), bool)
    mask[5:12, 5:12] = True
    near, far = mask.astype(float), mask.astype(float)
    near[5:12, 12], far[30:37, 30] = 1, 1
    assert ours(near, mask) > ours(far, mask)
