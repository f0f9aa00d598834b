"""Draws of groups with replacement that many numbers of the same images share."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polybench.results.image_rows import Values
from polybench.results.statistics.intervals import Interval

DRAWS = 2000

DIGITS = 12
"""Numbers of draws are rounded, since the last bits of a sum depend on the processor."""

_TAILS = (0.025, 0.975)


class GroupDraws(NamedTuple):
    """Draws of as many groups as there are.

    Attributes:
        members: The number of each image's group, (n,).
        times: How often each group is drawn, (draws, groups).
        images: Images of each draw, (draws,).
    """

    members: NDArray[np.intp]
    times: Values
    images: Values


@lru_cache(maxsize=16)
def group_draws(groups: tuple[str, ...], draws: int = DRAWS) -> GroupDraws:
    """The draws of `polybench.results.statistics.intervals`, which depend on the groups alone.

    Args:
        groups: The group of each image.
        draws: How many.
    """
    names, members = np.unique(np.array(groups, dtype=object), return_inverse=True)
    count = len(names)
    drawn = np.random.default_rng(0).integers(0, count, (draws, count))
    places = drawn + count * np.arange(draws)[:, None]
    times = np.bincount(places.ravel(), minlength=draws * count).reshape(draws, count).astype(np.float64)
    return GroupDraws(members, times, times @ np.bincount(members).astype(np.float64))


def intervals_of_means(values: Values, groups: Sequence[str]) -> list[Interval]:
    """Means over images of several numbers, with the intervals of `interval_of_mean` to the twelfth digit.

    Args:
        values: (k, n), finite.
        groups: The group of each image, (n,).
    """
    n, found = len(groups), set(groups)
    means = [math.fsum(numbers) / n for numbers in values.tolist()]
    if len(found) == 1:
        return [Interval(mean, None, None, n, 1) for mean in means]
    draws = group_draws(tuple(groups))
    ends = ends_of(summed(values, draws.members) @ draws.times.T / draws.images)
    intervals = []
    for mean, low, high, numbers in zip(means, *ends.tolist(), values, strict=True):
        if numbers.min() == numbers.max():
            mean = low = high = float(numbers[0])
        intervals.append(Interval(mean, low, high, n, len(found)))
    return intervals


def summed(values: Values, members: NDArray[np.intp]) -> Values:
    """Sums over the images of each group.

    Args:
        values: (k, n).
        members: The number of each image's group, (n,).

    Returns:
        (k, groups).
    """
    return np.stack([np.bincount(members, weights=numbers) for numbers in values])


def ends_of(draws: Values) -> Values:
    """The 95 % intervals of several numbers, rounded.

    Args:
        draws: (k, draws).

    Returns:
        (2, k): lower and upper ends.
    """
    ends: Values = np.quantile(draws, _TAILS, axis=1).round(DIGITS)
    return ends
