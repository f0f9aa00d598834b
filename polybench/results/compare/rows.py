"""Rows found by name: those of the leaderboards, and tables that `polybench score --csv` wrote."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from polybench.core.errors import ConfigError, DataError, did_you_mean
from polybench.core.wording import listed
from polybench.results.comparison import ScoredRun, scored_run
from polybench.results.facts import DatasetFacts, Direction, MetricValue, ProtocolScores
from polybench.results.folds import pooled
from polybench.results.image_rows import ImageRows
from polybench.results.page import checked_records, refuse_unrecorded, require_root
from polybench.results.record import StoredRecord, recorded_datasets, row_id, row_name
from polybench.results.table import BUDGETS, Group, groups_of
from polybench.results.table_columns import COUNTS, is_stored
from polybench.results.view import name_of

PIXELS = frozenset({"hd95", "assd"})
"""Metrics of images that are lengths; all others are fractions."""
LOWER = frozenset({"hd95", "assd", "mae"})
"""Metrics of images of which less is better, for tables that don't say it."""


@dataclass(frozen=True)
class ComparedRow:
    """A row that is compared.

    Attributes:
        name: What it is called, unique among the rows.
        runs: The scores of its seeds.
        seeds: Its seeds; None for predictions of unknown origin.
        dataset: Its images; None for predictions of unknown origin.
        budget: What it saw in training; None where unknown, or for a baseline.
        ranked: The `protocol@version` that ranks its dataset; None for predictions of unknown origin.
        mark: What tells it from another row of its name: its row id, or the folder of its table.
    """

    name: str
    runs: tuple[ScoredRun, ...]
    seeds: tuple[int, ...] | None = None
    dataset: DatasetFacts | None = None
    budget: str | None = None
    ranked: str | None = None
    mark: str = ""


@dataclass(frozen=True)
class _Candidate:
    """A row of a leaderboard, and the names by which it is found."""

    runs: tuple[StoredRecord, ...]
    group: Group
    ranked: str

    @property
    def names(self) -> set[str]:
        """Its names, those of single runs aside."""
        record = self.runs[0].record
        bare = f"{record.recipe}-{record.variant}" if record.variant else record.recipe
        return {name_of(record), bare, row_name(record), row_id(record)}

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        record = self.runs[0].record
        return f"{row_name(record)} ({self.group.dataset.name}, {self.group.dataset.split})"


def distinct_names(rows: Sequence[ComparedRow]) -> list[ComparedRow]:
    """Give rows of one name their row ids, and tables of one name their folders."""
    names = [row.name for row in rows]
    return [replace(row, name=f"{row.name} {row.mark}") if names.count(row.name) > 1 else row for row in rows]


class Rows:
    """The rows of the leaderboards.

    Args:
        root: The folder of the leaderboards.
        dataset: The dataset whose rows are looked up; None for all.
        split: The split whose rows are looked up; None for all.
        names: What will be looked up, so that datasets without such a row needn't be read.

    Raises:
        ConfigError: If there are no records of the dataset, or of the split.
        DataError: If there is no such folder, or a record can't be read.
    """

    def __init__(
        self, root: Path, dataset: str | None = None, split: str | None = None, names: Sequence[str] = ()
    ) -> None:
        require_root(root)
        known = recorded_datasets(root)
        if dataset is not None:
            refuse_unrecorded(root, dataset, known)
        self.root = root
        self._candidates = [
            found
            for name in ([dataset] if dataset else _holding(root, known, names))
            for found in _candidates(checked_records(root, name))
        ]
        splits = {found.group.dataset.split for found in self._candidates}
        if split is not None:
            if split not in splits:
                raise ConfigError(f"No row of '{root}' was tested on the split '{split}'.{did_you_mean(split, splits)}")
            self._candidates = [found for found in self._candidates if found.group.dataset.split == split]

    def named(self, name: str) -> ComparedRow:
        """The row of a name: a recipe, with its variant, its row id, the name of one run, or a table of one's own.

        Raises:
            ConfigError: If there is no such row, or several have the name.
            DataError: If a table can't be read.
        """
        if name.endswith(".csv"):
            return own_table(Path(name))
        stem = Path(name).stem if name.endswith(".json") else name
        single = [(one, run) for one in self._candidates for run in one.runs if run.name == stem]
        if single:
            candidate, run = single[0]
            return _compared(stem, candidate, (run,))
        found = [one for one in self._candidates if stem in one.names]
        if not found:
            known = sorted({known for one in self._candidates for known in one.names})
            hint = did_you_mean(stem, known) or " `polybench leaderboard --format terminal` lists the rows."
            raise ConfigError(f"'{self.root}' has no row '{name}'.{hint}")
        if len(found) > 1:
            places = [one.place for one in found]
            raise ConfigError(f"'{name}' names {len(found)} rows: give one of {listed(places)}, or --dataset, --split.")
        return _compared(name_of(found[0].runs[0].record), found[0], found[0].runs)

    def of_images(self, ids: Sequence[str], manifest_sha256: str) -> list[ComparedRow]:
        """The rows that were tested on some images, best first within each budget, baselines last.

        Args:
            ids: The images, sorted.
            manifest_sha256: Hash of the copy they are of.

        Raises:
            DataError: If there are none.
        """
        found = [
            _compared(f"{name_of(one.runs[0].record)} {row_id(one.runs[0].record)}", one, one.runs)
            for one in self._candidates
            if manifest_sha256 == one.group.dataset.manifest_sha256 and one.runs[0].images.ids == tuple(ids)
        ]
        if not found:
            places = dict.fromkeys(f"{one.group.dataset.split} ({one.group.dataset.copy})" for one in self._candidates)
            raise DataError(
                f"No row of '{self.root}' was tested on these {len(ids)} images of this copy; its rows are of "
                f"{listed(list(places))}: give --split <split>/test."
            )
        return found


