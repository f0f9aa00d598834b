"""How rows of one budget compare: ranks with their uncertainty, tie groups, and what the ranking depends on.

Rows are compared in pairs, image by image, so that what makes an image easy or hard for all of them cancels. See
`polybench.results.statistics`.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from polybench.results.comparison import aligned, scored_run
from polybench.results.image_rows import Values
from polybench.results.layout import layout_of
from polybench.results.readings import title
from polybench.results.recomputed import is_mean
from polybench.results.record import Budget
from polybench.results.statistics.aligned import Aligned
from polybench.results.statistics.intervals import column
from polybench.results.statistics.pairs import Pair, pairs_of
from polybench.results.statistics.permutation import LEAST_GROUPS
from polybench.results.statistics.power import Detectable, detectable
from polybench.results.statistics.ranks import rank_intervals
from polybench.results.statistics.stability import Choice, aggregations, choices
from polybench.results.statistics.ties import tie_groups
from polybench.results.table import Group, Row, Score, budget_of

TESTED = 20
"""Rows of one budget that are tested in pairs, from the best one on."""


class Rank(NamedTuple):
    """The range of ranks of a row.

    Attributes:
        best: The best rank.
        worst: The worst one.
        of: How many rows are ranked together.
        tie: Number of its tie group, 1 for that of the best row; None where rows aren't tested in pairs.
    """

    best: int
    worst: int
    of: int
    tie: int | None = None


@dataclass(frozen=True)
class Standing:
    """How the rows of one budget compare under one protocol.

    Attributes:
        rows: The rows, best first; each has the metric that ranks.
        groups: Groups of their images.
        ranks: Anchor of a row -> its rank; empty where nothing is ranked, with fewer than `LEAST_GROUPS` groups.
        pairs: Every two of the best `TESTED` rows, by anchor; empty where the per-image tables don't determine the
            metric.
        detectable: What differences the images can show; None where unknown.
        choices: The same rows ranked otherwise.
    """

    rows: tuple[Row, ...]
    groups: int
    ranks: Mapping[str, Rank]
    pairs: tuple[Pair, ...]
    detectable: Detectable | None
    choices: tuple[Choice, ...]


def standings(group: Group, protocol: str, budget: Budget) -> list[Standing]:
    """Compare the rows of one budget class, those of each `budget_id` among themselves.

    Rows without an identity, or without the metric that ranks, are left out.

    Raises:
        DataError: If the per-image table of a row can't be read.
    """
    blocks: dict[str, list[Row]] = defaultdict(list)
    for row in group.rows(protocol, budget):
        block = budget_of(row)
        if block is not None and row.headline is not None:
            blocks[block].append(row)
    return [_standing(group, protocol, budget, rows) for rows in blocks.values()]


def _standing(group: Group, protocol: str, budget: Budget, rows: Sequence[Row]) -> Standing:
    groups = rows[0].first.record.metrics[protocol].groups
    metric = rows[0].layout.headline
    needed = [column(protocol, metric)] if is_mean(protocol, metric) else None
    runs = {row.anchor: [scored_run(run, needed) for run in row.runs] for row in rows}
    scores = aligned(runs, protocol, metric)
    if scores is None:
        intervals = overlapping([row.headline for row in rows if row.headline])
        ties: dict[str, int] = {}
        pairs: list[Pair] = []
        others: list[Choice] = []
    else:
        intervals = rank_intervals(scores) if groups >= LEAST_GROUPS else []
        best = [row.anchor for row in rows[:TESTED]]
        pairs = pairs_of(scores.only(best))
        ties = {name: number for number, names in enumerate(tie_groups(best, pairs), 1) for name in names}
        others = choices(scores.means, _otherwise(group, protocol, budget, rows, scores)) if len(rows) > 1 else []
    ranks = {}
    if groups >= LEAST_GROUPS:
        ranks = {
            row.anchor: Rank(low, high, len(rows), ties.get(row.anchor))
            for row, (low, high) in zip(rows, intervals, strict=True)
        }
    return Standing(
        rows=tuple(rows),
        groups=groups,
        ranks=ranks,
        pairs=tuple(pairs),
        detectable=None if scores is None else detectable(scores.only([row.anchor for row in rows[:TESTED]])),
        choices=tuple(others),
    )


def overlapping(scores: Sequence[Score]) -> list[tuple[int, int]]:
    """The best and the worst rank that the interval of each row allows, for rows that can't be compared in pairs.

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


def _otherwise(group: Group, protocol: str, budget: Budget, rows: Sequence[Row], scores: Aligned) -> dict[str, Values]:
    """Other scores of the same rows: aggregated otherwise, and by what represents each other protocol."""
    found = aggregations(scores)
    for other in group.protocols():
        if other.partition("@")[0] == protocol.partition("@")[0]:
            continue
        alike = {_runs(row): row for row in group.rows(other, budget)}
        same = [alike.get(_runs(row)) for row in rows]
        metrics = [first.first.record.metrics[other] for first in same[:1] if first is not None]
        for metric in (cell[0] for layout in map(layout_of, metrics) for cell in layout.compared):
            numbers = [row.scores[metric].goodness for row in same if row is not None and metric in row.scores]
            if len(numbers) == len(rows):
                found[f"{other} {title(metric)}"] = np.array(numbers)
    return found


def _runs(row: Row) -> tuple[str, ...]:
    return tuple(run.name for run in row.runs)
