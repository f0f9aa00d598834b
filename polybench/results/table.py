"""Rows of comparable records, averaged over seeds."""

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import NamedTuple, get_args

import numpy as np

from polybench.core.errors import DataError
from polybench.results.facts import GENERATED, DatasetFacts, Direction, IdentityFacts
from polybench.results.folds import every_part_of, parts_of
from polybench.results.image_rows import ImageRows
from polybench.results.layout import Layout, layout_of_all
from polybench.results.record import Budget, Record, StoredRecord, row_name
from polybench.results.statistics.draws import intervals_of_means
from polybench.results.statistics.intervals import column
from polybench.results.statistics.spread import spread_of

BUDGETS: tuple[Budget, ...] = get_args(Budget)
RANKED_BUDGETS: tuple[Budget, ...] = ("published", "reduced")


class Score(NamedTuple):
    """One metric of a row; `spread` is the standard deviation over seeds, None with one seed."""

    value: float
    spread: float | None
    low: float | None
    high: float | None
    direction: Direction

    @property
    def goodness(self) -> float:
        """The value on a scale where higher is better."""
        return self.value if self.direction == "higher" else -self.value


@dataclass(frozen=True)
class Repeats:
    """Runs of one seed after the first: how many runs in all, and how far apart their headline metric lies."""

    runs: int
    difference: float


@dataclass(frozen=True)
class Row:
    """The seeds of one training and one evaluation, under one protocol.

    Attributes:
        anchor: Name of the row's place on the page; it depends on the row alone.
        layout: What ranks it, and what is shown beside that.
        runs: The first run of each seed, by seed.
        every_run: The repeated runs too.
        scores: Metric -> score over `runs`.
        empty_masks: Test images with an empty mask, None where not counted.
        false_positives: Mean over seeds of those with a prediction.
        repeats: None when no seed ran twice.
    """

    anchor: str
    layout: Layout
    runs: tuple[StoredRecord, ...]
    every_run: tuple[StoredRecord, ...]
    scores: Mapping[str, Score]
    empty_masks: int | None
    false_positives: float | None
    repeats: Repeats | None

    @property
    def first(self) -> StoredRecord:
        """The run from which what all seeds share is read."""
        return self.runs[0]

    @property
    def parts(self) -> tuple[StoredRecord, ...]:
        """The runs behind `runs`: several of each seed where folds are pooled."""
        return tuple(part for run in self.runs for part in parts_of(run))

    @property
    def every_part(self) -> tuple[StoredRecord, ...]:
        """The runs behind `every_run`."""
        return tuple(part for run in self.every_run for part in every_part_of(run))

    @property
    def headline(self) -> Score | None:
        """The score that ranks the row; None where the protocol defines none for its images."""
        return self.scores.get(self.layout.headline)

    @property
    def identity(self) -> IdentityFacts | None:
        """What its seeds share; None for baselines, and for records of schemas 1 and 2."""
        return self.first.record.identity


