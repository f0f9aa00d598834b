"""Correction for several tests (Holm, Scandinavian Journal of Statistics 6, 1979)."""

import numpy as np

from polybench.results.image_rows import Values


def holm(p: Values) -> Values:
    """Adjust p values for their number: to call those below .05 significant errs in 5 % of the families of tests.

    Args:
        p: Values of a family of tests, (tests,).

    Returns:
        Adjusted values in the same order, (tests,).

    Example:
        >>> holm(np.array([0.01, 0.04, 0.03])).tolist()
        [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(np.minimum(p[order] * np.arange(len(p), 0, -1), 1.0))
    adjusted = np.empty_like(steps)
    adjusted[order] = steps
    return adjusted
