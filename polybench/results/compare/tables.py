"""A comparison as tables without markup."""

from collections.abc import Mapping

import numpy as np

from polybench.core.errors import DataError
from polybench.core.wording import listed
from polybench.results.compare.compared import Compared
from polybench.results.compare.rows import ComparedRow
from polybench.results.derived.cells import strata_table
from polybench.results.derived.seeds import Seeds
from polybench.results.derived.strata import strata
from polybench.results.quantities import quantity
from polybench.results.readings import title
from polybench.results.standing_parts import PAIR_COLUMNS, pair_cells
from polybench.results.statistics.intervals import column, interval_of_mean
from polybench.results.statistics.spread import spread_of
from polybench.results.tables import MISSING, Cell, Code, Column, Count, Number, Share, Table, Text, ends_cell, joined

RULE = "Two rows are told apart where p (Holm) is below .05 and the 95 % interval of the difference excludes 0."


def row_table(found: Compared, *, bold: bool = False) -> Table:
    """The rows, best first.

    Args:
        found: The comparison.
        bold: Show the scores of the best tie group as bold text.
    """
    columns = (
        *((Column("Tie group", "center"),) if found.ties else ()),
        Column("Row"),
        Column(title(found.metric), "left", found.direction, remark="(95 % interval)"),
        Column("Seeds"),
        Column("Seen in training"),
    )
    rows = tuple(
        (
            *((str(found.ties[row.name]),) if found.ties else ()),
            row.name,
            _score(found, place, bold=bold and found.ties.get(row.name) == 1),
            _seeds(row),
            row.budget or MISSING,
        )
        for place, row in enumerate(found.rows)
    )
    return Table(columns, rows, title=heading(found), notes=found.notes)


def pairs_table(found: Compared) -> Table:
    """Every two rows: difference, interval, p, images won and lost, and the share of images won."""
    columns = (Column("Row"), *PAIR_COLUMNS[1:], Column("Superiority", "right", optional=True))
    rows = tuple(
        (
            pair.method,
            pair.other,
            *pair_cells(pair, found.sign),
            MISSING if pair.superiority is None else Share(pair.superiority, 0),
        )
        for pair in found.pairs
    )
    return Table(columns, rows, title="Paired differences", notes=(RULE,))


def image_table(found: Compared, *, every: bool = False) -> Table:
    """The images on which the rows' scores are furthest apart, that one first.

    Args:
        found: The comparison.
        every: All images, by id.
    """
    columns = (
        Column("Number", "right"),
        Column(found.one.capitalize(), wrap=False),
        Column("Group", optional=True),
        *(Column(row.name, "right") for row in found.rows),
        Column("Furthest apart", "right"),
    )
    images = found.scores.images * found.sign
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            Count(number),
            Code(found.ids[place]),
            Code(found.scores.groups[place]),
            *(Number(value) for value in images[:, place]),
            Number(float(np.ptp(images[:, place]))),
        )
        for number, place in enumerate(range(len(found.ids)) if every else found.most_different(), 1)
    )
    return Table(columns, rows, title=f"{found.what.capitalize()} that differ most")


def class_tables(found: Compared, name: str, labels: Mapping[str, str]) -> list[Table]:
    """The scores of each row by classes of images, with the worst group of each.

    Args:
        found: The comparison.
        name: What the classes are, such as `centre`.
        labels: Image id -> its class.

    Raises:
        DataError: If the metric isn't a mean over images.
    """
    name_of_column = column(found.protocol, found.metric)
    tables = []
    for row in found.rows:
        if any(name_of_column not in run.table.columns for run in row.runs):
            raise DataError(f"{found.metric} of {found.protocol} is no mean over images: choose another --metric.")
        each = strata(Seeds([run.table for run in row.runs]), name_of_column, labels, direction=found.direction)
        tables.append(
            strata_table(f"{title(found.metric)} of {row.name} by {name}", title(found.metric), each, found.direction)
        )
    return tables


def heading(found: Compared) -> str:
    """What is compared, on which images."""
    data = next((row.dataset for row in found.rows if row.dataset), None)
    what = f"{title(found.metric)} of {found.protocol}"
    groups = len(found.scores.sizes)
    images = f"{len(found.ids)} {found.what} in {groups} group{'s' if groups > 1 else ''}"
    if data is None:
        return f"{what} on {images}"
    splits = listed(list(dict.fromkeys(row.dataset.split for row in found.rows if row.dataset)))
    return f"{what} on {data.name}, {splits}, {images}"


def _score(found: Compared, place: int, *, bold: bool) -> Cell:
    """Mean over seeds and images, its spread over seeds and its own interval."""
    values = found.scores.values[found.rows[place].name] * found.sign
    of_seeds = values.mean(axis=1).tolist()
    interval = interval_of_mean(values.mean(axis=0), found.scores.groups)
    number = Number(interval.value, spread=spread_of(of_seeds))
    return joined((Text(quantity(number), "strong") if bold else number, ends_cell(interval.low, interval.high)))


def _seeds(row: ComparedRow) -> Cell:
    return MISSING if row.seeds is None else ", ".join(map(str, row.seeds))
