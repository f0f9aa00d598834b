"""What makes the rows and columns of the papers' tables here: `rows.csv`, and `columns.csv`, or why nothing does."""

from dataclasses import dataclass
from functools import cache

from polybench.results.printed.files import lines


@dataclass(frozen=True)
class PrintedRow:
    """A row of a table that a plan makes.

    Attributes:
        paper: Key of the paper.
        table: Number of the table.
        method: The row as it is printed; empty for a row of the plan that no table has.
        backbone: Encoder of the printed row; may be empty.
        plan: Name of the plan in `conf/plans`.
        row: The plan's method, or its stage; empty where it has none.
        reason: Why it has none, or what the row is that no table has; else empty.
    """

    paper: str
    table: str
    method: str
    backbone: str
    plan: str
    row: str
    reason: str


@dataclass(frozen=True)
class PrintedColumn:
    """A column of a paper's tables.

    Attributes:
        paper: Key of the paper.
        metric: The column as it is printed.
        protocol: Name of the protocol that has it; empty for none.
        column: The protocol's metric; empty for none.
        reason: Why there is none; else empty.
    """

    paper: str
    metric: str
    protocol: str
    column: str
    reason: str


@cache
def printed_rows() -> tuple[PrintedRow, ...]:
    """Read the rows, in the order of papers and tables."""
    return tuple(PrintedRow(**row) for row in lines("rows.csv"))


@cache
def printed_columns() -> tuple[PrintedColumn, ...]:
    """Read the columns, in the order of papers."""
    return tuple(PrintedColumn(**column) for column in lines("columns.csv"))


def left_out(paper: str, table: str, plan: str) -> str:
    """The rows of a table that its plan hasn't, each with the reason; empty for none.

    Args:
        paper: Key of the paper.
        table: Number of the table.
        plan: Name of the plan.

    Example:
        >>> left_out("efen", "4", "efen_table_4")
        'no BAT [60]: no such net here; its released code fails with torchvision of today'
    """
    wanted = (paper, table, plan)
    rows = [one for one in printed_rows() if (one.paper, one.table, one.plan) == wanted and not one.row]
    return "; ".join(f"no {one.method}: {one.reason}" for one in rows)
