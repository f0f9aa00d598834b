"""Sign-flip permutation test of paired differences: under the null hypothesis a group's difference has any sign.

Whole groups are flipped, since the images of a group are alike. Every pattern of signs is tried with up to 12 groups,
and a fixed number of random ones beyond. The smallest p that some groups can reach is `least_p`: with 3 groups .25,
with 4 .125, with 6 .031.
"""

from collections.abc import Iterator

import numpy as np

from polybench.results.image_rows import Values

EXACT_GROUPS = 12
FLIPS = 9_999
LEAST_GROUPS = 6
"""With fewer groups no test can reach p < .05."""

_BLOCK = 2_000
_TOLERANCE = 1e-9


def least_p(groups: int) -> float:
    """The smallest two-sided p that a test of so many groups can reach.

    Example:
        >>> least_p(3), least_p(6)
        (0.25, 0.03125)
    """
    return 2.0 ** (1 - groups) if groups <= EXACT_GROUPS else 1 / (FLIPS + 1)


def sign_flip_p(sums: Values) -> Values:
    """Two-sided p of the hypothesis that differences are as often positive as negative, image by image alike.

    Args:
        sums: Sum of the differences over the images of each group, (pairs, groups).

    Returns:
        p of each pair, (pairs,); 1 where no image differs.

    Example:
        >>> sign_flip_p(np.array([[3.0, 2.0, 1.0]])).tolist()  # the two of eight patterns with three equal signs
        [0.25]
    """
    groups = sums.shape[1]
    observed = np.abs(sums.sum(axis=1))
    limit = observed - _TOLERANCE * np.maximum(np.abs(sums).sum(axis=1), 1.0)
    extreme = np.zeros(len(sums))
    total = 0
    for signs in _signs(groups):
        extreme += (np.abs(signs @ sums.T) >= limit).sum(axis=0)
        total += len(signs)
    if groups > EXACT_GROUPS:
        extreme, total = extreme + 1, total + 1  # the pattern that was observed
    p: Values = extreme / total
    return p


def _signs(groups: int) -> Iterator[Values]:
    """Yield patterns of signs, (patterns, groups); of two opposite ones, which are as extreme, the first."""
    if groups <= EXACT_GROUPS:
        codes = np.arange(2 ** (groups - 1))[:, None]
        yield 1.0 - 2.0 * ((codes >> np.arange(groups)) & 1)
        return
    generator = np.random.default_rng(0)
    for start in range(0, FLIPS, _BLOCK):
        yield generator.choice(np.array([-1.0, 1.0]), (min(_BLOCK, FLIPS - start), groups))
