"""From records to rows: what is comparable stands together, seeds are averaged, ranks carry their uncertainty."""

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import get_args

import pandas as pd

from polybench.errors import DataError
from polybench.results.facts import GENERATED, DatasetFacts, Direction
from polybench.results.record import Budget, StoredRecord, row_name
from polybench.results.statistics import column, interval_of_mean

BUDGETS: tuple[Budget, ...] = get_args(Budget)
RANKED_BUDGETS: tuple[Budget, ...] = ("published", "reduced")
HEADLINES = ("dice", "auc")
"""What rows are ordered by, the first that a protocol has."""


@dataclass(frozen=True)
class Score:
    """One metric of a row; `spread` is the standard deviation over seeds, None with one seed."""

    value: float
    spread: float | None
    low: float | None
    high: float | None
    direction: Direction


@dataclass(frozen=True)
class Repeats:
    """Runs of one seed after the first: how many runs in all, and how far apart their headline metric lies."""

    runs: int
    difference: float


@dataclass(frozen=True)
class Row:
    """One recipe with one configuration under one protocol.

    Attributes:
        anchor: Name of the row's place on the page; it depends on the row alone.
        runs: The first run of each seed, by seed.
        every_run: The repeated runs too.
        scores: Metric -> score over `runs`.
        empty_masks: Test images with an empty mask, None where not counted.
        false_positives: Mean over seeds of those with a prediction.
        repeats: None when no seed ran twice.
    """

    anchor: str
    runs: tuple[StoredRecord, ...]
    every_run: tuple[StoredRecord, ...]
    scores: Mapping[str, Score]
    empty_masks: int | None
    false_positives: float | None
    repeats: Repeats | None

    @property
    def first(self) -> StoredRecord:
        """The run that stands for what all seeds share."""
        return self.runs[0]


@dataclass(frozen=True)
class Group:
    """Records that saw the same images in the same subsets; a protocol and a budget make them comparable.

    What is said of the images is said by the record that was finished last.
    """

    dataset: DatasetFacts
    records: tuple[StoredRecord, ...]

    def protocols(self) -> list[str]:
        """The protocols of its records, see `protocols_of`."""
        return protocols_of(self.records, self.dataset.ranked_by)

    def baselines(self, protocol: str) -> list[Row]:
        """The trivial baselines, best first.

        One that scores the same at several input sizes, or was scored anew under more protocols, stands once, with
        its most telling record.
        """
        distinct: dict[tuple[object, ...], Row] = {}
        for row in self.rows(protocol, None):
            values = (row.first.record.recipe, *((name, score.value) for name, score in row.scores.items()))
            known = distinct.setdefault(values, row)
            if len(row.first.record.metrics) > len(known.first.record.metrics):
                distinct[values] = row
        return list(distinct.values())

    def rows(self, protocol: str, budget: Budget | None) -> list[Row]:
        """The rows of one table, best first (None gives the baselines)."""
        cells: dict[str, list[StoredRecord]] = defaultdict(list)
        for stored in self.records:
            if stored.record.budget == budget and protocol in stored.record.metrics:
                cells[row_name(stored.record)].append(stored)
        rows = [_row(runs, protocol, self.dataset) for runs in cells.values()]
        return sorted(rows, key=lambda row: (-_goodness(headline(row).value, headline(row)), row.anchor))


def newest(records: Iterable[StoredRecord]) -> StoredRecord:
    """The record that was finished last."""
    return max(records, key=finished)


def finished(stored: StoredRecord) -> tuple[datetime, str]:
    """When a record was finished; its name breaks ties."""
    return datetime.fromisoformat(stored.record.provenance.finished_at), stored.name


def protocols_of(records: Iterable[StoredRecord], ranked: str) -> list[str]:
    """The protocols of records: in the records' order, the ranked one first, and the newest version of each first."""
    keys = list(dict.fromkeys(protocol for stored in records for protocol in stored.record.metrics))
    names = list(dict.fromkeys(key.partition("@")[0] for key in keys))

    def place(key: str) -> tuple[bool, int, int]:
        name, _, version = key.partition("@")
        return name != ranked, names.index(name), -int(version)

    return sorted(keys, key=place)


def headline_name(metrics: Iterable[str]) -> str:
    """The metric that rows are ordered by: Dice, else the area under the ROC curve, else the protocol's first."""
    names = list(metrics)
    return next((name for name in HEADLINES if name in names), names[0])


def headline(row: Row) -> Score:
    """The score that rows are ordered by."""
    return row.scores[headline_name(row.scores)]


def groups_of(records: Iterable[StoredRecord]) -> list[Group]:
    """Sort one dataset's records into groups: official copies first, generated ones last, then by split and hashes."""
    cells: dict[tuple[object, ...], list[StoredRecord]] = defaultdict(list)
    for stored in sorted(records, key=lambda stored: stored.name):
        facts = stored.record.dataset
        place = (GENERATED in facts.copy_notes, not facts.official_copy)
        patches = facts.patches_sha256 or ""
        cells[*place, facts.split, facts.split_sha256, facts.manifest_sha256, patches].append(stored)
    return [Group(newest(cells[key]).record.dataset, tuple(cells[key])) for key in sorted(cells, key=repr)]


