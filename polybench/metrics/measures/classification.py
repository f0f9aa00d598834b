"""Numbers of a classifier of patches or frames: accuracy, precision, recall, and ROC AUC with a 95 % interval.

Rows of one id (patches of one candidate, as in Tajbakhsh et al., 2016) are averaged first. Every number is a function
of the rows sorted by id, so that neither order nor batches matter.

The interval of the AUC is DeLong's (DeLong et al., Biometrics 1988), by mid-ranks (Sun & Xu, IEEE SPL 2014), normal,
cut at 0 and 1. Its variance is summed over groups (Obuchowski, Biometrics 1997), since frames of a video are not
independent; with a group for each id it is DeLong's. An AUC of 1 has variance 0, thus the interval [1, 1]: that says
that the test set is too small or too easy, not that the AUC is certain.

One class only: recall and precision follow the rule of the masks (nothing to find and nothing found is 1, else 0), and
an AUC is refused.
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
        low: Lower end; None where less than two groups have positives, or negatives.
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
        ids: What each row belongs to: an image, a frame, or a candidate.
        groups: The group of each row.
        scores: Probability of the positive class of each row.
        labels: Whether each row is positive.

    Raises:
        DataError: If there are no rows, a score is not finite, or rows of one id differ in group or label.
    """
    rows: dict[str, tuple[str, bool, list[float]]] = {}
    for name, group, score, label in zip(ids, groups, scores, labels, strict=True):
        if not math.isfinite(score):
            raise DataError(f"The score of '{name}' is not finite: check the predictions.")
        first = rows.setdefault(name, (group, bool(label), []))
        if first[:2] != (group, bool(label)):
            raise DataError(f"The rows of '{name}' differ in group or label: give each id one of both.")
        first[2].append(float(score))
    if not rows:
        raise DataError("There are no scores: check that the test set is not empty.")
    names = sorted(rows)
    return Scored(
        ids=names,
        groups=[rows[name][0] for name in names],
        scores=np.array([math.fsum(rows[name][2]) / len(rows[name][2]) for name in names]),
        labels=np.array([rows[name][1] for name in names]),
    )


def threshold_values(scored: Scored, threshold: float = 0.5) -> dict[str, float]:
    """Accuracy, precision and recall where a score of at least `threshold` is called positive."""
    called, labels = scored.scores >= threshold, scored.labels
    hits, calls, positives = int((called & labels).sum()), int(called.sum()), int(labels.sum())
    undefined = float(calls == positives == 0)
    return {
        "accuracy": float((called == labels).mean()),
        "precision": hits / calls if calls else undefined,
        "recall": hits / positives if positives else undefined,
    }


def roc_auc(scored: Scored) -> AucInterval:
    """Area under the ROC curve with its 95 % interval.

    Raises:
        DataError: If all ids have the same label.
    """
    positives, negatives = int(scored.labels.sum()), int((~scored.labels).sum())
    if not positives or not negatives:
        raise DataError("An AUC needs positives and negatives: the scored ids have one label only.")
    value, components = _structural_components(scored)
    group = np.unique(scored.groups, return_inverse=True)[1]
    variance = _variance(value, components, scored.labels, group)
    low = high = None
    if variance is not None:
        half = float(stats.norm.ppf(0.975)) * math.sqrt(variance)
        low, high = max(0.0, value - half), min(1.0, value + half)
    return AucInterval(value, low, high, positives, negatives, int(group.max()) + 1)


def _structural_components(scored: Scored) -> tuple[float, Values]:
    """The AUC, and for each id the share of the other class that it is ranked rightly against, (n,)."""
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
    """Obuchowski's variance of an AUC; None where less than two groups have positives, or negatives."""
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
