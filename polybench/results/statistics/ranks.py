"""Rank intervals from the joint bootstrap."""

import numpy as np
from scipy.stats import rankdata

from polybench.results.statistics.aligned import Aligned
from polybench.results.statistics.bootstrap import CONFIDENCE, joint_draws
from polybench.results.statistics.draws import DIGITS


def rank_intervals(aligned: Aligned) -> list[tuple[int, int]]:
    """The best and the worst rank of each method among 95 % of the draws, its own rank among them.

    Methods of equal means share the best rank of them.

    Args:
        aligned: Scores of at least two groups, higher being better.

    Raises:
        DataError: If there is a single group.
    """
    ranks = rankdata(-joint_draws(aligned), method="min", axis=1)
    own = rankdata(-aligned.means.round(DIGITS), method="min")
    tails = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    low, high = np.quantile(ranks, tails, axis=0, method="inverted_cdf")
    best, worst = np.minimum(low, own), np.maximum(high, own)
    return list(zip(best.astype(int).tolist(), worst.astype(int).tolist(), strict=True))
