import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu
from sklearn.metrics import accuracy_score, precision_score, recall_score, roc_auc_score

from polybench.core.errors import DataError
from polybench.metrics.measures.classification import Scored, average_by_id, roc_auc, threshold_values

# CT readings of Hanley & McNeil (Radiology 1982, table 1): ratings 1 to 5 of 58 normal and 51 abnormal patients.
NORMAL, ABNORMAL = (33, 6, 6, 11, 2), (3, 2, 2, 11, 33)

ROWS = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=12)


def scored(scores: list[float], labels: list[bool], groups: list[str] | None = None) -> Scored:
    ids = [f"{k:04d}" for k in range(len(scores))]
    return average_by_id(ids, groups or ids, scores, labels)


def hanley_mcneil(times: int = 1) -> Scored:
    """The readings, each repeated as frames of one patient."""
    scores, labels = [], []
    for rating, counts in enumerate(zip(NORMAL, ABNORMAL, strict=True), start=1):
        for label, count in enumerate(counts):
            scores += [float(rating)] * count
            labels += [bool(label)] * count
    patients = [f"patient/{k}" for k in range(len(scores))]
    return scored(scores * times, labels * times, patients * times)


def slow_delong(rows: Scored) -> tuple[float, float]:
    """AUC and variance from the matrix of all pairs, as DeLong et al. write them."""
    wins = np.array([[(p > n) + 0.5 * (p == n) for n in rows.scores[~rows.labels]] for p in rows.scores[rows.labels]])
    return wins.mean(), wins.mean(axis=1).var(ddof=1) / len(wins) + wins.mean(axis=0).var(ddof=1) / wins.shape[1]


def rank_auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Mann and Whitney's U over the number of pairs."""
    return mannwhitneyu(scores[labels], scores[~labels], method="asymptotic").statistic / labels.sum() / (~labels).sum()


def test_rows_of_one_id_are_averaged() -> None:
    rows = average_by_id(["b", "a", "b"], ["g", "h", "g"], [0.2, 0.9, 0.6], [False, True, False])
    assert rows.ids == ["a", "b"]
    assert rows.groups == ["h", "g"]
    assert rows.scores.tolist() == pytest.approx([0.9, 0.4])
    assert rows.labels.tolist() == [True, False]


def test_order_of_rows_does_not_matter_to_the_last_bit() -> None:
    scores = [0.1, 0.7, 1e-9, 0.3]
    forward = average_by_id(["a"] * 4, ["g"] * 4, scores, [True] * 4)
    backward = average_by_id(["a"] * 4, ["g"] * 4, scores[::-1], [True] * 4)
    assert forward.scores.tolist() == backward.scores.tolist()


@pytest.mark.parametrize(("groups", "labels"), [(["g", "h"], [True, True]), (["g", "g"], [True, False])])
def test_contradicting_rows_of_one_id_are_refused(groups: list[str], labels: list[bool]) -> None:
    with pytest.raises(DataError, match="'a' differ in group or label"):
        average_by_id(["a", "a"], groups, [0.1, 0.2], labels)


def test_score_that_is_no_number_is_refused() -> None:
    with pytest.raises(DataError, match="'a' is not finite"):
        average_by_id(["a"], ["a"], [math.nan], [True])


def test_no_rows_are_refused() -> None:
    with pytest.raises(DataError, match="no scores"):
        average_by_id([], [], [], [])


@given(rows=ROWS)
def test_values_at_the_threshold_are_those_of_scikit_learn(rows: list[tuple[int, bool]]) -> None:
    scores, labels = [score / 5 for score, _ in rows], [label for _, label in rows]
    called = [score >= 0.4 for score in scores]
    assume(any(called) or any(labels))
    values = threshold_values(scored(scores, labels), threshold=0.4)
    assert values["accuracy"] == pytest.approx(accuracy_score(labels, called))
    assert values["precision"] == pytest.approx(precision_score(labels, called, zero_division=0))
    assert values["recall"] == pytest.approx(recall_score(labels, called, zero_division=0))


def test_nothing_to_find_and_nothing_found_is_one() -> None:
    assert threshold_values(scored([0.1], [False])) == {"accuracy": 1, "precision": 1, "recall": 1}


