"""Scores of a test for its record: every metric of a protocol, with its 95 % interval.

A mean over images has the interval of its column in the per-image table. For another number (one confusion matrix for
the set, the best threshold's mean) the images are resampled by whole groups and scored again.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from polybench.metrics import Protocol, Rows
from polybench.metrics.panel import image_table
from polybench.results.facts import MetricValue, ProtocolScores
from polybench.results.statistics.intervals import intervals_of, summarise


def all_scores(rows: Rows, protocols: Sequence[Protocol]) -> dict[str, ProtocolScores]:
    """`protocol@version` -> scores of the rows, for every protocol."""
    return {protocol.key: protocol_scores(rows, protocol) for protocol in protocols}


def protocol_scores(rows: Rows, protocol: Protocol) -> ProtocolScores:
    """Score a set under one protocol.

    Args:
        rows: At least one row, with the columns that the protocol reads.
        protocol: The protocol.
    """
    of_images = protocol.values(rows)
    means = {metric: way for metric, way in protocol.directions.items() if metric in of_images}
    summary = summarise(image_table(rows, (protocol,)), protocol.key, means)
    better = protocol.intervals(rows)
    ends = {**_intervals_of_aggregates(rows, protocol, set(better)), **better}
    values = {}
    for metric, value in protocol.scores(rows).items():
        low, high = ends.get(metric, (None, None))
        values[metric] = summary.values.get(metric) or MetricValue(value, low, high, protocol.directions[metric])
    return replace(
        summary,
        values=values,
        definition=protocol.paragraph,
        headline=protocol.headline,
        shown=protocol.shown,
        what=protocol.what,
        compared=protocol.compared,
        means=tuple(means),
    )


def _intervals_of_aggregates(rows: Rows, protocol: Protocol, known: AbstractSet[str]) -> dict[str, tuple[float, float]]:
    """Ends of the intervals of those metrics that are not means over images, but for those that are known."""
    reduced = protocol.reduce(rows)
    better = protocol.without_interval | known
    if protocol.aggregate(reduced).keys() <= better:
        return {}
    read = {name: column for name, column in reduced.columns.items() if reduced is not rows or name in protocol.columns}

    def drawn(places: npt.NDArray[np.intp]) -> dict[str, float]:
        ids, groups = [rows.ids[place] for place in places], [rows.groups[place] for place in places]
        numbers = protocol.aggregate(Rows(ids, groups, {name: column[places] for name, column in read.items()}))
        return {metric: number for metric, number in numbers.items() if metric not in better}

    return intervals_of(drawn, rows.groups)
