"""How far a ranking depends on how it was made: under other metrics, protocols and ways to aggregate."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from polybench.results.image_rows import Values
from polybench.results.statistics.aligned import Aligned
from polybench.results.statistics.draws import DIGITS


@dataclass(frozen=True)
class Choice:
    """A ranking made another way.

    Attributes:
        name: How it was made, such as "median over images".
        tau: Kendall's tau-b of both rankings; None where one of them ties all methods.
        same_first: Whether the methods that are first are so in both.
    """

    name: str
    tau: float | None
    same_first: bool


def aggregations(aligned: Aligned) -> dict[str, Values]:
    """Scores of each method by other ways to aggregate over images, higher being better.

    Returns:
        Way -> scores, (methods,): the median over images, the mean over groups, each group counted once, and the mean
        rank, computed image by image (Maier-Hein et al., "Why rankings of biomedical image analysis competitions should
        be interpreted with care", Nature Communications 9, 2018).
    """
    ranks = stats.rankdata(-aligned.images.round(DIGITS), axis=0)
    return {
        "median over images": np.median(aligned.images, axis=1),
        "mean over groups": (aligned.sums / aligned.sizes).mean(axis=1),
        "mean rank over images": -ranks.mean(axis=1),
    }


def choices(scores: Values, others: Mapping[str, Values]) -> list[Choice]:
    """Compare a ranking with others of the same methods.

    Args:
        scores: Score of each method, higher being better, at least two.
        others: How else it can be made -> scores of the same methods.
    """
    return [_choice(name, scores.round(DIGITS), other.round(DIGITS)) for name, other in others.items()]


def _choice(name: str, scores: Values, other: Values) -> Choice:
    tau = float(stats.kendalltau(scores, other).statistic)
    first = set(np.flatnonzero(scores == scores.max())) == set(np.flatnonzero(other == other.max()))
    return Choice(name, None if math.isnan(tau) else tau, first)
