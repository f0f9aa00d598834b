"""The page's table of the same predictions under every protocol: a line for each row, and no rank."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from polybench.results import quantities
from polybench.results.facts import Direction
from polybench.results.readings import readings, title
from polybench.results.record import Budget, StoredRecord
from polybench.results.table import BUDGETS, Group, Row, Score, anchor_of, row_key
from polybench.results.tables import MISSING, Cell, Code, Column, Joined, Link, Number, Table, Text, joined
from polybench.results.view import label


@dataclass(frozen=True)
class _Line:
    """One configuration: its row under each protocol, all of the same runs."""

    budget: Budget | None
    rows: Mapping[str, Row]

    @property
    def main(self) -> Row:
        """Its row under the first protocol, the ranked one where there is one."""
        return next(iter(self.rows.values()))


@dataclass(frozen=True)
class _Cells:
    """What a column shows: metrics of one protocol, and which way is better."""

    protocol: str
    metrics: tuple[str, ...]
    direction: Direction


def panel_of(group: Group, ranked: str, places: Collection[str]) -> Table | None:
    """Make the table of a group; None where no run was scored under several protocols.

    Args:
        group: The group.
        ranked: The protocol that the page ranks by.
        places: Anchors on the page.
    """
    alike = _alike(group)
    lines = [line for budget in (*BUDGETS, None) for line in _lines(alike, budget)]
    if not lines:
        return None
    columns = _columns(group.protocols(), lines)
    sizes = {
        (line.main.first.record.recipe, quantities.scored_at(line.main.first.record.dataset))
        for line in lines
        if not line.budget
    }
    several = Counter(recipe for recipe, _ in sizes)
    rows = []
    for line in lines:
        record = line.main.first.record
        anchor = anchor_of(line.main.first, ranked, group.dataset)
        name = label(record, group.ambiguous)
        name = Link(name, anchor=anchor) if anchor in places else name
        if line.budget is None and several[record.recipe] > 1:
            name = joined((name, Text(f"at {quantities.scored_at(record.dataset)}", "emphasis")))
        rows.append((name, line.budget or MISSING, *(_cell(line, column) for column in columns)))
    head = [
        Column(
            joined((Code(column.protocol), _titles(column.metrics))),
            "right",
            column.direction,
            optional=column.protocol != columns[0].protocol,
        )
        for column in columns
    ]
    return Table((Column("Recipe"), Column("Budget"), *head), tuple(rows), "The same predictions under every protocol")


def _alike(group: Group) -> list[Group]:
    """The group; runs of one row that were not all scored under the same protocols are in groups of their own."""
    protocols: dict[object, set[frozenset[str]]] = defaultdict(set)
    for record in (stored.record for stored in group.records):
        protocols[row_key(record)].add(frozenset(record.metrics))
    if all(len(found) == 1 for found in protocols.values()):
        return [group]
    alike: dict[frozenset[str], list[StoredRecord]] = defaultdict(list)
    for stored in group.records:
        several = len(protocols[row_key(stored.record)]) > 1
        alike[frozenset(stored.record.metrics if several else ())].append(stored)
    return [Group(group.dataset, tuple(records)) for records in alike.values()]


def _lines(alike: Sequence[Group], budget: Budget | None) -> list[_Line]:
    """The lines of one budget in the order of the ranked table; seeds that lack a protocol make a line of their own."""
    lines = []
    for runs in alike:
        by_name = {
            protocol: {row_key(row.first.record): row for row in runs.rows(protocol, budget)}
            for protocol in runs.protocols()
        }
        names = dict.fromkeys(name for rows in by_name.values() for name in rows)
        found = [{protocol: rows[name] for protocol, rows in by_name.items() if name in rows} for name in names]
        lines += [_Line(budget, rows) for rows in found if len(rows) > 1]
    return sorted(lines, key=lambda line: -line.main.headline.goodness if line.main.headline else 0.0)


def _columns(protocols: Sequence[str], lines: Sequence[_Line]) -> list[_Cells]:
    """The columns of all protocols; one column for metrics that share it."""
    columns: dict[_Cells, None] = {}
    for protocol in protocols:
        rows = [line.rows[protocol] for line in lines if protocol in line.rows]
        scores: dict[str, Score] = {}
        for row in rows:
            scores |= row.scores
        for cell in rows[0].layout.compared if rows else ():
            shown = tuple(metric for metric in cell if metric in scores)
            if shown:
                columns[_Cells(protocol, shown, scores[shown[0]].direction)] = None
    return list(columns)


def _titles(metrics: Sequence[str]) -> str:
    """Titles of metrics, their reading once where they share it: `mean Dice / IoU`."""
    found = readings({metric: metric for metric in metrics})
    return " / ".join(
        f"{reading} {' / '.join(title(bare) for bare in metrics_of)}".strip() for reading, metrics_of in found.items()
    )


def _cell(line: _Line, column: _Cells) -> Cell:
    scores = line.rows[column.protocol].scores if column.protocol in line.rows else {}
    if not any(metric in scores for metric in column.metrics):
        return MISSING
    cells = [Number(scores[name].value) if name in scores else MISSING for name in column.metrics]
    return cells[0] if len(cells) == 1 else Joined(tuple(cells), " / ")
