"""The report of a matrix: its rows over seeds, folds put together, and paired differences on each test set."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from polybench.core.atomic import atomic_write_text
from polybench.results.config import portable_text
from polybench.results.folds import PooledRecord, pooled
from polybench.results.headline import headline
from polybench.results.quantities import network_input
from polybench.results.readings import title
from polybench.results.record import StoredRecord
from polybench.results.render import markdown
from polybench.results.tables import Cell, Code, Column, Count, Link, Table, joined
from polybench.runs.differences import comparisons
from polybench.runs.execute import Outcome
from polybench.runs.plan import Plan
from polybench.runs.report import address, block, paired, read_stored
from polybench.runs.scores import score

COLUMNS = (
    Column("Row"),
    Column("Dataset, split"),
    Column("Size", "right"),
    Column("Images", "right"),
    Column("Score"),
    Column("Tested", "right"),
    Column("Seeds"),
)

INTRODUCTION = """\
Each cell is a run of its own, with its record; folds are put together, so that every image is tested once. Images are
those that went through the net in training. Scores are those of the test subset under the protocol that ranks the
dataset: with the 95 % interval of one seed, or mean ± standard deviation over seeds."""

Rows = dict[str, list[StoredRecord]]
"""Name of a row -> the runs of its seeds."""


def write_matrix_report(
    plan: Plan, outcomes: Sequence[Outcome], folder: Path, command: str, failed: Iterable[str] = ()
) -> Path:
    """Write `<matrix>.md`.

    Args:
        plan: The matrix.
        outcomes: Its finished cells.
        folder: Where the report goes.
        command: The command that gets it again.
        failed: Names of the cells that failed: their seeds count as the worst score where rows are compared.

    Returns:
        The file.

    Raises:
        DataError: If a record or its table can't be read.
    """
    rows, missing = rows_of(outcomes), Counter(name.rpartition("-s")[0] for name in failed)
    table = rows_table(rows, missing)
    whole = {name: runs for name, runs in rows.items() if not any(map(_is_incomplete, runs))}
    text = "\n".join(
        [
            *(f"# Matrix {plan.name}", "", INTRODUCTION, ""),
            markdown.table_text(table),
            *block("sh", markdown.command(command)),
            *paired(comparisons(whole, missing), "Row"),
            *("## The matrix", "", *block("yaml", portable_text(plan.text).rstrip("\n"))),
        ]
    )
    path = folder / f"{plan.name}.md"
    atomic_write_text(path, text)
    return path


def rows_of(outcomes: Sequence[Outcome]) -> Rows:
    """The runs of each stage, or of each set of folds, in the order of the matrix.

    Raises:
        DataError: If a record can't be read, or two folds tested the same image.
    """
    names: dict[Path, str] = {}
    records = []
    for one in outcomes:
        stored = read_stored(one.record)
        names[stored.path] = one.cell.stage.name
        records.append(stored)
    rows: Rows = {}
    for stored in pooled(records):
        name = names[stored.path]
        if isinstance(stored, PooledRecord):
            name = name.replace(f"_{stored.folds[0].record.dataset.split}", "")
        rows.setdefault(name, []).append(stored)
    return rows


def rows_table(rows: Rows, missing: Mapping[str, int] = MappingProxyType({})) -> Table:
    """A row for each method on each dataset, over its seeds.

    Args:
        rows: The rows.
        missing: Name -> its seeds that failed.
    """
    return Table(COLUMNS, tuple(_row(name, runs, missing.get(name, 0)) for name, runs in rows.items()))


def _row(name: str, runs: Sequence[StoredRecord], missing: int) -> tuple[Cell, ...]:
    first = runs[0].record
    protocol, metric = headline(first)
    images = first.identity.budget_id.partition(" ")[0] if first.identity and first.identity.budget_id else ""
    return (
        name,
        joined((first.dataset.name, Code(_split(runs[0]))), ", "),
        network_input(first.dataset),
        Count(int(images)) if images.isdecimal() else images,
        joined((title(metric), score([run.record for run in runs]), Code(protocol))),
        Count(first.metrics[protocol].n),
        joined((*map(_seed, runs), f"{missing} failed" * bool(missing)), ", "),
    )


def _seed(run: StoredRecord) -> Cell:
    """A seed with a link to its record, or to that of each of its folds."""
    if not isinstance(run, PooledRecord):
        return Link(str(run.record.seed), url=address(run))
    links = joined([Link(one.record.dataset.split, url=address(one)) for one in run.folds], ", ")
    return joined((f"{run.record.seed}:", links))


def _split(stored: StoredRecord) -> str:
    if not isinstance(stored, PooledRecord):
        return stored.record.dataset.split
    fold = stored.folds[0].record.dataset.fold
    return f"{len(stored.folds)} of {fold.of if fold else 0} folds"


def _is_incomplete(stored: StoredRecord) -> bool:
    """Whether folds are missing, so that other images are tested than in a whole set."""
    if not isinstance(stored, PooledRecord):
        return False
    fold = stored.folds[0].record.dataset.fold
    return fold is not None and len(stored.folds) < fold.of
