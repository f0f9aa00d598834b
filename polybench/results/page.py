"""The leaderboard page: a byte-stable function of the records, in Markdown."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from polybench.core.atomic import atomic_write_text
from polybench.core.errors import DataError
from polybench.results import format as formats
from polybench.results.facts import UNOFFICIAL, DatasetFacts
from polybench.results.lock import lock_of
from polybench.results.notes import row_notes, table_notes
from polybench.results.panel import Panel, panel_of
from polybench.results.ranking import ranks
from polybench.results.readings import title
from polybench.results.record import Budget, StoredRecord, read_records, recorded_datasets
from polybench.results.refinement_table import REFINEMENT_COLUMNS, refinement_rows
from polybench.results.table import (
    BUDGETS,
    RANKED_BUDGETS,
    Group,
    Row,
    anchor_of,
    finished,
    groups_of,
    newest,
    protocols_of,
)
from polybench.results.view import (
    COST_COLUMNS,
    RUN_COLUMNS,
    Details,
    cost_cells,
    details,
    label,
    score_cells,
    score_columns,
)

MARKER = "<!-- Made by `polybench leaderboard` from the records; do not edit. -->"
BUDGET_TITLES: Mapping[Budget | None, str] = {
    "published": "Budget published: trained with the settings of the paper",
    "reduced": "Budget reduced: trained with less than the settings of the paper, or with others",
    "smoke": "Budget smoke: trained for moments to show that everything runs, never ranked",
    None: "Baselines",
}


@dataclass(frozen=True)
class Table:
    """Cells of one budget class; the rows of baselines end `scores`, and stand in `scores` only."""

    title: str
    columns: Mapping[str, str]
    scores: tuple[list[str], ...]
    notes: tuple[str, ...]
    costs: tuple[list[str], ...]
    details: tuple[Details, ...]


@dataclass(frozen=True)
class Listing:
    """A further protocol's metrics, unranked: the columns' titles and the cells."""

    protocol: str
    older: bool
    columns: Mapping[str, str]
    rows: tuple[list[str], ...]


@dataclass(frozen=True)
class Section:
    """One comparable set of images, or of patches, and the protocol that ranks it."""

    dataset: DatasetFacts
    ranked: str
    headline: str
    definition: str | None
    tables: tuple[Table, ...]
    baselines: tuple[Details, ...]
    refinements: tuple[list[str], ...]
    panel: Panel | None
    listings: tuple[Listing, ...]


def render_page(dataset: str, records: Sequence[StoredRecord]) -> str:
    """Write the page of one dataset.

    Args:
        dataset: Its name.
        records: Its records, in any order.

    Returns:
        Markdown; equal records give equal bytes.

    Raises:
        DataError: If the seeds of one row can't be averaged.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(md=formats.text, code=formats.code, fence=formats.fence)
    text = environment.get_template("page.md.j2").render(
        dataset=dataset,
        marker=MARKER,
        unofficial=UNOFFICIAL,
        sections=[_section(group, records) for group in groups_of(records)],
        cost_columns=COST_COLUMNS,
        run_columns=RUN_COLUMNS,
        refinement_columns=REFINEMENT_COLUMNS,
        definitions=_definitions(records),
    )
    return re.sub(r"\n{3,}", "\n\n", text).rstrip("\n") + "\n"


def write_page(root: Path, dataset: str) -> Path | None:
    """Write `root/<dataset>.md` from the dataset's records, which no other dataset's page needs.

    Processes may write at once: each reads the records under a lock, `root/.<dataset>.lock`, so that the page that is
    written last has the records of all.

    Returns:
        The page; None, and nothing written, where the dataset has no records.

    Raises:
        DataError: If `root` doesn't exist or a record can't be read.
        OSError: If the page can't be written.
    """
    _require(root)
    path = root / f"{dataset}.md"
    with lock_of(root, dataset):
        text = _page(root, dataset)
        if text is not None:
            atomic_write_text(path, text)
    return None if text is None else path


def write_pages(root: Path) -> list[Path]:
    """Write the page of every dataset that has records, as `write_page` does; nothing is removed.

    Raises:
        DataError: If `root` doesn't exist or a record can't be read.
        OSError: If a page can't be written.
    """
    _require(root)
    return [path for name in recorded_datasets(root) if (path := write_page(root, name)) is not None]


def stale_pages(root: Path) -> list[str]:
    """Say for each page how it differs from what the records give; empty when all is well.

    Line ends may be those of Windows, as git writes them there.

    Raises:
        DataError: If `root` doesn't exist or a record can't be read.
    """
    _require(root)
    pages = {root / f"{name}.md": _page(root, name) for name in recorded_datasets(root)}
    reasons = []
    for path, text in pages.items():
        if text is None:
            continue
        if not path.is_file():
            reasons.append(f"'{path}' is missing.")
        elif path.read_bytes().replace(b"\r\n", b"\n") != text.encode():
            reasons.append(f"'{path}' differs from its records.")
    for path in sorted(root.glob("*.md")):
        if path not in pages and path.is_file() and MARKER.encode() in path.read_bytes():
            reasons.append(f"'{path}' has no records.")
    return reasons


def _require(root: Path) -> None:
    if not root.is_dir():
        raise DataError(f"There is no folder of leaderboards at '{root}': name it with --root.")


