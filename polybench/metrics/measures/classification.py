"""Measures of a classifier of patches or frames: accuracy, precision, recall, and ROC AUC with a 95 % interval.

Rows of one id (patches of one candidate, as in Tajbakhsh et al., 2016) are averaged first. Every measure is a function
of the rows sorted by id, so that order and batches don't matter.

The interval of the AUC is DeLong's (DeLong et al., Biometrics 1988), by mid-ranks (Sun & Xu, IEEE SPL 2014), normal,
cut at 0 and 1. Its variance is summed over groups (Obuchowski, Biometrics 1997), since frames of a video are not
independent; with a group for each id it is DeLong's. An AUC of 1 has variance 0 and the interval [1, 1], which means
that the test set is too small or too easy, not that the AUC is certain.

With a single class, recall and precision follow the rule of empty masks (1 if nothing is to be found and nothing is
found, else 0), and there is no AUC.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from polybench.core.errors import DataError

Values = npt.NDArray[np.float64]


class Scored(NamedTuple):
    """One row per id, sorted by id.

    Attributes:
        ids: Ids, each once.
        groups: The group of each id.
        scores: Probability of the positive class, (n,).
        labels: Whether it is positive, (n,).
    """

    ids: list[str]
    groups: list[str]
    scores: Values
    labels: npt.NDArray[np.bool_]


class AucInterval(NamedTuple):
    """An area under the ROC curve and its 95 % interval.

    Attributes:
        value: Probability that a positive scores above a negative, ties counted half.
        low: Lower end; None where fewer than two groups have positives, or negatives.
        high: Upper end, likewise.
        positives: Positive ids.
        negatives: Negative ids.
        groups: Groups.
    """

    value: float
    low: float | None
    high: float | None
    positives: int
    negatives: int
    groups: int


def average_by_id(
    ids: Sequence[str], groups: Sequence[str], scores: Sequence[float] | Values, labels: Sequence[bool]
) -> Scored:
    """Average the scores of rows with the same id.

    Args:
        ids: Id of each row: an image, a frame, or a candidate.
        groups: The group of each row.
        scores: Probability of the positive class, (n,).
        labels: Whether each row is positive.

    Raises:
        DataError: If there are no rows, a score is not finite, or rows of one id differ in group or label.

    Example:
        >>> rows = average_by_id(["b", "a", "b"], ["h", "g", "h"], [0.5, 1.0, 0.25], [False, True, False])
        >>> rows.ids, rows.scores.tolist(), rows.labels.tolist()
        (['a', 'b'], [1.0, 0.375], [True, False])
    """
    rows: dict[str, tuple[str, bool, list[float]]] = {}
    for name, group, score, label in zip(ids, groups, scores, labels, strict=True):
        if not math.isfinite(score):
            raise DataError(f"The score of '{name}' is not finite: check the predictions.")
        first = rows.setdefault(name, (group, bool(label), []))
        if first[:2] != (group, bool(label)):
            raise DataError(f"The rows of '{name}' differ in group or label: give each id one group and one label.")
        first[2].append(float(score))
    if not rows:
        raise DataError("There are no scores: check that the test set isn't empty.")
    names = sorted(rows)
    return Scored(
        ids=names,
        groups=[rows[name][0] for name in names],
        scores=np.array([math.fsum(rows[name][2]) / len(rows[name][2]) for name in names]),
        labels=np.array([rows[name][1] for name in names]),
    )


def threshold_values(scored: Scored, threshold: float = 0.5) -> dict[str, float]:
    """Compute accuracy, precision and recall, with scores of at least `threshold` as positive predictions.

    Example:
        >>> ids = ["a", "b", "c", "d", "e"]
        >>> rows = average_by_id(ids, ids, [0.8, 0.6, 0.4, 0.7, 0.1], [True, True, True, False, False])
        >>> {name: round(value, 4) for name, value in threshold_values(rows).items()}
        {'accuracy': 0.6, 'precision': 0.6667, 'recall': 0.6667}
    """
    called, labels = scored.scores >= threshold, scored.labels
    hits, calls, positives = int((called & labels).sum()), int(called.sum()), int(labels.sum())
    undefined = float(calls == positives == 0)
    return {
        "accuracy": float((called == labels).mean()),
        "precision": hits / calls if calls else undefined,
        "recall": hits / positives if positives else undefined,
    }


def roc_auc(scored: Scored) -> AucInterval:
    """Compute the area under the ROC curve and its 95 % interval.

    Raises:
        DataError: If all ids have the same label.

    Example:
        >>> ids = ["a", "b", "c", "d", "e"]
        >>> rows = average_by_id(ids, ids, [0.8, 0.6, 0.4, 0.7, 0.1], [True, True, True, False, False])
        >>> round(roc_auc(rows).value, 4)  # 4 of 6 pairs are ranked correctly
        0.6667
    """
    positives, negatives = int(scored.labels.sum()), int((~scored.labels).sum())
    if not positives or not negatives:
        raise DataError(
            "An AUC needs positives and negatives, but all scored ids have the same label: check the test set."
        )
    value, components = _structural_components(scored)
    group = np.unique(scored.groups, return_inverse=True)[1]
    variance = _variance(value, components, scored.labels, group)
    low = high = None
    if variance is not None:
        half = float(stats.norm.ppf(0.975)) * math.sqrt(variance)
        low, high = max(0.0, value - half), min(1.0, value + half)
    return AucInterval(value, low, high, positives, negatives, int(group.max()) + 1)


def _structural_components(scored: Scored) -> tuple[float, Values]:
    """Compute the AUC and, for each id, the share of the other class that it is ranked correctly against, (n,)."""
    labels = scored.labels
    positives, negatives = int(labels.sum()), int((~labels).sum())
    ranks = stats.rankdata(scored.scores)
    components = np.empty(len(labels))
    components[labels] = (ranks[labels] - stats.rankdata(scored.scores[labels])) / negatives
    components[~labels] = 1 - (ranks[~labels] - stats.rankdata(scored.scores[~labels])) / positives
    return float(components[labels].mean()), components


def _variance(
    value: float, components: Values, labels: npt.NDArray[np.bool_], group: npt.NDArray[np.intp]
) -> float | None:
    """Compute Obuchowski's variance of an AUC; None where fewer than two groups have positives, or negatives."""
    excess = (components - value) / np.where(labels, labels.sum(), (~labels).sum())
    groups = int(group.max()) + 1
    sums, counts = np.empty((2, groups)), np.empty(2)
    for row, members in enumerate((labels, ~labels)):
        sums[row] = np.bincount(group[members], weights=excess[members], minlength=groups)
        counts[row] = len(np.unique(group[members]))
    if counts.min() < 2:
        return None
    own = (counts / (counts - 1) * (sums**2).sum(axis=1)).sum()
    shared = 2 * groups / (groups - 1) * (sums[0] * sums[1]).sum()
    return max(float(own + shared), 0.0)