def _holding(root: Path, datasets: Sequence[str], names: Sequence[str]) -> Sequence[str]:
    """The datasets with a record of one of some names; all of them where a name is in none, or there are no names.

    Files of records are named by recipe, variant, row id and seed, in this order, with hyphens between.
    """
    wanted = [name.split()[0].partition("-")[0] for name in names if not name.endswith(".csv") and name.strip()]
    parts = {
        dataset: {part for path in (root / "records" / dataset).glob("*.json") for part in path.stem.split("-")}
        for dataset in datasets
    }
    if not wanted or not set(wanted) <= set().union(*parts.values()):
        return datasets
    return [dataset for dataset in datasets if not parts[dataset].isdisjoint(wanted)]


def own_table(path: Path) -> ComparedRow:
    """A per-image table that `polybench score --csv` wrote.

    Raises:
        DataError: If it can't be read, lacks ids or groups, has an id twice, or has no scores.
    """
    try:
        table = pd.read_csv(path, dtype={"id": str, "group": str}, keep_default_na=False)
    except OSError as error:
        raise DataError(f"The table '{path}' can't be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise DataError(f"The table '{path}' can't be read: {error}.") from error
    for name in ("id", "group"):
        if name not in table.columns:
            commas = " with commas between its columns" if any(";" in str(one) for one in table.columns) else ""
            raise DataError(f"The table '{path}' has no column '{name}': write it with polybench score --csv{commas}.")
    if (twice := table["id"][table["id"].duplicated()]).size:
        raise DataError(f"The table '{path}' has the id '{twice.iloc[0]}' twice: each image has one row.")
    found = own_row(path.stem, table)
    if not found.runs[0].metrics:
        raise DataError(f"The table '{path}' has no column of scores: write it with polybench score --csv.")
    return replace(found, mark=str(path.parent))


def own_row(name: str, table: pd.DataFrame) -> ComparedRow:
    """Anyone's scores as a row; those metrics that are means over images.

    Args:
        name: What to call it.
        table: One row per image: `id`, `group`, and columns such as `per_image@2/dice`.
    """
    if not len(table):
        raise DataError(f"'{name}' has no rows: score at least one image.")
    metrics: dict[str, dict[str, MetricValue]] = {}
    for column in map(str, table.columns):
        protocol, _, metric = column.partition("/")
        if "@" not in protocol or metric in COUNTS or is_stored(column):
            continue
        values = pd.to_numeric(table[column], errors="coerce")
        if not np.isfinite(values).all():
            image = table["id"].iloc[int(np.flatnonzero(~np.isfinite(values))[0])]
            raise DataError(f"'{name}' has no number for '{image}' in the column '{column}': score it again.")
        if metric not in PIXELS and (values.min() < 0 or values.max() > 1):
            raise DataError(f"'{name}' has values beyond 0 to 1 in the column '{column}': scores are fractions.")
        direction: Direction = "lower" if metric in LOWER else "higher"
        metrics.setdefault(protocol, {})[metric] = MetricValue(float(values.mean()), None, None, direction)
    n, groups = len(table), table["group"].nunique()
    scores = {key: ProtocolScores(n, groups, None, None, values) for key, values in metrics.items()}
    return ComparedRow(name, (ScoredRun(name, scores, _numbers(table)),))


def _numbers(table: pd.DataFrame) -> ImageRows:
    """A table's columns of numbers, sorted by id."""
    rows = table.sort_values("id", ignore_index=True)
    others = [name for name in rows.columns if name in ("id", "group") or pd.api.types.is_numeric_dtype(rows[name])]
    return ImageRows.of(rows[others])


def _candidates(records: Sequence[StoredRecord]) -> Iterator[_Candidate]:
    for group in groups_of(pooled(records)):
        known: set[str] = set()
        for ranked in group.protocols():  # the one that ranks comes first, then its earlier versions
            if known and ranked.partition("@")[0] != group.dataset.ranked_by:
                continue
            for row in [row for budget in BUDGETS for row in group.rows(ranked, budget)] + group.baselines(ranked):
                if known.isdisjoint(run.name for run in row.runs):
                    known |= {run.name for run in row.runs}
                    yield _Candidate(row.runs, group, ranked)


def _compared(name: str, candidate: _Candidate, runs: Sequence[StoredRecord]) -> ComparedRow:
    record = runs[0].record
    return ComparedRow(
        name=name,
        runs=tuple(map(scored_run, runs)),
        seeds=tuple(run.record.seed for run in runs) if record.kind == "trained" else None,
        dataset=candidate.group.dataset,
        budget=record.identity.budget_id if record.identity else None,
        ranked=candidate.ranked,
        mark=row_id(record),
    )
