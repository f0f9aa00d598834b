"""The smallest true difference of two methods that a test set can be expected to show."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import stats

from polybench.results.statistics.aligned import Aligned
from polybench.results.statistics.bootstrap import CONFIDENCE, effective_groups

POWER = 0.8


@dataclass(frozen=True)
class Detectable:
    """What differences a test set can show.

    Attributes:
        groups: Groups of its images.
        pairs: Pairs of methods, neighbours in the ranking, whose differences tell how much images vary.
        of_images: Standard error of a difference of two methods by the choice of images; the median of the pairs.
        of_seeds: Standard deviation over seeds of one method's mean; None where no method has several seeds.
    """

    groups: float
    pairs: int
    of_images: float
    of_seeds: float | None

    def difference(self, seeds: int | None = None) -> float:
        """The true difference that a two-sided test at 5 % finds in four cases of five.

        Args:
            seeds: Seeds of each method; None for the trained nets themselves, whatever other seeds give.
        """
        freedom = max(self.groups - 1, 1.0)
        quantiles = stats.t.ppf([(1 + CONFIDENCE) / 2, POWER], freedom).sum()
        variance = self.of_images**2
        if seeds is not None and self.of_seeds is not None:
            variance += 2 * self.of_seeds**2 / seeds
        return float(quantiles) * math.sqrt(variance)


def detectable(aligned: Aligned) -> Detectable | None:
    """What differences the images of some methods can show; None with one method or one group.

    The standard error of a mean difference is that of the jackknife over groups (Tukey; Efron and Tibshirani, 1993, ch.
    11).

    Args:
        aligned: Scores of the methods.
    """
    total, sizes = aligned.sizes.sum(), aligned.sizes
    if len(aligned.names) < 2 or len(sizes) < 2:
        return None
    left_out = (aligned.sums.sum(axis=1, keepdims=True) - aligned.sums) / (total - sizes)
    shrink = (len(sizes) - 1) / len(sizes)
    errors = [
        math.sqrt(shrink * float((((one - other) - (one - other).mean()) ** 2).sum()))
        for one, other in pairwise(left_out[np.argsort(-aligned.means, kind="stable")])
    ]
    several = [values.mean(axis=1) for values in aligned.values.values() if len(values) > 1]
    of_seeds = None
    if several:
        squares = sum(float(((means - means.mean()) ** 2).sum()) for means in several)
        of_seeds = math.sqrt(squares / sum(len(means) - 1 for means in several))
    return Detectable(effective_groups(sizes), len(errors), float(np.median(errors)), of_seeds)
