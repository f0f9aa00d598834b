"""Joint bootstrap of the means of several methods: all are evaluated on the same draws of groups.

What makes an image easy or hard for every method cancels in differences. Groups are drawn with replacement (Efron and
Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13), and so are the seeds of a method that has several. A
bootstrap of few groups is too narrow, so that the draws are widened about their centre to the spread of Student's t
(Hesterberg, "What teachers should know about the bootstrap", The American Statistician 69(4), 2015), whose degrees of
freedom count groups of unequal size as fewer groups of equal size. `tools/interval_coverage.py` shows what that is
worth.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

import numpy as np
from scipy import stats

from polybench.core.errors import DataError
from polybench.results.image_rows import Values
from polybench.results.statistics.aligned import Aligned
from polybench.results.statistics.draws import DIGITS, DRAWS, ends_of, summed

CONFIDENCE = 0.95

_STEPS = 1e6
"""Scores are told apart by their six digits."""


class Ends(NamedTuple):
    """Ends of a 95 % interval."""

    low: float
    high: float


def joint_draws(aligned: Aligned, draws: int = DRAWS, seed: int = 0) -> Values:
    """Draw groups and seeds with replacement, and compute the mean of each method on each draw.

    Args:
        aligned: Scores of at least two groups.
        draws: How many draws.
        seed: Of the draws; those of a method don't depend on the methods beside it.

    Returns:
        Means on each draw, widened for few groups, (draws, methods).

    Raises:
        DataError: If there is a single group, from which nothing follows for others.
    """
    groups = len(aligned.sizes)
    if groups < 2:
        raise DataError("All images are of one group: nothing follows for the images of other groups.")
    times = _times(groups, draws, seed)
    images = times @ aligned.sizes
    every = times @ summed(np.concatenate(list(aligned.values.values())), aligned.members).T / images[:, None]
    drawn, start = np.empty((draws, len(aligned.names))), 0
    for place, values in enumerate(aligned.values.values()):
        of_seeds = every[:, start : start + len(values)]
        drawn[:, place] = (of_seeds * _weights_of_seeds(len(values), draws, [seed, _content(values)])).sum(axis=1)
        start += len(values)
    return np.round(aligned.means + _widening(aligned.sizes) * (drawn - aligned.means), DIGITS)


def difference_ends(draws: Values, method: int, other: int) -> Ends:
    """The interval of the mean of one method minus that of another.

    Args:
        draws: Of `joint_draws`.
        method: Place of the method.
        other: Place of the one that is subtracted.
    """
    return ends_of_differences(draws, [method], [other])[0]


def ends_of_differences(draws: Values, methods: Sequence[int], others: Sequence[int]) -> list[Ends]:
    """The same of many pairs at once.

    Args:
        draws: Of `joint_draws`.
        methods: Place of the first method of each pair.
        others: Place of the one that is subtracted.
    """
    by_method = np.ascontiguousarray(draws.T)
    return [Ends(*ends) for ends in ends_of(by_method[methods] - by_method[others]).T.tolist()]


def effective_groups(sizes: Values) -> float:
    """How many groups of equal size determine a mean over images as well as these.

    Args:
        sizes: Images of each group, (groups,).

    Example:
        >>> effective_groups(np.array([5.0, 5.0, 5.0])), effective_groups(np.array([8.0, 1.0, 1.0]))
        (3.0, 1.5151515151515151)
    """
    return float(sizes.sum() ** 2 / (sizes**2).sum())


@lru_cache(maxsize=1)
def _times(groups: int, draws: int, seed: int) -> Values:
    """How often each group is drawn, (draws, groups); kept, since the rows of a page are drawn alike."""
    times = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), size=draws).astype(np.float64)
    times.flags.writeable = False
    return times


def _content(values: Values) -> int:
    """A number that scores determine, so that the draws of a method are the same under any name."""
    return crc32((values * _STEPS).round().astype(np.int64).tobytes())


def _weights_of_seeds(seeds: int, draws: int, entropy: list[int]) -> Values:
    """How much each seed counts in each draw, (draws, seeds); 1 for a single one.

    The mean of n draws among n seeds spreads less than that of n new seeds by a factor of sqrt((n - 1) / n), which is
    undone.
    """
    if seeds == 1:
        return np.ones((draws, 1))
    drawn = np.random.default_rng(entropy).multinomial(seeds, np.full(seeds, 1 / seeds), size=draws) / seeds
    return 1 / seeds + math.sqrt(seeds / (seeds - 1)) * (drawn - 1 / seeds)


def _widening(sizes: Values) -> float:
    """Spread of Student's t for these groups over that of draws of groups with replacement."""
    freedom = max(effective_groups(sizes) - 1, 1.0)
    upper = (1 + CONFIDENCE) / 2
    return math.sqrt(len(sizes) / (len(sizes) - 1)) * float(stats.t.ppf(upper, freedom) / stats.norm.ppf(upper))
