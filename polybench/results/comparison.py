"""Rows that were tested on the same images as scores that can be compared image by image."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from polybench.core.errors import DataError
from polybench.results.facts import Direction, ProtocolScores
from polybench.results.image_rows import AnyRows, ImageRows, Values
from polybench.results.recomputed import POSITIVE, Sample, every_image_once, is_mean, numbers_of
from polybench.results.record import StoredRecord
from polybench.results.statistics.aligned import Aligned
from polybench.results.statistics.auc import auc_values
from polybench.results.statistics.intervals import column
from polybench.results.table_checks import PROBABILITY

OF_CANDIDATES = ("candidates@1/score", "candidates@1/positive", "candidates@1/candidate")


def image_values(metrics: Mapping[str, ProtocolScores], rows: AnyRows, protocol: str, metric: str) -> Values | None:
    """A value for each image, of which a metric is the mean.

    That of a mean is the column of the table. The area under the ROC curve of patches is the mean of their structural
    components, see `polybench.results.statistics.auc`; any other number that follows from the table is that of the
    jackknife's pseudo-values (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 11), shifted by their
    bias.

    Args:
        metrics: `protocol@version` -> scores of a record.
        rows: Its table.
        protocol: `protocol@version`.
        metric: A metric of the protocol.

    Returns:
        (images,); None where there is no such metric, or the table doesn't determine it.
    """
    if protocol not in metrics or metric not in metrics[protocol].values:
        return None
    if is_mean(protocol, metric) and column(protocol, metric) in rows.columns:
        values: Values = np.asarray(rows[column(protocol, metric)], dtype=np.float64)
        return values
    if protocol == "patches@1" and metric == "auc" and {PROBABILITY, POSITIVE} <= set(rows.columns):
        return auc_values(np.asarray(rows[PROBABILITY], dtype=np.float64), np.asarray(rows[POSITIVE]) > 0)
    if protocol == "candidates@1" and metric == "auc" and set(OF_CANDIDATES) <= set(rows.columns):
        return _of_candidates(*(np.asarray(rows[name], dtype=np.float64) for name in OF_CANDIDATES))
    number = numbers_of(metrics, rows).get((protocol, metric))
    if number is None or len(rows) < 2:
        return None
    whole = float(number(every_image_once(rows))[0])
    without = number(Sample(rows, 1.0 - np.eye(len(rows))))
    pseudo = len(rows) * whole - (len(rows) - 1) * without
    shifted: Values = pseudo - pseudo.mean() + whole
    return shifted


def _of_candidates(scores: Values, positive: Values, candidate: Values) -> Values:
    """Components of the area of candidates, (n,); an image without one adds nothing, so that it has the area itself."""
    kept = candidate > 0
    values = auc_values(scores[kept], positive[kept] > 0)
    found: Values = np.full(len(scores), values.mean())
    found[kept] = values
    return found


class ScoredRun(NamedTuple):
    """One run's scores of its test images.

    Attributes:
        name: What to call it in messages.
        metrics: `protocol@version` -> scores.
        table: One row per test image, sorted by id.
    """

    name: str
    metrics: Mapping[str, ProtocolScores]
    table: ImageRows


def scored_run(stored: StoredRecord, names: Collection[str] | None = None) -> ScoredRun:
    """The scores of a record.

    Args:
        stored: The record.
        names: Columns of its table that are needed, where they are known; None for all.

    Raises:
        RecordError: If its table can't be read.
    """
    return ScoredRun(stored.name, stored.record.metrics, stored.images if names is None else stored.table_with(names))


def aligned(rows: Mapping[str, Sequence[ScoredRun]], protocol: str, metric: str) -> Aligned | None:
    """The scores of several rows on the same images, higher being better.

    Args:
        rows: Name -> the runs of its seeds.
        protocol: `protocol@version`.
        metric: A metric of the protocol.

    Returns:
        The scores; None where a row lacks the metric, or its table doesn't determine it.

    Raises:
        DataError: If two rows were tested on different images, or have them in different groups.
    """
    runs = [run for found in rows.values() for run in found]
    for run in runs[1:]:
        _refuse_other_images(runs[0], run)
    values: dict[str, Values] = {}
    for name, found in rows.items():
        columns = [image_values(run.metrics, run.table, protocol, metric) for run in found]
        known = [column for column in columns if column is not None]
        if len(known) < len(columns):
            return None
        values[name] = np.stack(known) * sign_of(found[0].metrics[protocol].values[metric].direction)
    return Aligned(values, runs[0].table.groups, is_mean(protocol, metric)) if runs else None


def sign_of(direction: Direction) -> float:
    """What makes higher better."""
    return 1.0 if direction == "higher" else -1.0


def _refuse_other_images(first: ScoredRun, other: ScoredRun) -> None:
    ids, others = first.table.ids, other.table.ids
    if ids != others:
        raise DataError(
            f"'{first.name}' and '{other.name}' were tested on different images, such as "
            f"'{min(set(ids) ^ set(others))}': compare rows of one split."
        )
    if first.table.groups != other.table.groups:
        raise DataError(f"'{first.name}' and '{other.name}' have their images in different groups: check their tables.")
