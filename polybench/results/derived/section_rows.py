"""Ranked rows with their tables, and sections of a page as tables with one line for each of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from polybench.results.derived.cells import NOT_STORED
from polybench.results.derived.seeds import Seeds
from polybench.results.statistics.intervals import column
from polybench.results.table import Row
from polybench.results.tables import MISSING, Cell, Column, Table

Cells = tuple[Cell, ...]


@dataclass(frozen=True)
class RankedRow:
    """A row of a ranked table.

    Attributes:
        name: What to call it.
        row: The row.
        protocol: `name@version` of the protocol that ranks it.
    """

    name: Cell
    row: Row
    protocol: str

    @cached_property
    def seeds(self) -> Seeds:
        """Its tables, which are read when needed."""
        return Seeds([run.images for run in self.row.runs])

    @property
    def metric(self) -> str:
        """Column of the metric that ranks it, if that is a mean over images."""
        return column(self.protocol, self.row.layout.headline)


def section(
    title: str, columns: Sequence[Column], lines: Iterable[tuple[Cell, Cells | None]], notes: Sequence[Cell] = ()
) -> Table | None:
    """A table with a line for each row; None where no row has the numbers.

    Args:
        title: Its title.
        columns: Those after the row's name.
        lines: Name of a row and its cells; None where its tables lack what they need.
        notes: Notes below the table.
    """
    found = list(lines)
    if all(cells is None for _, cells in found):
        return None
    lacking: Cells = (NOT_STORED, *([MISSING] * (len(columns) - 1)))
    rows = tuple((name, *(lacking if cells is None else cells)) for name, cells in found)
    return Table((Column("Recipe"), *columns), rows, title, tuple(notes))
