"""The page's table of the same predictions under every protocol: a line for each row, and no rank."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from polybench.results import format as formats
from polybench.results.readings import readings, title
from polybench.results.record import Budget, StoredRecord, row_name
from polybench.results.table import BUDGETS, Group, Row, Score, anchor_of
from polybench.results.view import label

HEADLINES = ("s_measure", "weighted_f", "e", "mae", "auc", "hd95", "f1", "aji", "pq", "v_rand", "v_info")
"""What is shown beside Dice and IoU where a protocol has it."""


@dataclass(frozen=True)
class Panel:
    """The columns' titles, with their alignment in Markdown, and the cells."""

    columns: Mapping[str, str]
    rows: tuple[list[str], ...]


@dataclass(frozen=True)
class _Line:
    """One configuration: its row under each protocol, all of the same runs."""

    budget: Budget | None
    rows: Mapping[str, Row]

    @property
    def main(self) -> Row:
        """Its row under the first protocol, the ranked one where there is one."""
        return next(iter(self.rows.values()))


def panel_of(group: Group, ranked: str, places: Collection[str]) -> Panel | None:
    """Make the table of a group; None where no run was scored under several protocols.

    Args:
        group: The group.
        ranked: The protocol that the page ranks by.
        places: Anchors on the page.
    """
    lines = [line for budget in (*BUDGETS, None) for line in _lines(group, budget)]
    if not lines:
        return None
    columns = _columns(group.protocols(), lines)
    sizes = {(line.main.first.record.recipe, line.main.first.record.dataset.size) for line in lines if not line.budget}
    several = Counter(recipe for recipe, _ in sizes)
    rows = []
    for line in lines:
        record = line.main.first.record
        anchor = anchor_of(line.main.first, ranked, group.dataset)
        name = f"[{label(record)}](#{anchor})" if anchor in places else label(record)
        if line.budget is None and several[record.recipe] > 1:
            name += f" *at {formats.size(record.dataset.size)}*"
        numbers = [_cell(line, protocol, metrics) for protocol, metrics in columns.values()]
        rows.append([name, line.budget or formats.DASH, *numbers])
    return Panel({"Recipe": ":---", "Budget": ":---", **dict.fromkeys(columns, "---:")}, tuple(rows))


def _lines(group: Group, budget: Budget | None) -> list[_Line]:
    """The lines of one budget in the order of the ranked table; seeds that lack a protocol make a line of their own."""
    alike: dict[frozenset[str], list[StoredRecord]] = {}
    for stored in group.records:
        alike.setdefault(frozenset(stored.record.metrics), []).append(stored)
    lines = []
    for runs in (Group(group.dataset, tuple(records)) for names, records in alike.items() if len(names) > 1):
        by_name = {
            protocol: {row_name(row.first.record): row for row in runs.rows(protocol, budget)}
            for protocol in runs.protocols()
        }
        first, *_ = by_name.values()
        lines += [_Line(budget, {protocol: rows[name] for protocol, rows in by_name.items()}) for name in first]
    return sorted(lines, key=lambda line: -line.main.scores["dice"].value if "dice" in line.main.scores else 0.0)


def _columns(protocols: Sequence[str], lines: Sequence[_Line]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Title -> protocol and the metrics that share the column."""
    columns: dict[str, tuple[str, tuple[str, ...]]] = {}
    for protocol in protocols:
        scores: dict[str, Score] = {}
        for line in lines:
            scores |= line.rows[protocol].scores if protocol in line.rows else {}
        for reading, bare in readings({metric: metric for metric in scores}).items():
            start = f"{formats.code(protocol)} {reading}".strip()
            overlap = {title(name): bare[name] for name in ("dice", "iou") if name in bare}
            if overlap:
                columns[f"{start} {' / '.join(overlap)}"] = (protocol, tuple(overlap.values()))
            for name in HEADLINES:
                if name in bare:
                    arrow = "↑" if scores[bare[name]].direction == "higher" else "↓"
                    columns[f"{start} {title(name)} {arrow}"] = (protocol, (bare[name],))
    return columns


def _cell(line: _Line, protocol: str, metrics: Sequence[str]) -> str:
    scores = line.rows[protocol].scores if protocol in line.rows else {}
    if not any(metric in scores for metric in metrics):
        return formats.DASH
    return " / ".join(formats.fraction(scores[name].value) if name in scores else formats.DASH for name in metrics)
