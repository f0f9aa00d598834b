"""Ranks with their uncertainty, among rows of one budget."""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from polybench.results.table import Row, Score, budget_of


class Rank(NamedTuple):
    """The range of ranks of a row.

    Attributes:
        best: The best rank that the intervals allow.
        worst: The worst one.
        of: How many rows are ranked together.
    """

    best: int
    worst: int
    of: int


def ranks(rows: Sequence[Row]) -> list[Rank | None]:
    """Rank the rows of one budget class, those of each `budget_id` among themselves.

    Returns:
        A rank for each row, in the same order; None for one without an identity or without the metric that ranks.
    """
    blocks: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        block = budget_of(row)
        if block is not None and row.headline is not None:
            blocks[block].append(place)
    found: list[Rank | None] = [None] * len(rows)
    for places in blocks.values():
        scores = [score for place in places if (score := rows[place].headline)]
        for place, (best, worst) in zip(places, rank_intervals(scores), strict=True):
            found[place] = Rank(best, worst, len(places))
    return found


def rank_intervals(scores: Sequence[Score]) -> list[tuple[int, int]]:
    """The best and the worst rank that each row's 95 % interval allows.

    Best is 1 + the number of rows whose whole interval is better; worst is the number of rows, itself included, whose
    interval reaches its own or is above it. A row without an interval could have any rank.

    Args:
        scores: What ranks each row.

    Returns:
        A pair for each row, in the same order.
    """
    bounds = [_bounds(score) for score in scores]
    return [
        (1 + sum(other_low > high for other_low, _ in bounds), sum(other_high >= low for _, other_high in bounds))
        for low, high in bounds
    ]


def _bounds(score: Score) -> tuple[float, float]:
    """Ends of an interval on a scale where higher is better."""
    if score.low is None or score.high is None:
        return -math.inf, math.inf
    return (score.low, score.high) if score.direction == "higher" else (-score.high, -score.low)
