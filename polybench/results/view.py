"""Rows of records as cells of the ranked table and of the table of costs."""

import statistics
from collections.abc import Collection

from polybench.results import quantities
from polybench.results.methods import evaluations_of, further_parameters, is_altered
from polybench.results.ranking import Rank
from polybench.results.readings import title
from polybench.results.record import Record, row_id
from polybench.results.start import start_cell
from polybench.results.table import Row, budget_of
from polybench.results.tables import (
    MISSING,
    Bytes,
    Cell,
    Code,
    Column,
    Count,
    Link,
    Number,
    Seconds,
    Text,
    joined,
    measured,
)

COST_COLUMNS = (
    Column("Recipe"),
    Column("Net"),
    Column("Input", "right"),
    Column("Epochs", "right"),
    Column("Start weights"),
    Column("Parameters", "right"),
    Column("MACs", "right"),
    Column("Training", "right"),
    Column("Peak memory", "right"),
    Column("Devices, precision"),
    Column("Get it again"),
)
EARLIER_IDENTITY = "identity 1"
"""Name of rows without an identity in their records."""


def label(record: Record, ambiguous: Collection[tuple[str, str | None]]) -> Cell:
    """A recipe with its variant; a baseline's name in italics.

    Args:
        record: A run.
        ambiguous: Recipes and variants with several rows, which the row id distinguishes.
    """
    if record.kind == "baseline":
        return Text(name_of(record), "emphasis")
    several = (record.recipe, record.variant) in ambiguous
    return joined((name_of(record), Code(row_id(record)))) if several else name_of(record)


def name_of(record: Record) -> str:
    """A recipe with its variant, or a baseline's name, as plain text."""
    if record.kind == "baseline":
        return record.recipe.replace("_", " ").replace("-", " ").capitalize()
    return record.recipe + (f" ({record.variant})" if record.variant else "")


def score_columns(row: Row, *, tied: bool = False) -> tuple[Column, ...]:
    """The columns of a table of rows like this one.

    Args:
        row: A row.
        tied: Whether rows are put into tie groups.
    """
    layout = row.layout
    return (
        Column("Rank", "center"),
        *((Column("Tie group", "center"),) if tied else ()),
        Column("Recipe"),
        Column("Seen in training", optional=True),
        Column(title(layout.headline), remark="(95 % interval)"),
        *(Column(_sentence_case(title(name)), "right", optional=True) for name in layout.shown),
        *((Column("FP on empty", "right", optional=True),) if row.empty_masks is not None else ()),
        Column(f"{_sentence_case(layout.what)} (groups)", "right"),
        Column("Seeds"),
    )


def score_cells(row: Row, name: Cell, rank: Rank | None, protocol: str, *, tied: bool = False) -> tuple[Cell, ...]:
    """The cells of `score_columns`.

    Args:
        row: The row.
        name: What it is called.
        rank: Its rank; None when unranked.
        protocol: The table's protocol.
        tied: Whether rows of the table are put into tie groups.
    """
    record, scores = row.first.record, row.first.record.metrics[protocol]
    empty: Cell = MISSING
    if row.empty_masks and row.false_positives is not None:
        empty = f"{row.false_positives:.3g} of {row.empty_masks}"
    return (
        f"{quantities.between(rank.best, rank.worst)} of {rank.of}" if rank else _unranked(record),
        *((str(rank.tie) if rank and rank.tie else MISSING,) if tied else ()),
        name,
        budget_of(row) or MISSING,
        score_with_interval(row),
        *(score_cell(row, metric) for metric in row.layout.shown),
        *((empty,) if row.empty_masks is not None else ()),
        f"{scores.n} ({scores.groups})",
        _seeds(row) if record.kind == "trained" else MISSING,
    )


def score_cell(row: Row, metric: str) -> Cell:
    """A metric of a row, a mean over its seeds."""
    score = row.scores.get(metric)
    return MISSING if score is None else Number(score.value)


def score_with_interval(row: Row) -> Cell:
    """The metric that ranks a row, with its spread over seeds and its interval."""
    main = row.headline
    if main is None:
        return MISSING
    return measured(main.value, main.low, main.high, main.spread)


def cost_cells(row: Row, name: Cell) -> tuple[Cell, ...]:
    """The cells of `COST_COLUMNS`; a row of several seeds gives the mean time and the largest memory.

    Of several folds, the time of a seed is the sum. A test that a method altered trained nothing.

    Args:
        row: The row.
        name: What it is called.
    """
    record = row.first.record
    took = [run.record.training for run in row.runs if run.record.training and not is_altered(run.record)]
    each = [part.record.training for part in row.parts if part.record.training and not is_altered(part.record)]
    peaks = [facts.peak_memory_bytes for facts in took if facts.peak_memory_bytes is not None]
    epochs = [facts.epochs_run for facts in each]
    hardware = {hardware_of(part.record) for part in row.parts}
    return (
        name,
        record.net.summary if record.net else MISSING,
        quantities.network_input(record.dataset),
        quantities.between(min(epochs), max(epochs)) if epochs else MISSING,
        start_cell([part.record for part in row.parts]),
        _parameters(record),
        _operations(record),
        Seconds(statistics.fmean(facts.wall_seconds for facts in took)) if took else MISSING,
        Bytes(max(peaks)) if peaks else MISSING,
        "; ".join(sorted(hardware)),
        Link("command", anchor=row.anchor),
    )


def hardware_of(record: Record, *, full: bool = False) -> str:
    """Devices and precision of a run; `full` adds threads, determinism and platform."""
    origin = record.provenance
    short = f"{origin.devices} {quantities.TIMES} {origin.device}, {origin.precision}"
    mode = "deterministic" if origin.deterministic else "not deterministic"
    threads = f"{origin.threads} thread{'' if origin.threads == 1 else 's'}, " if origin.threads else ""
    return f"{short}, {threads}{mode} algorithms, {origin.platform}" if full else short


def _parameters(record: Record) -> Cell:
    """Parameters of the net, and after them those of other nets that took part."""
    counts = [record.net.parameters] if record.net else []
    return joined([Count(count, short=True) for count in (*counts, *further_parameters(record))], " + ")


def _operations(record: Record) -> Cell:
    """Multiply-accumulate operations of the net, and how often it runs for an image where that is not once."""
    if record.net is None or record.net.macs is None:
        return MISSING
    number = evaluations_of(record)
    often: Cell = "" if number is None or number <= 1 else f"{quantities.TIMES} {number:.3g} evaluations"
    return joined((Count(record.net.macs, short=True), often))


def _seeds(row: Row) -> str:
    seeds = ", ".join(str(run.record.seed) for run in row.runs)
    return f"{len(row.runs)} ({seeds})" if len(row.runs) > 1 else seeds


def _unranked(record: Record) -> Cell:
    """The cell of a row without a rank."""
    return EARLIER_IDENTITY if record.kind == "trained" and record.identity is None else MISSING


def _sentence_case(text: str) -> str:
    return text[0].upper() + text[1:]
