"""Every pair of methods: difference, interval, p after Holm, and how many images each of them wins."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from polybench.results.statistics.aligned import Aligned
from polybench.results.statistics.bootstrap import Ends, ends_of_differences, joint_draws
from polybench.results.statistics.multiple import holm
from polybench.results.statistics.permutation import sign_flip_p

ALPHA = 0.05


@dataclass(frozen=True)
class Pair:
    """One method minus another, on the same images.

    Attributes:
        method: The method.
        other: The one that is subtracted.
        difference: Mean over images and seeds.
        ends: Its 95 % interval; None with a single group.
        p: Of a sign-flip permutation test over groups, two-sided.
        adjusted: The same after Holm, over all pairs that were compared.
        won: Images on which the method is better; 0 as the next two where scores are not those of single images.
        lost: Images on which the other is better.
        tied: Images on which both are equal.
        median: The median difference over images.
    """

    method: str
    other: str
    difference: float
    ends: Ends | None
    p: float
    adjusted: float
    won: int
    lost: int
    tied: int
    median: float

    @property
    def superiority(self) -> float | None:
        """Effect size: share of the images on which the method is better, equal ones counted as half."""
        images = self.won + self.lost + self.tied
        return (self.won + self.tied / 2) / images if images else None

    @property
    def told_apart(self) -> bool:
        """Whether p after Holm is below 5 %, and the interval, which draws seeds too, doesn't reach 0."""
        return self.adjusted < ALPHA and self.ends is not None and not self.ends.low <= 0 <= self.ends.high


def pairs_of(aligned: Aligned, against: str | None = None) -> list[Pair]:
    """Compare every two methods, the earlier one minus the later one.

    Args:
        aligned: Scores, higher being better.
        against: A method that all others are compared with, each minus it; None for every two.

    Returns:
        The pairs; empty with a single method.
    """
    names = aligned.names
    places = list(combinations(range(len(names)), 2))
    if against is not None:
        base = names.index(against)
        places = [(place, base) for place in range(len(names)) if place != base]
    if not places:
        return []
    draws = joint_draws(aligned) if len(aligned.sizes) > 1 else None
    first, second = (list(side) for side in zip(*places, strict=True))
    p = sign_flip_p(aligned.sums[first] - aligned.sums[second])
    each = aligned.images[first] - aligned.images[second]
    columns = (
        (aligned.means[first] - aligned.means[second]).tolist(),
        [None] * len(places) if draws is None else ends_of_differences(draws, first, second),
        p.tolist(),
        holm(p).tolist(),
        *((sign.sum(axis=1) * aligned.each_image).tolist() for sign in (each > 0, each < 0, each == 0)),
        np.median(each, axis=1).tolist(),
    )
    return [Pair(names[one], names[other], *numbers) for (one, other), *numbers in zip(places, *columns, strict=True)]
