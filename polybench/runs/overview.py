"""The cells of every plan and matrix below a folder, with their states and logs, read from their folders alone."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from polybench.core.errors import ConfigError, DataError
from polybench.results.tables import MISSING, Cell, Column, Table
from polybench.runs.cell import CELL
from polybench.runs.cell_progress import progress_of
from polybench.runs.launch.local import LOG
from polybench.runs.lease import LEASE, holder, is_free
from polybench.runs.matrix_table import numbers
from polybench.runs.request import is_resumable, noted_record

FOLDERS = (Path("runs/matrix"), Path("runs/plans"))
"""Where plans and matrices run unless told otherwise."""

COLUMNS = (Column("Plan"), Column("Cell"), Column("State"), Column("Score"), Column("Log", optional=True))

_ERROR = re.compile(r"polybench: error: (.*)")
_SHOWN = 60
"""Characters of the reason of a failure."""


@dataclass(frozen=True)
class CellFolder:
    """A folder of a cell.

    Attributes:
        plan: The plan or the matrix.
        name: The cell.
        path: The folder.
    """

    plan: str
    name: str
    path: Path

    def state(self) -> str:
        """How far it has come: finished, running with its progress, interrupted, or why it ended."""
        if noted_record(self.path) is not None:
            return "finished"
        if (self.path / LEASE).is_file() and not is_free(self.path):
            progress = progress_of(self.path)
            return f"running, process {holder(self.path)}" + (f": {progress.line()}" if progress else "")
        found = _ERROR.findall(self._log())
        why = f"failed: {found[-1][:_SHOWN]}" if found else "ended before it was finished"
        return f"{why}; resumes" if is_resumable(self.path) else why

    def _log(self) -> str:
        path = self.path / LOG
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""

    def row(self) -> tuple[Cell, ...]:
        """Its row of the table.

        Raises:
            DataError: If its record can't be read.
        """
        try:
            record = noted_record(self.path)
        except ConfigError as error:
            return self.plan, self.name, str(error), MISSING, str(self.path / LOG)
        number = numbers(record)[0] if record is not None else MISSING
        return self.plan, self.name, self.state(), number, str(self.path / LOG)


def cell_folders(folders: Sequence[Path]) -> Iterator[CellFolder]:
    """The folders of cells below folders of plans and matrices.

    Raises:
        DataError: If there is no cell at all.
    """
    found = [cell.parent for folder in folders for cell in sorted(folder.glob(f"*/*/{CELL}"))]
    if not found:
        where = " or ".join(f"'{folder}'" for folder in folders)
        raise DataError(f"There is no cell in {where}: run a plan with polybench matrix or polybench transfer first.")
    return (CellFolder(path.parent.name, path.name, path) for path in found)


def overview(folders: Sequence[Path]) -> Table:
    """A row for each cell.

    Raises:
        DataError: If there is none, or a record can't be read.
    """
    return Table(COLUMNS, tuple(one.row() for one in cell_folders(folders)), "Runs of plans and matrices")
