"""Estimates and strata as cells and tables without markup."""

from collections.abc import Sequence

from polybench.core.wording import counted
from polybench.results.derived.seeds import Estimate
from polybench.results.derived.strata import GroupMean, Stratum, worst_stratum
from polybench.results.facts import Direction
from polybench.results.tables import MISSING, Cell, Code, Column, Count, Number, Table, Text, joined, measured

NOT_STORED = "not stored"
"""Cell of a row whose tables lack what a number needs, such as those of earlier records."""


def estimate_cell(estimate: Estimate | None) -> Cell:
    """A number with its spread over seeds and its interval; a dash where there is none."""
    if estimate is None:
        return MISSING
    return measured(estimate.value, estimate.low, estimate.high, estimate.spread)


def worst_cell(worst: GroupMean) -> Cell:
    """The mean of the worst group, its images where they are several, and its name."""
    return joined((Number(worst.value), f"of {counted(worst.n, 'image')}" if worst.n > 1 else "", Code(worst.name)))


def strata_table(title: str, metric: str, found: Sequence[Stratum], direction: Direction = "higher") -> Table:
    """A line for each stratum, and a note that names the worst.

    Args:
        title: Title of the table.
        metric: Title of the metric.
        found: The strata, at least one.
        direction: Which way the metric is better.
    """
    columns = (
        Column("Stratum"),
        Column("Images", "right"),
        Column("Groups", "right"),
        Column(metric, direction=direction, remark="(95 % interval)"),
        Column("Worst group"),
        Column("Its mean", "right"),
        Column("Its images", "right"),
    )
    rows = tuple(
        (
            one.name,
            Count(one.mean.n),
            Count(one.mean.groups),
            estimate_cell(one.mean),
            Code(one.worst.name),
            Number(one.worst.value),
            Count(one.worst.n),
        )
        for one in found
    )
    worst = worst_stratum(found, direction)
    note = joined(("Worst stratum:", Text(worst.name, "strong"), "with", Number(worst.mean.value)))
    return Table(columns, rows, title, (note,) if len(found) > 1 else ())
