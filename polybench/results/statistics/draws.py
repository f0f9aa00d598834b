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
_AT_ONCE = 64
"""Numbers whose draws are in memory together."""


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


@lru_cache(maxsize=4)
def images_drawn(groups: tuple[str, ...], draws: int = DRAWS) -> Values:
    """How often each image is drawn with its group, (draws, n).

    Args:
        groups: The group of each image, (n,).
        draws: How many draws.
    """
    found = group_draws(groups, draws)
    return found.times[:, found.members]


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
    sums = summed(values, draws.members)
    blocks = [sums[start : start + _AT_ONCE] @ draws.times.T for start in range(0, len(sums), _AT_ONCE)]
    ends = np.concatenate([ends_of(block / draws.images) for block in blocks], axis=1)
    alike = values.min(axis=1) == values.max(axis=1)
    intervals = []
    for mean, low, high, same, first in zip(means, *ends.tolist(), alike.tolist(), values[:, 0].tolist(), strict=True):
        if same:
            mean = low = high = first
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
    count, groups = len(values), int(members.max()) + 1
    places = members + groups * np.arange(count)[:, None]
    sums: Values = np.bincount(places.ravel(), weights=values.ravel(), minlength=count * groups).astype(np.float64)
    return sums.reshape(count, groups)


def ends_of(draws: Values) -> Values:
    """The 95 % intervals of several numbers, rounded.

    Args:
        draws: (k, draws).

    Returns:
        (2, k): lower and upper ends.
    """
    in_order = np.sort(draws, axis=1)  # with vector instructions, several times as fast as what `quantile` does itself
    ends: Values = np.quantile(in_order, _TAILS, axis=1, overwrite_input=True).round(DIGITS)
    return ends