@dataclass(frozen=True)
class Group:
    """Records that saw the same images in the same subsets; a protocol and a budget make them comparable.

    The description of the images is that of the record that was finished last.
    """

    dataset: DatasetFacts
    records: tuple[StoredRecord, ...]
    _tables: dict[tuple[str, Budget | None], list[Row]] = field(default_factory=dict, init=False, compare=False)

    @cached_property
    def ambiguous(self) -> frozenset[tuple[str, str | None]]:
        """Recipes, with their variants, of which several rows differ in something else."""
        keys: dict[tuple[str, str | None], set[object]] = defaultdict(set)
        for record in (stored.record for stored in self.records if stored.record.kind == "trained"):
            keys[record.recipe, record.variant].add(row_key(record))
        return frozenset(name for name, found in keys.items() if len(found) > 1)

    def protocols(self) -> list[str]:
        """The protocols of its records, see `protocols_of`."""
        return protocols_of(self.records, self.dataset.ranked_by)

    def baselines(self, protocol: str) -> list[Row]:
        """The trivial baselines, best first.

        One that scores the same at several input sizes, or was scored again under more protocols, is listed once,
        with the record of most protocols.
        """
        distinct: dict[tuple[object, ...], Row] = {}
        for row in self.rows(protocol, None):
            values = (row.first.record.recipe, *((name, score.value) for name, score in row.scores.items()))
            known = distinct.setdefault(values, row)
            if len(row.first.record.metrics) > len(known.first.record.metrics):
                distinct[values] = row
        return list(distinct.values())

    def rows(self, protocol: str, budget: Budget | None) -> list[Row]:
        """The rows of one table (None gives the baselines).

        Those of one `budget_id` are together, best first, and the `budget_id` of the best row comes first. Rows
        without an identity come last.
        """
        key = protocol, budget
        if key not in self._tables:
            self._tables[key] = self._rows(protocol, budget)
        return list(self._tables[key])

    @cached_property
    def _latest(self) -> list[StoredRecord]:
        """The records, the one that was finished last first."""
        return sorted(self.records, key=finished, reverse=True)

    @cached_property
    def _cells(self) -> dict[Budget | None, list[list[StoredRecord]]]:
        """The runs of each row of a budget, by seed and repeat, under whichever protocols."""
        cells: dict[Budget | None, dict[object, list[StoredRecord]]] = defaultdict(lambda: defaultdict(list))
        for stored in sorted(self.records, key=lambda stored: (stored.record.seed, stored.repeat)):
            cells[stored.record.budget][row_key(stored.record)].append(stored)
        return {budget: list(of_budget.values()) for budget, of_budget in cells.items()}

    def _rows(self, protocol: str, budget: Budget | None) -> list[Row]:
        cells = [having for runs in self._cells.get(budget, []) if (having := _scored(runs, protocol))]
        if not cells:
            return []
        layout = layout_of_all(stored.record.metrics[protocol] for stored in _scored(self._latest, protocol))
        rows = [_row(runs, protocol, layout, self.dataset) for runs in cells]
        if protocol.partition("@")[0] == self.dataset.ranked_by:
            rows = _with_intervals(rows, column(protocol, layout.headline))
        best: dict[str | None, float] = {}
        for row in rows:
            best[budget_of(row)] = max(_goodness(row), best.get(budget_of(row), -math.inf))

        def place(row: Row) -> tuple[bool, float, str, float, str]:
            block = budget_of(row)
            return block is None, -best[block], block or "", -_goodness(row), row.anchor

        return sorted(rows, key=place)


def _scored(runs: Iterable[StoredRecord], protocol: str) -> list[StoredRecord]:
    """Those that were scored under a protocol."""
    return [stored for stored in runs if protocol in stored.record.metrics]


def row_key(record: Record) -> object:
    """What the seeds of one row share: training and evaluation, or the name where a record has no identity."""
    if record.identity is None:
        return row_name(record)
    return record.identity.training_id, record.identity.evaluation_id


def budget_of(row: Row) -> str | None:
    """The `budget_id` within which a row is ranked; None where it has no identity."""
    return row.identity.budget_id if row.identity else None


def newest(records: Iterable[StoredRecord]) -> StoredRecord:
    """The record that was finished last."""
    return max(records, key=finished)


def finished(stored: StoredRecord) -> tuple[datetime, str]:
    """When a record was finished; its name breaks ties."""
    return datetime.fromisoformat(stored.record.provenance.finished_at), stored.name


def protocols_of(records: Iterable[StoredRecord], ranked: str) -> list[str]:
    """The protocols of records: in the records' order, the ranked one first, and the newest version of each first."""
    return ordered_protocols((stored.record.metrics for stored in records), ranked)


def ordered_protocols(lists: Iterable[Iterable[str]], ranked: str) -> list[str]:
    """The protocols of some lists, in the order of `protocols_of`."""
    keys = list(dict.fromkeys(protocol for one in lists for protocol in one))
    names = list(dict.fromkeys(key.partition("@")[0] for key in keys))

    def place(key: str) -> tuple[bool, int, int]:
        name, _, version = key.partition("@")
        return name != ranked, names.index(name), -int(version)

    return sorted(keys, key=place)


def groups_of(records: Iterable[StoredRecord]) -> list[Group]:
    """Sort one dataset's records into groups: official copies first, generated ones last, then by split and hashes."""
    cells: dict[str, list[StoredRecord]] = defaultdict(list)
    for stored in sorted(records, key=lambda stored: stored.name):
        cells[group_key(stored.record.dataset)].append(stored)
    return [Group(newest(cells[key]).record.dataset, tuple(cells[key])) for key in sorted(cells)]


def group_key(facts: DatasetFacts) -> str:
    """What the records of a group share, in the order of the groups on a page."""
    place = (GENERATED in facts.copy_notes, not facts.official_copy)
    return repr((*place, facts.split, facts.split_sha256, facts.manifest_sha256, facts.patches_sha256 or ""))