@given(rows=ROWS)
def test_auc_is_that_of_scikit_learn(rows: list[tuple[int, bool]]) -> None:
    scores, labels = [float(score) for score, _ in rows], [label for _, label in rows]
    assume(any(labels) and not all(labels))
    assert roc_auc(scored(scores, labels)).value == pytest.approx(roc_auc_score(labels, scores))


@given(rows=ROWS)
def test_interval_from_the_matrix_of_all_pairs(rows: list[tuple[int, bool]]) -> None:
    table = scored([float(score) for score, _ in rows], [label for _, label in rows])
    assume(2 <= table.labels.sum() <= len(rows) - 2)
    value, variance = slow_delong(table)
    interval = roc_auc(table)
    assert interval.low == pytest.approx(max(0, value - 1.959964 * math.sqrt(variance)), abs=1e-6)
    assert interval.high == pytest.approx(min(1, value + 1.959964 * math.sqrt(variance)), abs=1e-6)


def test_published_interval_of_the_hanley_mcneil_readings() -> None:
    # Stata Base Reference Manual, roctab: area 0.8932, standard error 0.0307, 95 % interval 0.83295 to 0.95339
    interval = roc_auc(hanley_mcneil())
    assert interval.value == pytest.approx(0.8932, abs=5e-5)
    assert interval.low == pytest.approx(0.83295, abs=5e-6)
    assert interval.high == pytest.approx(0.95339, abs=5e-6)


def test_variance_agrees_with_a_bootstrap() -> None:
    table = hanley_mcneil()
    random = np.random.default_rng(0)
    positive, negative = np.flatnonzero(table.labels), np.flatnonzero(~table.labels)
    draws = []
    for _ in range(1000):
        drawn = np.concatenate([random.choice(positive, len(positive)), random.choice(negative, len(negative))])
        draws.append(rank_auc(table.labels[drawn], table.scores[drawn]))
    interval = roc_auc(table)
    assert interval.high is not None
    assert (interval.high - interval.value) / 1.96 == pytest.approx(np.std(draws), rel=0.1)


def test_repeated_frames_of_a_patient_bring_no_certainty() -> None:
    once, thrice = roc_auc(hanley_mcneil()), roc_auc(hanley_mcneil(times=3))
    assert (once.low, once.high) == pytest.approx((thrice.low, thrice.high), abs=1e-3)
    assert (once.positives, thrice.positives, thrice.groups) == (51, 153, 109)


def test_variance_of_groups_with_both_labels_agrees_with_a_bootstrap_of_groups() -> None:
    # each video shifts the scores of all its frames, positive and negative alike
    random = np.random.default_rng(1)
    videos, frames = 60, 6
    shift = random.normal(0, 1, videos)[:, None]
    labels = random.random((videos, frames)) < 0.5
    scores = shift + labels + random.normal(0, 0.5, (videos, frames))
    groups = [f"video/{k}" for k in range(videos) for _ in range(frames)]
    interval = roc_auc(scored(scores.ravel().tolist(), labels.ravel().tolist(), groups))
    draws = []
    for _ in range(1000):
        drawn = random.integers(0, videos, videos)
        draws.append(rank_auc(labels[drawn], scores[drawn]))
    assert interval.high is not None
    assert (interval.high - interval.value) / 1.96 == pytest.approx(np.std(draws), rel=0.15)


def test_interval_is_cut_at_one() -> None:
    interval = roc_auc(scored([0, 1, 3, 2, 4, 5], [False, False, False, True, True, True]))
    assert interval.value == pytest.approx(8 / 9)
    assert interval.high == 1


def test_perfect_ranking_has_no_width() -> None:
    interval = roc_auc(scored([0, 0, 1, 1], [False, False, True, True]))
    assert interval[:3] == (1, 1, 1)


def test_positives_of_one_group_give_no_interval() -> None:
    interval = roc_auc(scored([0, 0.4, 0.3, 1], [False, False, True, True], ["a", "b", "c", "c"]))
    assert interval == (0.75, None, None, 2, 2, 3)


@pytest.mark.parametrize("label", [True, False])
def test_one_class_has_no_auc(label: bool) -> None:
    with pytest.raises(DataError, match="positives and negatives"):
        roc_auc(scored([0.1, 0.2], [label, label]))
