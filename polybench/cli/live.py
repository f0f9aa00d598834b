"""The cells that run, one line each: a table that is kept up to date in a terminal, plain lines in a log."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.markup import escape

from polybench.results.render.terminal import rich_table
from polybench.results.tables import MISSING, Cell, Column, Table
from polybench.runs.cell import Cell as RunCell
from polybench.runs.cell_progress import progress_of
from polybench.runs.execute import print_at_once

COLUMNS = (
    Column("Running"),
    Column("Part", optional=True),
    Column("Done", "right"),
    Column("Validation"),
    Column("Time left", "right"),
)


class LiveCells:
    """Shows the cells that run while the `with` block is open."""

    def __init__(self) -> None:
        self._console = Console()
        self._live = Live(console=self._console, refresh_per_second=2, transient=True)

    def __enter__(self) -> Self:
        """Start to show."""
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and clear the table."""
        self._live.stop()

    def report(self, line: str) -> None:
        """Print a line about a cell, above the table."""
        if self._console.is_terminal:
            self._console.print(escape(line), highlight=False, soft_wrap=True)
        else:
            print_at_once(line)

    def watch(self, cells: Sequence[RunCell]) -> None:
        """Show how far the cells have come."""
        if self._console.is_terminal:
            self._live.update(rich_table(cells_at_work(cells)) if cells else "")


def cells_at_work(cells: Sequence[RunCell]) -> Table:
    """A row for each cell that runs: epoch, headline, time left.

    Args:
        cells: The cells.
    """
    rows: list[tuple[Cell, ...]] = []
    for cell in cells:
        found = progress_of(cell.folder)
        if found is None:
            rows.append((cell.name, "", "starts", MISSING, MISSING))
        else:
            rows.append((cell.name, found.part, found.done, found.headline or MISSING, found.left or MISSING))
    return Table(COLUMNS, tuple(rows))
