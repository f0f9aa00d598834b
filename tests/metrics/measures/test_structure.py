import numpy as np
import py_sod_metrics as sod
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from polybench.metrics.measures.structure import StructureScores, stretch_, structure_scores

MAPS = arrays(np.float64, (9, 11), elements=st.integers(0, 255).map(lambda level: level / 255))
MASKS = arrays(np.bool_, (9, 11))


def scores(probability: np.ndarray, mask: np.ndarray) -> StructureScores:
    values = torch.from_numpy(probability)
    return structure_scores(lambda rows, columns: values[rows, columns], torch.from_numpy(mask))


def random_pair(seed: int, size: tuple[int, int] = (40, 53)) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: size[0], : size[1]]
    centre, radius = random.uniform(0.2, 0.8, 2) * size, random.uniform(3, 18)
    mask = np.hypot(y - centre[0], x - centre[1]) < radius
    return np.clip(0.7 * mask + random.normal(0.1, 0.2, size), 0, 1), mask


def by_pysodmetrics(measure: sod.Smeasure | sod.MAE, probability: np.ndarray, mask: np.ndarray, name: str) -> float:
    measure.step(probability, mask, normalize=False)
    return float(measure.get_results()[name])


@pytest.mark.parametrize("seed", range(12))
def test_s_measure_and_error_are_those_of_pysodmetrics(seed: int) -> None:
    probability, mask = random_pair(seed)
    found = scores(probability, mask)
    assert found.s_measure == pytest.approx(by_pysodmetrics(sod.Smeasure(), probability, mask, "sm"), abs=1e-9)
    assert found.error == pytest.approx(by_pysodmetrics(sod.MAE(), probability, mask, "mae"), abs=1e-12)


@settings(deadline=None)
@given(probability=MAPS, mask=MASKS)
def test_error_is_the_mean_distance(probability: np.ndarray, mask: np.ndarray) -> None:
    assert scores(probability, mask).error == pytest.approx(np.abs(mask - probability).mean(), abs=1e-12)


@settings(deadline=None)
@given(probability=MAPS, mask=MASKS)
def test_s_measure_is_a_share(probability: np.ndarray, mask: np.ndarray) -> None:
    assert 0 <= scores(probability, mask).s_measure <= 1 + 1e-12


@given(probability=MAPS)
def test_empty_and_full_masks(probability: np.ndarray) -> None:
    mean = probability.mean()
    empty, full = np.zeros((9, 11), bool), np.ones((9, 11), bool)
    assert scores(probability, empty) == pytest.approx((1 - mean, mean))
    assert scores(probability, full) == pytest.approx((mean, 1 - mean))


def test_perfect_map_scores_one() -> None:
    for seed in range(5):
        mask = random_pair(seed)[1]
        assert scores(mask.astype(float), mask) == pytest.approx((1, 0))


def test_block_where_map_and_mask_are_constant_scores_one() -> None:
    # the centroid is pixel (1, 1): only the upper left block holds pixels of the object; the map is .3 in the others,
    # where PySODMetrics divides rounding errors
    mask = np.zeros((6, 6), bool)
    mask[1, 1] = True
    probability = np.full((6, 6), 0.3)
    probability[:2, :2] = [[0.1, 0.2], [0.0, 0.9]]
    x, y = probability[:2, :2].ravel(), mask[:2, :2].ravel().astype(float)
    covariance = np.cov(x, y)
    block = 4 * x.mean() * y.mean() * covariance[0, 1] / ((x.mean() ** 2 + y.mean() ** 2) * np.trace(covariance))
    region = (4 * block + 32 * 1) / 36

    def likeness(values: np.ndarray) -> float:
        return 2 * values.mean() / (values.mean() ** 2 + 1 + (values.std(ddof=1) if len(values) > 1 else 0))

    parts = likeness(probability[mask]) / 36 + likeness(1 - probability[~mask]) * 35 / 36
    assert scores(probability, mask).s_measure == pytest.approx((parts + region) / 2)


def test_stretched_map_by_hand() -> None:
    values = torch.tensor([0.2, 0.3, 0.6], dtype=torch.float64)
    assert stretch_(values, 0.2, 0.6).tolist() == pytest.approx([0, 0.25, 1])
    assert values[2] == 1  # in its place


@given(level=st.floats(0, 1))
def test_constant_map_stays_as_it_is(level: float) -> None:
    values = torch.full((2, 3), level, dtype=torch.float64)
    assume(level == values[0, 0])
    assert (stretch_(values, level, level) == level).all()
