"""Paired differences against scipy, statsmodels, scikit-posthocs and numbers worked out by hand."""

import itertools

import numpy as np
import pytest
import scikit_posthocs
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from polybench.core.errors import DataError
from polybench.results.image_rows import Values
from polybench.results.statistics.aligned import Aligned
from polybench.results.statistics.bootstrap import difference_ends, effective_groups, joint_draws
from polybench.results.statistics.multiple import holm
from polybench.results.statistics.pairs import pairs_of
from polybench.results.statistics.permutation import least_p, sign_flip_p
from polybench.results.statistics.ties import tie_groups

GROUPS = [name for name in "abcdefgh" for _ in range(3)]


def _aligned(groups: list[str] = GROUPS, seeds: int = 1, **methods: float) -> Aligned:
    """Methods that differ by a constant and a little noise, on images that differ much."""
    generator = np.random.default_rng(0)
    images = generator.uniform(0.3, 0.9, len(groups))
    noise = {name: generator.normal(0, 0.01, (seeds, len(groups))) for name in methods}
    return Aligned({name: images + value + noise[name] for name, value in methods.items()}, groups)


def test_exact_p_is_that_of_scipy() -> None:
    sums = np.random.default_rng(1).normal(0.4, 1, (3, 9))
    for row, p in zip(sums, sign_flip_p(sums), strict=True):
        expected = stats.permutation_test((row,), np.sum, permutation_type="samples", n_resamples=np.inf)
        assert p == pytest.approx(expected.pvalue, abs=1e-12)


def test_random_flips_come_close_to_the_exact_p() -> None:
    sums = np.random.default_rng(2).normal(0.45, 1, 14)
    patterns = np.array(list(itertools.product([1, -1], repeat=14)))
    exact = (np.abs(patterns @ sums) >= abs(sums.sum()) - 1e-9).mean()
    assert sign_flip_p(sums[None])[0] == pytest.approx(exact, abs=0.01)


@pytest.mark.parametrize("groups", [3, 4, 6])
def test_no_p_is_below_the_least_one(groups: int) -> None:
    assert sign_flip_p(np.ones((1, groups)))[0] == least_p(groups) == 2 / 2**groups


def test_methods_without_a_difference_have_p_1() -> None:
    assert sign_flip_p(np.zeros((1, 5)))[0] == sign_flip_p(np.zeros((1, 30)))[0] == 1


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_that_of_statsmodels(p: list[float]) -> None:
    np.testing.assert_allclose(holm(np.array(p)), multipletests(p, method="holm")[1])


def test_adjusted_p_of_all_pairs_is_that_of_scikit_posthocs() -> None:
    # Without groups to respect, a Wilcoxon test stands in for the sign flips: what is compared is the family of tests.
    aligned = _aligned(a=0.0, b=0.004, c=0.02)
    expected = scikit_posthocs.posthoc_wilcoxon([*aligned.images], p_adjust="holm").to_numpy()
    pairs = list(itertools.combinations(range(3), 2))
    raw = np.array([stats.wilcoxon(aligned.images[one], aligned.images[other]).pvalue for one, other in pairs])
    np.testing.assert_allclose(holm(raw), [expected[pair] for pair in pairs])


def test_a_difference_far_below_the_spread_of_images_is_found() -> None:
    aligned = _aligned(a=0.02, b=0.0)
    (pair,) = pairs_of(aligned)
    assert pair.difference == pytest.approx(0.02, abs=0.005)
    assert pair.ends is not None
    assert pair.ends.low > 0
    assert pair.adjusted == 2 / 2**8
    assert np.std(aligned.images[0]) > 0.15


def test_groups_count_rather_than_images() -> None:
    groups = [name for name in "abcd" for _ in range(50)]
    (pair,) = pairs_of(_aligned(groups, a=0.02, b=0.0))
    assert pair.p == 2 / 2**4
    assert not pair.told_apart


