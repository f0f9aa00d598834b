"""The parts of a dataset's page, as tables without markup."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from polybench.results import quantities
from polybench.results.derived.audits import Audit
from polybench.results.derived.page_sections import derived_sections
from polybench.results.derived.row_numbers import Numbers
from polybench.results.details import Details, details
from polybench.results.fact_parts import SELECTS_ON_TEST
from polybench.results.facts import DatasetFacts
from polybench.results.methods import MethodPart, method_parts
from polybench.results.notes import baseline_note, row_notes, table_notes, versions_of_nets
from polybench.results.panel import panel_of
from polybench.results.pooled_part import FoldsPart, folds_part
from polybench.results.ranking import standings
from polybench.results.readings import title
from polybench.results.record import Budget, StoredRecord
from polybench.results.standing_parts import choice_table, pair_table, standing_notes
from polybench.results.table import (
    BUDGETS,
    RANKED_BUDGETS,
    Group,
    Row,
    anchor_of,
    finished,
)
from polybench.results.tables import MISSING, Cell, Column, Link, Marks, Number, Table, Text, joined
from polybench.results.view import COST_COLUMNS, cost_cells, label, score_cells, score_columns

BUDGET_TITLES: Mapping[Budget | None, str] = {
    "published": "Budget published: trained with the settings of the paper",
    "reduced": "Budget reduced: trained with less than the settings of the paper, or with others",
    "smoke": "Budget smoke: trained for moments to show that everything runs, never ranked",
    None: "Baselines",
}


@dataclass(frozen=True)
class Ranking:
    """One budget class.

    Attributes:
        budget: The class; None for baselines alone.
        current: Whether a page leads with it: not where all rows are of the smoke budget, or without an identity.
        scores: The ranked table; the rows of baselines end it, and are in no other table.
        costs: What the training of each row took; empty without trained rows.
        comparisons: Paired differences of rows, and how else they can be ranked.
        details: Details of the trained rows.
    """

    budget: Budget | None
    current: bool
    scores: Table
    costs: Table
    comparisons: tuple[Table, ...]
    details: tuple[Details, ...]


@dataclass(frozen=True)
class Baselines:
    """Baselines that one command scores, in the test of a run.

    Attributes:
        commands: The command; one for each seed of a baseline.
        needs: What it needs in addition.
        rows: Details of the baselines.
    """

    commands: tuple[str, ...]
    needs: tuple[str, ...]
    rows: tuple[Details, ...]


@dataclass(frozen=True)
class Listing:
    """A further protocol's metrics, unranked; `older` where it is an earlier version of the ranked one."""

    protocol: str
    older: bool
    table: Table


@dataclass(frozen=True)
class PagePart:
    """One comparable set of images, or of patches, and the protocol that ranks it; `folds` where folds were pooled.

    Six digits identify it on the page, `place`.
    """

    place: str
    dataset: DatasetFacts
    ranked: str
    headline: str
    definition: str | None
    rankings: tuple[Ranking, ...]
    baselines: tuple[Baselines, ...]
    methods: tuple[MethodPart, ...]
    panel: Table | None
    listings: tuple[Listing, ...]
    folds: FoldsPart | None
    derived: tuple[Table, ...]


def page_part(
    group: Group, protocols: Iterable[str], audit: Audit | None = None, numbers: Numbers | None = None
) -> PagePart:
    """The part of a page that one group of records fills.

    Args:
        group: The group.
        protocols: Those of all records of the dataset, which determine the newest version of the ranked one.
        audit: The audit of the dataset, which derived numbers need; None where there is none.
        numbers: Derived numbers that are known; None for none.
    """
    ranked, place = newest_version(group.dataset.ranked_by, protocols), place_of(group.dataset)
    baselines = group.baselines(ranked)
    budgets = [budget for budget in BUDGETS if group.rows(ranked, budget)]
    folds = folds_part(group.records)
    rankings = [_ranking(group, ranked, budget, baselines, folds) for budget in budgets]
    if baselines and not rankings:
        rankings = [_ranking(group, ranked, None, baselines, folds)]
    made = [details(row, ranked) for row in baselines]
    places = {found.anchor for found in (*made, *(found for one in rankings for found in one.details))}
    rows = [
        (Link(label(row.first.record, group.ambiguous), anchor=row.anchor), row)
        for budget in budgets
        for row in group.rows(ranked, budget)
    ]
    return PagePart(
        place=place,
        dataset=group.dataset,
        ranked=ranked,
        headline=_headline(group, ranked),
        definition=_definition(group.records, ranked),
        rankings=tuple(rankings),
        baselines=_by_command(made),
        methods=method_parts(rows, place),
        panel=panel_of(group, ranked, places),
        listings=tuple(_listing(group, name, ranked, places) for name in group.protocols() if name != ranked),
        folds=folds,
        derived=derived_sections(
            [(name, row) for name, row in rows if _is_ranked(row)], ranked, audit, numbers or Numbers()
        ),
    )


def _is_ranked(row: Row) -> bool:
    return row.first.record.budget in RANKED_BUDGETS


def place_of(dataset: DatasetFacts) -> str:
    """Six digits that identify a group of images on the page."""
    images = (dataset.manifest_sha256, dataset.split_sha256, dataset.patches_sha256 or "")
    return sha256("|".join(images).encode()).hexdigest()[:6]


