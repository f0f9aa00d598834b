"""The paired signed-rank test (Wilcoxon, Biometrics Bulletin 1, 1945)."""

from scipy import stats

from polybench.results.image_rows import Values


def paired_wilcoxon(one: Values, other: Values) -> float:
    """Test whether paired numbers differ in location.

    Exact with at most 50 pairs without ties; pairs without a difference are left out.

    Args:
        one: A number of each subject, (n,).
        other: The same of the other method, (n,).

    Returns:
        The two-sided p value; 1 where no pair differs.

    Example:
        >>> paired_wilcoxon(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), np.zeros(6))  # 2 of the 64 signs
        0.03125
    """
    if not (one != other).any():
        return 1.0
    return float(stats.wilcoxon(one, other).pvalue)


def least_p(pairs: int) -> float:
    """The smallest p value that a number of pairs can reach.

    Example:
        >>> least_p(6)
        0.03125
    """
    return min(1.0, 2.0 ** (1 - pairs))