def rank_intervals(rows: Sequence[Row]) -> list[tuple[int, int]]:
    """The best and the worst rank that each row's 95 % interval allows.

    Best is 1 + the number of rows whose whole interval is better; worst is the number of rows, itself included, whose
    interval reaches its own or lies above it. A row without an interval could stand anywhere.

    Args:
        rows: The rows of one table.

    Returns:
        A pair for each row, in the same order.
    """
    bounds = [_bounds(headline(row)) for row in rows]
    return [
        (1 + sum(other_low > high for other_low, _ in bounds), sum(other_high >= low for _, other_high in bounds))
        for low, high in bounds
    ]


def _bounds(score: Score) -> tuple[float, float]:
    """Ends of an interval on a scale where higher is better."""
    if score.low is None or score.high is None:
        return -math.inf, math.inf
    low, high = _goodness(score.low, score), _goodness(score.high, score)
    return min(low, high), max(low, high)


def _goodness(value: float, score: Score) -> float:
    return value if score.direction == "higher" else -value


def _row(cell: Sequence[StoredRecord], protocol: str, dataset: DatasetFacts) -> Row:
    """Average the seeds of one configuration; `cell` holds all of its runs, repeats included."""
    every_run = sorted(cell, key=lambda stored: (stored.record.seed, stored.repeat))
    by_seed: dict[int, list[StoredRecord]] = defaultdict(list)
    for stored in every_run:
        by_seed[stored.record.seed].append(stored)
    runs = [repeats[0] for repeats in by_seed.values()]
    shared = set.intersection(*(set(run.record.metrics[protocol].values) for run in every_run))
    metrics = [metric for metric in runs[0].record.metrics[protocol].values if metric in shared]
    is_ranked = protocol.split("@")[0] == dataset.ranked_by
    if not metrics or (is_ranked and not set(HEADLINES) & set(metrics)):
        raise DataError(
            f"The runs of '{row_name(runs[0].record)}' lack the metrics of {protocol}: check their records."
        )
    scores = {metric: _score(runs, protocol, metric) for metric in metrics}
    best = headline_name(metrics)
    if len(runs) > 1 and is_ranked and best != "auc":
        scores[best] = _with_interval(scores[best], runs, column(protocol, best))
    counts = [run.record.metrics[protocol].false_positives_on_empty for run in runs]
    return Row(
        anchor=anchor_of(runs[0], protocol, dataset),
        runs=tuple(runs),
        every_run=tuple(every_run),
        scores=scores,
        empty_masks=runs[0].record.metrics[protocol].empty_masks,
        false_positives=None if None in counts else statistics.fmean(count or 0 for count in counts),
        repeats=_repeats(list(by_seed.values()), protocol, best),
    )


def _score(runs: Sequence[StoredRecord], protocol: str, metric: str) -> Score:
    """One metric over seeds; only a single run brings its interval along."""
    values = [run.record.metrics[protocol].values[metric] for run in runs]
    if len(values) == 1:
        return Score(values[0].value, None, values[0].low, values[0].high, values[0].direction)
    numbers = [value.value for value in values]
    return Score(statistics.fmean(numbers), statistics.stdev(numbers), None, None, values[0].direction)


def _with_interval(score: Score, runs: Sequence[StoredRecord], name: str) -> Score:
    """Add the interval of each image's mean over the seeds; needs the CSVs beside the records."""
    tables = [run.rows() for run in runs]
    for run, table in zip(runs, tables, strict=True):
        if name not in table.columns:
            raise DataError(f"The per-image table of '{run.path}' has no column '{name}'.")
        if table["id"].tolist() != tables[0]["id"].tolist():
            raise DataError(f"'{run.path}' and '{runs[0].path}' were tested on different images: check their CSVs.")
    means = pd.concat([table[name] for table in tables], axis=1).mean(axis=1)
    interval = interval_of_mean(means.to_numpy(), tables[0]["group"].tolist())
    return replace(score, low=interval.low, high=interval.high)


def _repeats(by_seed: Sequence[Sequence[StoredRecord]], protocol: str, metric: str) -> Repeats | None:
    """Compare the runs of each seed that ran more than once."""
    repeated = [
        [run.record.metrics[protocol].values[metric].value for run in runs] for runs in by_seed if len(runs) > 1
    ]
    if not repeated:
        return None
    return Repeats(max(map(len, repeated)), max(max(values) - min(values) for values in repeated))


def anchor_of(stored: StoredRecord, protocol: str, dataset: DatasetFacts) -> str:
    """Name a row's place: `<row name>-<6 digits>`, where the digits tell the table; no other record can change it."""
    table = (dataset.manifest_sha256, dataset.split_sha256, protocol, str(stored.record.budget))
    return f"{row_name(stored.record)}-{sha256('|'.join(table).encode()).hexdigest()[:6]}".lower()
