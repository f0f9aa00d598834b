"""Sections of methods on a page: their tables, their facts, and what they add to the cost of a row."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from polybench.results import sections
from polybench.results.record import Record
from polybench.results.sections import Section, Value
from polybench.results.statistics.spread import spread_of
from polybench.results.table import Row
from polybench.results.tables import (
    MISSING,
    Bytes,
    Cell,
    Column,
    Count,
    Number,
    Seconds,
    Share,
    Table,
    distinct,
    joined,
)

LONG = 24
"""Rows of a method's table above which a page folds it."""


@dataclass(frozen=True)
class MethodPart:
    """A method's part of a page.

    Attributes:
        title: Its heading.
        note: Sentences below the heading.
        table: The rows of its runs.
        anchor: Name of its place on the page.
    """

    title: str
    note: str
    table: Table
    anchor: str


def is_altered(record: Record) -> bool:
    """Whether a method changed what was tested, so that the record is no plain test of its checkpoint."""
    return any(section.alters for section in record.sections.values())


def altering(record: Record) -> list[Section]:
    """The sections of the methods that changed what was tested."""
    return [section for section in record.sections.values() if section.alters]


def further_parameters(record: Record) -> list[int]:
    """Parameters of other nets that took part in a test, one number for each method that used some."""
    found = (section.added_parameters for section in record.sections.values())
    return [count for count in found if count is not None]


def evaluations_of(record: Record) -> float | None:
    """How often the net runs for one image; None where no method states it."""
    found = [section.evaluations for section in record.sections.values() if section.evaluations is not None]
    return max(found, default=None)


def method_facts(runs: Sequence[Record]) -> list[tuple[str, Cell]]:
    """Label -> text for the runs of a row; where they differ between seeds or folds, the text of each."""
    found: dict[str, dict[str, str]] = {}
    for run in runs:
        for section in run.sections.values():
            for name, text in section.facts.items():
                found.setdefault(name, {})[run_name(run)] = text
    facts: list[tuple[str, Cell]] = []
    for name, texts in found.items():
        alike = len(set(texts.values())) == 1 and len(texts) == len(runs)
        facts.append((name, distinct(text if alike else f"seed {run}: {text}" for run, text in texts.items())))
    return facts


def method_parts(rows: Sequence[tuple[Cell, Row]], place: str) -> tuple[MethodPart, ...]:
    """The parts of a page that methods fill, in the order in which their names first occur.

    Args:
        rows: What to call a row, and the row, in the order of the page.
        place: Digits that identify the group of images, for the anchors.
    """
    found: dict[str, list[tuple[Cell, list[tuple[Record, Section]]]]] = {}
    for name, row in rows:
        runs = [part.record for part in row.parts]
        for method in dict.fromkeys(key for run in runs for key in run.sections):
            every = [(run, run.sections.get(method)) for run in runs]
            having = [(run, section) for run, section in every if section is not None and section.rows]
            if having:
                found.setdefault(method, []).append((name, having))
    return tuple(_part(method, lines, place) for method, lines in found.items())


def upright_table(section: Section) -> Table:
    """The table of one section with a line for each of its columns, which fits where the table is too wide."""
    first, *others = section.columns
    rows = section.rows
    head = (Column(first.header), *(Column(_cell(first, [row.get(first.key)]), "right") for row in rows))
    lines = ((one.header, *(_cell(one, [row.get(one.key)]) for row in rows)) for one in others)
    return Table(head, tuple(lines), title=section.title)


def part_anchor(section: Section, place: str) -> str:
    """Name of the place of a method's part on the page."""
    words = "".join(char if char.isascii() and char.isalnum() else "-" for char in section.title.lower())
    return f"{words}-{place}"


def _part(method: str, lines: Sequence[tuple[Cell, list[tuple[Record, Section]]]], place: str) -> MethodPart:
    """One method's table: the columns of all its sections, the rows of each row of the page."""
    every = [section for _, found in lines for _, section in found]
    columns = {column.key: column for section in reversed(every) for column in reversed(section.columns)}
    ordered = tuple(columns[key] for key in dict.fromkeys(column.key for one in every for column in one.columns))
    rows = tuple(
        (name, seeds, *(_cell(column, [row.get(column.key) for row in alike]) for column in ordered))
        for name, found in lines
        for seeds, alike in _alike(found)
    )
    head = (Column("Recipe"), Column("Seeds"), *map(_column, ordered))
    notes = " ".join(dict.fromkeys(section.note for section in every if section.note))
    return MethodPart(every[0].title, notes, Table(head, rows, title=every[0].title), part_anchor(every[0], place))


def run_name(record: Record) -> str:
    """A run among those of its row: its seed, and its fold."""
    fold = record.dataset.fold
    return str(record.seed) if fold is None else f"{record.seed} (fold {fold.number})"


def _alike(found: Sequence[tuple[Record, Section]]) -> Iterable[tuple[str, list[Mapping[str, Value]]]]:
    """Seeds and their rows that make one line: rows in the same place; each run's own where their numbers differ."""
    if len({len(section.rows) for _, section in found}) > 1:
        return [(run_name(run), [row]) for run, section in found for row in section.rows]
    seeds = ", ".join(dict.fromkeys(str(run.seed) for run, _ in found))
    return [(seeds, list(rows)) for rows in zip(*(section.rows for _, section in found), strict=True)]


def _column(column: sections.Column) -> Column:
    return Column(column.header, "left" if column.kind == "text" else "right", column.direction)


def _cell(column: sections.Column, values: Sequence[Value]) -> Cell:
    """Values of several seeds in one cell: texts side by side, numbers averaged."""
    texts = [value for value in values if isinstance(value, str)]
    if texts:
        return joined(dict.fromkeys(texts), "; ")
    numbers = [value for value in values if isinstance(value, int | float)]
    if not numbers:
        return MISSING
    mean = statistics.fmean(numbers)
    spread = spread_of(numbers)
    match column.kind:
        case "seconds":
            return Seconds(mean)
        case "bytes":
            return Bytes(round(mean))
        case "share":
            return Share(mean, column.decimals)
        case "count":
            return Count(round(mean)) if spread is None else Number(mean, 1, spread)
        case _:
            return Number(mean, column.decimals, spread)