def newest_version(protocol: str, protocols: Iterable[str]) -> str:
    """The newest `protocol@version` of some."""
    names = {name for name in protocols if name.split("@")[0] == protocol}
    return max(names, key=lambda name: int(name.split("@")[1]), default=f"{protocol}@1")


def _definition(records: Iterable[StoredRecord], protocol: str) -> str | None:
    """What a protocol is, from the newest record that defines it."""
    texts = {
        finished(one): one.record.metrics[protocol].definition for one in records if protocol in one.record.metrics
    }
    return next((texts[when] for when in sorted(texts, reverse=True) if texts[when] is not None), None)


def _headline(group: Group, protocol: str) -> str:
    """Title of the metric that ranks under a protocol; empty where no record has it."""
    rows = [row for budget in (*BUDGETS, None) for row in group.rows(protocol, budget)]
    return title(rows[0].layout.headline) if rows else ""


def _ranking(
    group: Group, protocol: str, budget: Budget | None, baselines: Sequence[Row], folds: FoldsPart | None
) -> Ranking:
    """One budget class, best row first; None makes a table of the baselines alone."""
    place = place_of(group.dataset)
    rows = group.rows(protocol, budget) if budget is not None else []
    ranked = budget in RANKED_BUDGETS and (folds is None or folds.complete)
    found = standings(group, protocol, budget) if ranked and budget is not None else []
    ranks = {anchor: rank for standing in found for anchor, rank in standing.ranks.items()}
    tied = any(rank.tie and rank.of > 1 for rank in ranks.values())
    letters: dict[Cell, str] = {}
    versions = versions_of_nets(rows)
    scores = []
    for row in rows:
        marks = tuple(letters.setdefault(note, _letter(len(letters))) for note in row_notes(row, versions, place))
        name = Link(label(row.first.record, group.ambiguous), anchor=row.anchor)
        cell = joined((name, Marks(marks))) if marks else name
        scores.append(score_cells(row, cell, ranks.get(row.anchor), protocol, tied=tied))
    recipes = Counter(row.first.record.recipe for row in baselines)
    for row in baselines:
        record = row.first.record
        size = Text(f"at {quantities.scored_at(record.dataset)}", "emphasis")
        link = Link(label(record, group.ambiguous), anchor=row.anchor)
        scores.append(
            score_cells(row, joined((link, size)) if recipes[record.recipe] > 1 else link, None, protocol, tied=tied)
        )
    notes = [folds.note] if folds and folds.note else []
    notes += standing_notes(found)
    notes += baseline_note(rows, baselines)
    notes += table_notes(group.dataset, [*rows, *baselines], protocol)
    notes += [joined((Marks((letter,)), note)) for note, letter in letters.items()]
    names = {row.anchor: label(row.first.record, group.ambiguous) for row in rows}
    costs = tuple(cost_cells(row, label(row.first.record, group.ambiguous)) for row in rows)
    return Ranking(
        budget,
        budget is None or any(_is_ranked(row) and row.first.record.identity for row in rows),
        Table(
            score_columns([*rows, *baselines][0], tied=tied), tuple(scores), _title(budget, group.dataset), tuple(notes)
        ),
        Table(COST_COLUMNS, costs, f"What each row took{', all folds of a seed together' if folds else ''}"),
        tuple(table for table in (pair_table(found, names), choice_table(found)) if table),
        tuple(details(row, protocol) for row in rows),
    )


def _title(budget: Budget | None, dataset: DatasetFacts) -> str:
    chosen = budget is not None and dataset.split.startswith(SELECTS_ON_TEST)
    return BUDGET_TITLES[budget] + (", chosen on the test images" if chosen else "")


def _by_command(rows: Sequence[Details]) -> tuple[Baselines, ...]:
    """Baselines with the same command and needs are put together, so that each command is shown once."""
    found: dict[tuple[tuple[str, ...], tuple[str, ...]], list[Details]] = {}
    for row in rows:
        found.setdefault((row.commands, row.needs), []).append(row)
    return tuple(Baselines(commands, needs, tuple(alike)) for (commands, needs), alike in found.items())


def _listing(group: Group, protocol: str, ranked: str, places: Collection[str]) -> Listing:
    """All rows of a further protocol, by budget and name; those with details above are linked."""
    rows = [
        (budget, row)
        for budget in (*BUDGETS, None)
        for row in sorted(group.rows(protocol, budget), key=lambda row: row.anchor)
    ]
    directions = {name: score.direction for _, row in rows for name, score in row.scores.items()}
    columns = [Column(name, "right", way) for name, way in directions.items()]
    lines: list[tuple[Cell, ...]] = []
    for budget, row in rows:
        name = label(row.first.record, group.ambiguous)
        if (anchor := anchor_of(row.first, ranked, group.dataset)) in places:
            name = Link(name, anchor=anchor)
        found = [row.scores.get(key) for key in directions]
        cells = [MISSING if score is None else Number(score.value, spread=score.spread) for score in found]
        lines.append((name, budget or MISSING, *cells))
    older = protocol.split("@")[0] == group.dataset.ranked_by
    return Listing(protocol, older, Table((Column("Recipe"), Column("Budget"), *columns), tuple(lines), protocol))


def _letter(index: int) -> str:
    """The letter of a note: a to z, then aa, ab and so on."""
    return ("" if index < 26 else _letter(index // 26 - 1)) + chr(ord("a") + index % 26)