def _goodness(row: Row) -> float:
    """A row's headline on a scale where higher is better; lowest without one."""
    return -math.inf if row.headline is None else row.headline.goodness


def _row(every_run: Sequence[StoredRecord], protocol: str, layout: Layout, dataset: DatasetFacts) -> Row:
    """Average the seeds of one row, of all its runs by seed and repeat."""
    by_seed: dict[int, StoredRecord] = {}
    for stored in every_run:
        by_seed.setdefault(stored.record.seed, stored)
    runs = list(by_seed.values())
    scores, best = _scores(runs, every_run, protocol), layout.headline
    counts = [run.record.metrics[protocol].false_positives_on_empty for run in runs]
    return Row(
        anchor=anchor_of(runs[0], protocol, dataset),
        layout=layout,
        runs=tuple(runs),
        every_run=tuple(every_run),
        scores=scores,
        empty_masks=runs[0].record.metrics[protocol].empty_masks,
        false_positives=None if None in counts else statistics.fmean(count or 0 for count in counts),
        repeats=_repeats(every_run, protocol, best) if best in scores else None,
    )


def _scores(runs: Sequence[StoredRecord], every_run: Sequence[StoredRecord], protocol: str) -> dict[str, Score]:
    """The metrics that every run has, over seeds; only a single run brings its intervals along."""
    shared, *others = [run.record.metrics[protocol].values for run in every_run]
    if others:
        shared = {name: one for name, one in shared.items() if all(name in values for values in others)}
    if len(runs) == 1:
        return {name: Score(one.value, None, one.low, one.high, one.direction) for name, one in shared.items()}
    found = [run.record.metrics[protocol].values for run in runs]
    scores = {}
    for name, one in shared.items():
        numbers = [values[name].value for values in found]
        scores[name] = Score(math.fsum(numbers) / len(numbers), spread_of(numbers), None, None, one.direction)
    return scores


def _with_intervals(rows: Sequence[Row], name: str) -> list[Row]:
    """Rows with the intervals of a metric over several seeds, from the CSVs.

    The interval is that of each image's mean over the seeds; a metric that is no mean over images has none.

    Args:
        rows: The rows.
        name: The metric's column.
    """
    found, alike = list(rows), defaultdict(list)
    for place, row in enumerate(rows):
        tables = _tables_of(row, name) if len(row.runs) > 1 and row.headline else []
        if tables:
            means = np.mean([table[name] for table in tables], axis=0)
            alike[tables[0].groups].append((place, means))
    for groups, members in alike.items():  # which share their draws
        intervals = intervals_of_means(np.stack([means for _, means in members]), groups)
        for (place, _), interval in zip(members, intervals, strict=True):
            row, metric = found[place], found[place].layout.headline
            score = row.scores[metric]._replace(low=interval.low, high=interval.high)
            found[place] = replace(row, scores={**row.scores, metric: score})
    return found


def _tables_of(row: Row, name: str) -> list[ImageRows]:
    """The tables of a row's seeds; empty where none has the column."""
    tables = [run.table_with([name]) for run in row.runs]
    if not any(name in table.columns for table in tables):
        return []
    for run, table in zip(row.runs, tables, strict=True):
        if name not in table.columns:
            raise DataError(f"The per-image table of '{run.path}' has no column '{name}'.")
        if table.ids != tables[0].ids:
            raise DataError(f"'{run.path}' and '{row.first.path}' were tested on different images: check their CSVs.")
    return tables


def _repeats(every_run: Sequence[StoredRecord], protocol: str, metric: str) -> Repeats | None:
    """Compare the runs of each seed, and fold, that ran more than once."""
    if len(every_run) == 1 and len(every_part_of(every_run[0])) == 1:
        return None
    alike: dict[object, list[float]] = defaultdict(list)
    for record in (part.record for run in every_run for part in every_part_of(run)):
        alike[record.seed, record.dataset.fold].append(record.metrics[protocol].values[metric].value)
    repeated = [values for values in alike.values() if len(values) > 1]
    if not repeated:
        return None
    return Repeats(max(map(len, repeated)), max(max(values) - min(values) for values in repeated))


def anchor_of(stored: StoredRecord, protocol: str, dataset: DatasetFacts) -> str:
    """Name of a row's place, `<row name>-<6 digits of its table>`, which no other record can change."""
    table = "|".join((dataset.manifest_sha256, dataset.split_sha256, protocol, str(stored.record.budget)))
    return f"{row_name(stored.record)}-{_six_digits(table)}".lower()


@lru_cache(maxsize=1024)
def _six_digits(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:6]