def _page(root: Path, dataset: str) -> str | None:
    """The page of a dataset; None where it has no records."""
    records = read_records(root, dataset)
    for stored in records:
        stored.check()
    return render_page(dataset, records) if records else None


def _newest(protocol: str, records: Iterable[StoredRecord]) -> str:
    """The newest `protocol@version` that any record has."""
    names = {name for stored in records for name in stored.record.metrics if name.split("@")[0] == protocol}
    return max(names, key=lambda name: int(name.split("@")[1]), default=f"{protocol}@1")


def _section(group: Group, records: Sequence[StoredRecord]) -> Section:
    ranked = _newest(group.dataset.ranked_by, records)
    baselines = group.baselines(ranked)
    budgets = [budget for budget in BUDGETS if group.rows(ranked, budget)]
    tables = [_table(group, ranked, budget, baselines) for budget in budgets]
    if baselines and not tables:
        tables = [_table(group, ranked, None, baselines)]
    made = tuple(details(row, ranked) for row in baselines)
    places = {found.anchor for found in (*made, *(found for table in tables for found in table.details))}
    return Section(
        dataset=group.dataset,
        ranked=ranked,
        headline=_headline(group, ranked),
        definition=_definitions(group.records).get(ranked),
        tables=tuple(tables),
        baselines=made,
        refinements=refinement_rows(
            (f"[{label(run.record, group.ambiguous)}](#{row.anchor})", run.record)
            for budget in budgets
            for row in group.rows(ranked, budget)
            for run in row.runs
        ),
        panel=panel_of(group, ranked, places),
        listings=tuple(_listing(group, name, ranked, places) for name in group.protocols() if name != ranked),
    )


def _headline(group: Group, protocol: str) -> str:
    """What ranks under a protocol, in words; empty where no record has it."""
    rows = [row for budget in (*BUDGETS, None) for row in group.rows(protocol, budget)]
    return title(rows[0].layout.headline) if rows else ""


def _definitions(records: Sequence[StoredRecord]) -> dict[str, str]:
    """`protocol@version` -> what it is, as the newest record that says so has it."""
    found: dict[str, str] = {}
    for stored in sorted(records, key=finished):
        texts = {key: scores.definition for key, scores in stored.record.metrics.items()}
        found |= {key: text for key, text in texts.items() if text is not None}
    return {key: found[key] for key in protocols_of(records, newest(records).record.dataset.ranked_by) if key in found}


def _table(group: Group, protocol: str, budget: Budget | None, baselines: Sequence[Row]) -> Table:
    """One budget class, best row first; None makes a table of the baselines alone."""
    rows = group.rows(protocol, budget) if budget is not None else []
    letters: dict[str, str] = {}
    scores = []
    for row, rank in zip(rows, ranks(rows), strict=True):
        marks = [letters.setdefault(note, _letter(len(letters))) for note in row_notes(row, rows)]
        name = f"[{label(row.first.record, group.ambiguous)}](#{row.anchor})"
        name += f" <sup>{' '.join(marks)}</sup>" if marks else ""
        scores.append(score_cells(row, name, rank if budget in RANKED_BUDGETS else None, protocol))
    recipes = Counter(row.first.record.recipe for row in baselines)
    for row in baselines:
        record = row.first.record
        name = f"[{label(record, group.ambiguous)}](#{row.anchor})"
        name += f" *at {formats.size(record.dataset.size)}*" if recipes[record.recipe] > 1 else ""
        scores.append(score_cells(row, name, None, protocol))
    notes = table_notes(group.dataset, [*rows, *baselines], protocol)
    notes += [f"<sup>{letter}</sup> {note}" for note, letter in letters.items()]
    return Table(
        title=BUDGET_TITLES[budget],
        columns=score_columns([*rows, *baselines][0]),
        scores=tuple(scores),
        notes=tuple(notes),
        costs=tuple(cost_cells(row, label(row.first.record, group.ambiguous)) for row in rows),
        details=tuple(details(row, protocol) for row in rows),
    )


def _listing(group: Group, protocol: str, ranked: str, places: Collection[str]) -> Listing:
    """All rows of a further protocol, by budget and name; those with details above are linked."""
    rows = [
        (budget, row)
        for budget in (*BUDGETS, None)
        for row in sorted(group.rows(protocol, budget), key=lambda row: row.anchor)
    ]
    directions = {name: score.direction for _, row in rows for name, score in row.scores.items()}
    columns = {"Recipe": ":---", "Budget": ":---"}
    columns |= {f"{name} {'↑' if way == 'higher' else '↓'}": "---:" for name, way in directions.items()}
    cells = []
    for budget, row in rows:
        name = label(row.first.record, group.ambiguous)
        if (anchor := anchor_of(row.first, ranked, group.dataset)) in places:
            name = f"[{name}](#{anchor})"
        cells.append([name, budget or formats.DASH, *(formats.score(row.scores.get(key)) for key in directions)])
    return Listing(protocol, protocol.split("@")[0] == group.dataset.ranked_by, columns, tuple(cells))


def _letter(index: int) -> str:
    """The letter of a note: a to z, then aa, ab and so on."""
    return ("" if index < 26 else _letter(index // 26 - 1)) + chr(ord("a") + index % 26)