def test_an_interval_is_that_of_student_where_groups_are_equal() -> None:
    sums = np.random.default_rng(3).normal(0.1, 1, 12)
    aligned = Aligned({"a": sums[None], "b": np.zeros((1, 12))}, [str(number) for number in range(12)])
    low, high = difference_ends(joint_draws(aligned, draws=40_000), 0, 1)
    expected = stats.t.interval(0.95, 11, sums.mean(), stats.sem(sums))
    assert (high - low) == pytest.approx(expected[1] - expected[0], rel=0.05)


def test_one_group_has_no_interval() -> None:
    aligned = _aligned(["video"] * 5, a=0.02, b=0.0)
    assert pairs_of(aligned)[0].ends is None
    with pytest.raises(DataError, match="one group"):
        joint_draws(aligned)


def test_seeds_that_vary_widen_the_interval() -> None:
    steady = Aligned({"a": np.tile(np.linspace(0.5, 0.9, 24), (3, 1)), "b": np.full((1, 24), 0.6)}, GROUPS)
    moved = steady.values["a"] + np.array([[-0.1], [0.0], [0.1]])
    varied = Aligned({"a": moved, "b": steady.values["b"]}, GROUPS)
    widths = [np.subtract(*difference_ends(joint_draws(one), 1, 0)) for one in (steady, varied)]
    assert pairs_of(steady)[0].difference == pytest.approx(pairs_of(varied)[0].difference)
    assert widths[1] < 1.3 * widths[0] < 0  # both negative: low minus high


def test_draws_of_a_method_do_not_depend_on_the_methods_beside_it() -> None:
    aligned = _aligned(seeds=2, a=0.0, b=0.1, c=0.2)
    np.testing.assert_array_equal(joint_draws(aligned)[:, 2], joint_draws(aligned.only(["c"]))[:, 0])


def test_groups_of_unequal_size_count_as_fewer() -> None:
    assert effective_groups(np.array([10.0, 1.0, 1.0])) == pytest.approx(144 / 102)


def test_images_won_and_lost_are_counted() -> None:
    values: dict[str, Values] = {"a": np.array([[0.5, 0.6, 0.7, 0.8]]), "b": np.array([[0.4, 0.6, 0.9, 0.1]])}
    (pair,) = pairs_of(Aligned(values, list("wxyz")))
    assert (pair.won, pair.lost, pair.tied) == (2, 1, 1)
    assert pair.superiority == (2 + 0.5) / 4
    assert pair.median == pytest.approx((0.1 + 0.0) / 2)


def test_all_others_are_compared_with_one() -> None:
    found = pairs_of(_aligned(a=0.0, b=0.1, c=0.2), against="b")
    assert [(pair.method, pair.other) for pair in found] == [("a", "b"), ("c", "b")]


def test_tie_groups_are_anchored_at_their_best() -> None:
    # b can't be told from a, nor c from b, but c can be told from a: it opens the second group.
    generator = np.random.default_rng(0)
    steps = {"a": 0.0, "b": -0.5, "c": -1.0, "d": -5.0}
    values = {name: generator.normal(step, 0.7, (1, 20)) for name, step in steps.items()}
    aligned = Aligned(values, [str(number) for number in range(20)])
    pairs = {(one.method, one.other): one.told_apart for one in pairs_of(aligned)}
    assert not pairs["a", "b"]
    assert not pairs["b", "c"]
    assert pairs["a", "c"]
    assert tie_groups(aligned.names, pairs_of(aligned)) == [["a", "b"], ["c"], ["d"]]


@pytest.mark.parametrize(
    ("values", "groups", "named"),
    [
        ({}, ["a"], "at least one method"),
        ({"x": np.zeros((1, 2))}, ["a"], "'x' have the shape"),
        ({"x": np.array([[np.nan]])}, ["a"], "'x' is not a finite number"),
    ],
)
def test_scores_that_do_not_belong_together_are_refused(
    values: dict[str, Values], groups: list[str], named: str
) -> None:
    with pytest.raises(DataError, match=named):
        Aligned(values, groups)
