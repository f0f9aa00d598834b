"""Scores of the test images of several records together, from their per-image tables alone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from polybench.results.facts import MetricValue, ProtocolScores
from polybench.results.recomputed import (
    OTHER_DRAWS,
    Number,
    Sample,
    every_image_once,
    groups_drawn,
    is_mean,
    numbers_of,
)
from polybench.results.statistics.intervals import interval_of_mean, values_of

if TYPE_CHECKING:
    import pandas as pd

Scores = Mapping[str, ProtocolScores]


def pooled_scores(
    folds: Sequence[Scores], rows: "pd.DataFrame"
) -> tuple[dict[str, ProtocolScores], dict[str, tuple[str, ...]]]:
    """Compute the scores of all rows together: means over them, and what follows from sums of their counts.

    An area under a curve is not pooled: the outputs of different nets are on no common scale (Forman and Scholz,
    "Apples-to-apples in cross-validation studies", SIGKDD Explorations 12(1), 2010).

    Args:
        folds: `protocol@version` -> scores of each record.
        rows: Their tables together.

    Returns:
        `protocol@version` -> scores with 95 % intervals over all groups, and `protocol@version` -> those metrics that
        the rows don't determine, which are left out.
    """
    once = every_image_once(rows)
    drawn = groups_drawn(rows, OTHER_DRAWS) if rows["group"].nunique() > 1 else None
    numbers = numbers_of(folds[0], rows)
    found: dict[str, ProtocolScores] = {}
    left_out: dict[str, tuple[str, ...]] = {}
    for key, scores in folds[0].items():
        values = {
            metric: _mean(rows, key, metric, stated)
            if is_mean(key, metric) and (key, metric) in numbers
            else _number(numbers[key, metric], stated, once, drawn)
            for metric, stated in scores.values.items()
            if (key, metric) in numbers and all(key in one and metric in one[key].values for one in folds)
        }
        lost = tuple(metric for metric in scores.values if metric not in values)
        if lost:
            left_out[key] = lost
        if values:
            found[key] = _scores(scores, values, [one[key] for one in folds], rows)
    return found, left_out


def _mean(rows: "pd.DataFrame", key: str, metric: str, stated: MetricValue) -> MetricValue:
    interval = interval_of_mean(values_of(rows, key, metric), rows["group"].tolist())
    return MetricValue(interval.value, interval.low, interval.high, stated.direction)


def _number(number: Number, stated: MetricValue, once: Sample, drawn: Sample | None) -> MetricValue:
    """A number that is no mean, with the interval of the draws of groups, of which there are none with a single one."""
    value = float(number(once)[0])
    if drawn is None:
        return MetricValue(value, None, None, stated.direction)
    low, high = np.quantile(number(drawn), [0.025, 0.975])
    return MetricValue(value, float(low), float(high), stated.direction)


def _scores(
    scores: ProtocolScores, values: Mapping[str, MetricValue], folds: Sequence[ProtocolScores], rows: "pd.DataFrame"
) -> ProtocolScores:
    """Scores of one protocol that name no metric that was left out, beside the headline."""
    compared = (tuple(name for name in cell if name in values) for cell in scores.compared)
    return replace(
        scores,
        n=len(rows),
        groups=rows["group"].nunique(),
        empty_masks=_sum([one.empty_masks for one in folds]),
        false_positives_on_empty=_sum([one.false_positives_on_empty for one in folds]),
        values=values,
        shown=tuple(name for name in scores.shown if name in values),
        compared=tuple(cell for cell in compared if cell),
        means=tuple(name for name in scores.means if name in values),
    )


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None
