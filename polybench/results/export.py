"""The tables of a leaderboard for a paper, a spreadsheet or the terminal, instead of a page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

from polybench.core.errors import ConfigError, did_you_mean
from polybench.results.derived.audits import read_audit
from polybench.results.folds import pooled
from polybench.results.page import checked_records, render_page, require_root
from polybench.results.page_parts import PagePart, page_part
from polybench.results.record import StoredRecord, recorded_datasets
from polybench.results.render import csv, latex, terminal
from polybench.results.table import groups_of
from polybench.results.tables import Cell, Column, Table

Form = Literal["markdown", "csv", "latex", "terminal"]
FORMS: tuple[Form, ...] = get_args(Form)
_GROUP_COLUMNS = ("Dataset", "Split", "Images", "Manifest sha256", "Protocol", "Budget")


def exported(root: Path, datasets: Sequence[str], form: Form, width: int = terminal.WIDTH) -> str:
    """The leaderboards of datasets as text.

    `markdown` is the page. `terminal` and `latex` are the ranked tables, those of methods, and the comparison of
    protocols. `csv` is one table of all ranked rows.

    Args:
        root: The folder of the leaderboards.
        datasets: Which of them; all where there are none.
        form: What to write.
        width: Of the terminal.

    Raises:
        ConfigError: If a dataset has no records.
        DataError: If `root` doesn't exist or a record can't be read.
    """
    require_root(root)
    recorded = recorded_datasets(root)
    for name in datasets:
        if name not in recorded:
            known = f"recorded are {', '.join(recorded)}" if recorded else "there are none at all"
            raise ConfigError(
                f"There are no records of '{name}' in '{root / 'records'}': {known}.{did_you_mean(name, recorded)}"
            )
    chosen = {name: checked_records(root, name) for name in datasets or recorded}
    if form == "markdown":
        return "\n".join(render_page(name, records, read_audit(root, name)) for name, records in chosen.items())
    if form == "csv":
        return ranked_csv(chosen)
    tables = [table for name, records in chosen.items() for table in _tables(name, records, form)]
    match form:
        case "latex":
            return "\n".join(map(latex.table_text, tables))
        case "terminal":
            return "\n".join(terminal.table_text(table, width) for table in tables)


def ranked_csv(records: Mapping[str, Sequence[StoredRecord]]) -> str:
    """All ranked rows as one table of CSV.

    Args:
        records: Dataset -> its records, checked.
    """
    return csv.tables_text([table for name, found in records.items() for table in _tables(name, found, "csv")])


def _tables(dataset: str, records: Sequence[StoredRecord], form: Form) -> Iterator[Table]:
    protocols = {name for stored in records for name in stored.record.metrics}
    for group in groups_of(pooled(records)):
        part = page_part(group, protocols)
        if form == "csv":
            yield from _ranked(dataset, part)
            continue
        images = f"{dataset}, split {part.dataset.split}, {part.dataset.copy} {part.dataset.manifest_sha256[:8]}"
        for ranking in part.rankings:
            title = f"{images}, {part.ranked} ranked by {part.headline}. {ranking.scores.title}"
            yield replace(ranking.scores, title=title)
        for method in part.methods:
            yield replace(method.table, title=f"{images}. {method.title}", notes=(method.note,) if method.note else ())
        if part.panel:
            yield replace(part.panel, title=f"{images}. {part.panel.title}")


def _ranked(dataset: str, part: PagePart) -> Iterator[Table]:
    """The ranked tables with columns for what makes rows comparable."""
    data = part.dataset
    columns = tuple(map(Column, _GROUP_COLUMNS))
    for ranking in part.rankings:
        budget = ranking.budget or ""
        group: tuple[Cell, ...] = (dataset, data.split, data.copy, data.manifest_sha256, part.ranked, budget)
        scores = ranking.scores
        yield Table((*columns, *scores.columns), tuple((*group, *row) for row in scores.rows), scores.title)
