"""How often a 95 % interval of a difference holds the true one, as `tools/interval_coverage.py` measures it."""

PROMISED = 0.93
"""Coverage that a reader needn't be warned of."""

COVERAGE = {
    3: (0.796, 0.966),
    4: (0.782, 0.966),
    6: (0.827, 0.965),
    12: (0.869, 0.942),
    26: (0.88, 0.943),
    50: (0.916, 0.959),
    120: (0.937, 0.964),
}
"""Groups -> lowest and highest coverage over the tool's populations, as in `leaderboards/statistics.md`."""


def coverage(groups: int) -> tuple[int, float, float]:
    """The measured coverage for some number of groups.

    Args:
        groups: Groups of a test set, at least two.

    Returns:
        The largest number of groups that was measured and isn't above it, or the smallest that was measured; the lowest
        and the highest coverage with so many.
    """
    measured = max((known for known in COVERAGE if known <= groups), default=min(COVERAGE))
    return measured, *COVERAGE[measured]


def coverage_note(groups: int) -> str | None:
    """A sentence for the reader where intervals of differences may be too narrow; None elsewhere.

    The number of groups alone decides: a test set without the rare images on which a method fails doesn't look skewed.

    Args:
        groups: Groups of the test set; with a single one there are no intervals.
    """
    if groups < 2:
        return None
    measured, low, high = coverage(groups)
    if low >= PROMISED:
        return None
    return (
        f"With {groups} groups the 95 % intervals of differences may be too narrow: in simulated tests of {measured} "
        f"groups they held the true difference in {100 * low:.0f} to {100 * high:.0f} % of the cases."
    )
