"""The cells of every plan and matrix below a folder, with their states and logs, read from their folders alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from polybench.core.errors import ConfigError, DataError
from polybench.results.tables import MISSING, Cell, Column, Table
from polybench.runs.attempt import attempt
from polybench.runs.cell import CELL
from polybench.runs.launch.base import LOG
from polybench.runs.matrix_table import numbers
from polybench.runs.request import is_resumable, noted_record

FOLDERS = (Path("runs/matrix"), Path("runs/plans"))
"""Where plans and matrices run unless told otherwise."""

COLUMNS = (Column("Plan"), Column("Cell"), Column("State"), Column("Score"))


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
        found = attempt(self.path)
        if found is None:
            return "not started"
        return found if found.startswith("running") or not is_resumable(self.path) else f"{found}; resumes"

    @property
    def log(self) -> Path | None:
        """The log of a cell that runs, failed or was interrupted; None for any other, and before there is one."""
        path = self.path / LOG
        try:
            finished = noted_record(self.path) is not None
        except ConfigError:
            finished = False
        return path if path.is_file() and not finished else None

    def row(self) -> tuple[Cell, ...]:
        """Its row of the table.

        Raises:
            DataError: If its record can't be read.
        """
        try:
            record = noted_record(self.path)
        except ConfigError as error:
            return self.plan, self.name, str(error), MISSING
        number = numbers(record)[0] if record is not None else MISSING
        return self.plan, self.name, self.state(), number


def cell_folders(folders: Sequence[Path]) -> list[CellFolder]:
    """The folders of cells below folders of plans and matrices.

    Raises:
        DataError: If there is no cell at all.
    """
    found = [cell.parent for folder in folders for cell in sorted(folder.glob(f"*/*/{CELL}"))]
    if not found:
        where = " or ".join(f"'{folder}'" for folder in folders)
        raise DataError(f"There is no cell in {where}: run a plan with polybench matrix or polybench transfer first.")
    return [CellFolder(path.parent.name, path.name, path) for path in found]


def overview(cells: Sequence[CellFolder]) -> Table:
    """A row for each cell.

    Raises:
        DataError: If a record can't be read.
    """
    return Table(COLUMNS, tuple(one.row() for one in cells), "Runs of plans and matrices")


def logs(cells: Sequence[CellFolder]) -> list[Path]:
    """The logs of the cells that run, failed or were interrupted."""
    return [one.log for one in cells if one.log is not None]
