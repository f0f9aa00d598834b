"""Rank intervals, other rankings and detectable differences, after the cases that challengeR tests."""

import numpy as np
import pytest
from scipy import stats

from polybench.results.image_rows import Values
from polybench.results.statistics.aligned import Aligned
from polybench.results.statistics.power import detectable
from polybench.results.statistics.ranks import rank_intervals
from polybench.results.statistics.stability import aggregations, choices


def _aligned(**methods: list[float]) -> Aligned:
    values: dict[str, Values] = {name: np.array([row]) for name, row in methods.items()}
    return Aligned(values, [str(place) for place in range(len(next(iter(methods.values()))))])


def test_a_method_that_is_better_on_every_image_is_first_in_every_draw() -> None:
    aligned = _aligned(a=[0.9, 0.8, 0.95, 0.85, 0.9, 0.7], b=[0.1, 0.2, 0.15, 0.3, 0.2, 0.1])
    assert rank_intervals(aligned) == [(1, 1), (2, 2)]


def test_methods_that_win_half_of_the_images_may_be_either() -> None:
    aligned = _aligned(a=[0.9, 0.1] * 4, b=[0.1, 0.9] * 4, c=[0.05] * 8)
    assert rank_intervals(aligned) == [(1, 2), (1, 2), (3, 3)]


def test_equal_methods_share_the_best_rank() -> None:
    assert rank_intervals(_aligned(a=[0.5, 0.6, 0.7], b=[0.5, 0.6, 0.7])) == [(1, 1), (1, 1)]


def test_aggregate_then_rank_and_rank_then_aggregate_may_disagree() -> None:
    # a wins three of four images by a little, and loses the last by much.
    aligned = _aligned(a=[0.91, 0.81, 0.71, 0.1], b=[0.9, 0.8, 0.7, 0.7])
    found = {one.name: one for one in choices(aligned.means, aggregations(aligned))}
    assert found["mean rank over images"].tau == -1
    assert not found["mean rank over images"].same_first
    assert found["mean over groups"].tau == 1
    assert found["mean over groups"].same_first


def test_each_group_counts_once_in_the_mean_over_groups() -> None:
    aligned = Aligned({"a": np.array([[1.0, 1.0, 1.0, 0.0]]), "b": np.array([[0.6, 0.6, 0.6, 0.6]])}, list("xxxy"))
    assert aggregations(aligned)["mean over groups"].tolist() == [0.5, pytest.approx(0.6)]


def test_a_ranking_that_ties_all_methods_has_no_tau() -> None:
    (found,) = choices(np.array([0.1, 0.2]), {"constant": np.zeros(2)})
    assert found.tau is None
    assert not found.same_first


def test_kendalls_tau_is_worked_out_by_hand() -> None:
    (found,) = choices(np.array([4.0, 3.0, 2.0, 1.0]), {"other": np.array([4.0, 3.0, 1.0, 2.0])})
    assert found.tau == pytest.approx((5 - 1) / 6)  # of six pairs one is turned


def test_detectable_difference_is_that_of_a_paired_t_test() -> None:
    difference = np.random.default_rng(0).normal(0, 1, 30)
    found = detectable(_aligned(a=difference.tolist(), b=[0.0] * 30))
    assert found is not None
    assert found.of_images == pytest.approx(stats.sem(difference))
    power = stats.nct.sf(stats.t.ppf(0.975, 29), 29, found.difference() / found.of_images)
    assert power == pytest.approx(0.8, abs=0.01)


def test_seeds_make_the_detectable_difference_larger() -> None:
    generator = np.random.default_rng(0)
    seeds: Values = generator.normal(0, 0.2, (3, 30)) + np.array([[0.1], [0.0], [-0.1]])
    found = detectable(Aligned({"a": seeds, "b": generator.normal(0, 0.2, (1, 30))}, list(map(str, range(30)))))
    assert found is not None
    assert found.of_seeds is not None
    assert found.of_seeds == pytest.approx(np.std(seeds.mean(axis=1), ddof=1))
    assert found.difference() < found.difference(3) < found.difference(1)


def test_one_method_or_one_group_shows_no_difference() -> None:
    assert detectable(_aligned(a=[0.1, 0.2, 0.3])) is None
    assert detectable(Aligned({"a": np.array([[0.1, 0.2]]), "b": np.array([[0.2, 0.3]])}, ["v", "v"])) is None
