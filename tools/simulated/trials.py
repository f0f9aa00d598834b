"""What intervals and tests find on many test sets of a population."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polybench.results.image_rows import Values
from polybench.results.statistics.aligned import Aligned
from polybench.results.statistics.bootstrap import Ends, difference_ends, joint_draws
from polybench.results.statistics.intervals import interval_of_mean
from polybench.results.statistics.pairs import ALPHA
from polybench.results.statistics.permutation import sign_flip_p
from polybench.results.statistics.ranks import rank_intervals
from simulated.populations import Population

Flags = NDArray[np.bool_]

DIFFERENCES = (0.02, 0.04)
OWN = 4
"""Every how many test sets the rows' own intervals are computed, which take longest."""


class Measured(NamedTuple):
    """Shares of the test sets of one number of groups.

    Attributes:
        groups: How many groups each test set has.
        covered: The 95 % interval of the pair's difference holds the true one.
        halves: The same of the half of the test sets whose differences look less skewed, and of the other half.
        size: The sign-flip test finds a difference where there is none.
        by_test: It finds each of `DIFFERENCES`.
        by_interval: The interval excludes 0 at each of them.
        by_own: The intervals of both rows' own means don't overlap at each of them.
        ranks: The interval of a method's rank holds its true rank, over all methods.
    """

    groups: int
    covered: float
    halves: tuple[float, float]
    size: float
    by_test: tuple[float, ...]
    by_interval: tuple[float, ...]
    by_own: tuple[float, ...]
    ranks: float


def measure(population: Population, groups: int, repeats: int, seed: int) -> Measured:
    """Draw test sets, and count what intervals and tests of the first two methods find.

    True differences are set by adding a number to every score of the first method, whatever its bounds.

    Args:
        population: What the groups are drawn from.
        groups: How many groups each test set has, at least two.
        repeats: How many test sets.
        seed: Of the draws.
    """
    generator = np.random.default_rng([seed, groups])
    sums, sizes = np.empty((repeats, groups)), np.empty((repeats, groups))
    covered, skewness, by_interval, by_own, ranks = [], [], [], [], []
    true_ranks = 1 + (population.means[:, None] < population.means - 1e-9).sum(axis=1)
    for place in range(repeats):
        test = population.draw(generator, groups)
        sums[place], sizes[place] = test.sums[0] - test.sums[1], test.sizes
        skewness.append(_skewness(sums[place], sizes[place]))
        ends = ends_of(test)
        covered.append(ends.low <= population.difference <= ends.high)
        by_interval.append([not ends.low <= shift <= ends.high for shift in _shifts(population)])
        if place % OWN == 0:
            by_own.append(_apart(test, _shifts(population)))
        found = np.array(rank_intervals(test))
        ranks.append(((found[:, 0] <= true_ranks) & (true_ranks <= found[:, 1])).mean())
    centred = sums - population.difference * sizes
    p = sign_flip_p(np.concatenate([centred, *(centred + wanted * sizes for wanted in DIFFERENCES)]))
    size, *by_test = (p.reshape(-1, repeats) < ALPHA).mean(axis=1).tolist()
    return Measured(
        groups=groups,
        covered=float(np.mean(covered)),
        halves=_halves(np.array(covered), np.array(skewness)),
        size=size,
        by_test=tuple(by_test),
        by_interval=tuple(np.mean(by_interval, axis=0).tolist()),
        by_own=tuple(np.mean(by_own, axis=0).tolist()),
        ranks=float(np.mean(ranks)),
    )


def ends_of(test: Aligned) -> Ends:
    """The interval of the difference of the first two methods, as `pairs_of` gives it, without its p."""
    return difference_ends(joint_draws(test.only(test.names[:2])), 0, 1)


def _skewness(sums: Values, sizes: Values) -> float:
    """How skewed the differences of groups are about their mean, whatever its direction; 0 where all are alike."""
    rest = sums - sums.sum() / sizes.sum() * sizes
    spread = float((rest**2).mean())
    return abs(float((rest**3).mean())) / spread**1.5 if spread > 1e-20 else 0.0


def _halves(covered: Flags, skewness: Values) -> tuple[float, float]:
    """The coverage of the less skewed half of the test sets, and of the other one."""
    order = np.argsort(skewness, kind="stable")
    less, more = np.array_split(covered[order], 2)
    return float(less.mean()), float(more.mean())


def _shifts(population: Population) -> list[float]:
    """The difference that a method without one has where the first method is better by each of `DIFFERENCES`."""
    return [population.difference - wanted for wanted in DIFFERENCES]


def _apart(test: Aligned, shifts: list[float]) -> list[bool]:
    """Whether the own intervals of the first two methods don't overlap, once the first is moved down by each shift."""
    (low, high), (other_low, other_high) = (_own(test.images[place], test) for place in (0, 1))
    return [low - shift > other_high or high - shift < other_low for shift in shifts]


def _own(values: Values, test: Aligned) -> tuple[float, float]:
    found = interval_of_mean(values, test.groups)
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high
