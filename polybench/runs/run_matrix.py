"""Run a matrix: methods x datasets x seeds, each cell once, wherever it is run."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from polybench.core.disk import make_folder
from polybench.core.errors import ConfigError, DataError, UserError, did_you_mean
from polybench.results.page import write_page
from polybench.runs.cell import Cell, cells_of
from polybench.runs.execute import Ended, Options, execute
from polybench.runs.matrix_file import read_matrix
from polybench.runs.request import note_record

FOLDER = Path("runs/matrix")
"""Where the cells of matrices go, those of each into a folder of its name."""


@dataclass(frozen=True)
class Matrix:
    """The cells of a matrix, before they run.

    Attributes:
        cells: The cells, in the order in which they are run.
        found: Name -> the record that the leaderboard has of it already, made by another command or elsewhere.
        seconds: Name -> an estimate of the time that it takes; those that no earlier record tells are left out.
        no_data: Name -> why its data can't be opened.
    """

    cells: list[Cell]
    found: dict[str, Path] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    no_data: dict[str, UserError] = field(default_factory=dict)

    def state(self, cell: Cell) -> str:
        """How far a cell has come."""
        if cell.name in self.found:
            return "has a record"
        return "no data" if cell.name in self.no_data else cell.state()

    def to_run(self) -> list[Cell]:
        """The cells that have no record yet, and whose data are there."""
        return [one for one in self.cells if self.state(one) not in ("finished", "has a record", "no data")]


def read_cells(path: Path, folder: Path, leaderboard: Path, only: Collection[str] = ()) -> list[Cell]:
    """The cells of a matrix's file.

    Args:
        path: The matrix's file.
        folder: Where the cells go.
        leaderboard: Where the records go.
        only: Names of the cells that are asked for; empty for all.

    Raises:
        ConfigError: If the file is wrong, or there is no cell of that name.
    """
    cells = cells_of(read_matrix(path), folder, leaderboard)
    names = [cell.name for cell in cells]
    for name in only:
        if name not in names:
            raise ConfigError(f"'{path}' has no cell '{name}'.{did_you_mean(name, names)} --list shows them.")
    return [cell for cell in cells if not only or cell.name in only]


def prepare(cells: list[Cell], leaderboard: Path, *, opens_data: bool = True) -> Matrix:
    """Look what there is to do, before anything trains.

    The command line of each cell that isn't finished is parsed, and its data are opened. A record of the leaderboard
    that the run would write, made by another command or in another clone, counts as its own.

    Args:
        cells: The cells.
        leaderboard: Where the records go.
        opens_data: Open the data, which decodes what isn't in the cache; otherwise a record is believed that it is of
            the same copy.

    Raises:
        ConfigError: If `fit` would refuse a cell.
        DataError: If a record of the leaderboard can't be read.
    """
    open_cells = [cell for cell in cells if cell.finished() is None]
    if not open_cells:
        return Matrix(cells)
    from polybench.runs.cell_config import open_all, parse_cells  # torch, which a finished matrix can do without
    from polybench.runs.estimate import Estimates
    from polybench.runs.found_records import FoundRecords

    configs = parse_cells(open_cells)
    facts, no_data = open_all(configs) if opens_data else ({}, {})
    records = FoundRecords(leaderboard)
    estimates = Estimates(one.record for one in records.records)
    matrix = Matrix(cells)
    for cell in open_cells:
        name, config, data = cell.name, configs[cell.stage.name].plain, facts.get(cell.stage.name)
        record = records.of(config, cell.seed, data)
        seconds = estimates.of(config, data.counts.train if data else None)
        if record is not None:
            matrix.found[name] = record
        elif cell.stage.name in no_data:
            matrix.no_data[name] = no_data[cell.stage.name]
        if seconds is not None:
            matrix.seconds[name] = seconds
    return matrix


def refuse_missing_data(matrix: Matrix) -> None:
    """Refuse to run a matrix while data of its cells aren't there.

    Raises:
        DataError: If so; each reason once, with its cells.
    """
    reasons: dict[str, list[str]] = {}
    for name, error in matrix.no_data.items():
        reasons.setdefault(str(error), []).append(name)
    if reasons:
        lines = [f"{', '.join(names)}: {reason}" for reason, names in reasons.items()]
        raise DataError("Data are missing; --skip_missing runs the other cells.\n" + "\n".join(lines))


def run_matrix(matrix: Matrix, leaderboard: Path, options: Options) -> Ended:
    """Run the cells of a matrix whose data are there and that have no record yet; the others go on where one fails.

    Args:
        matrix: The matrix, prepared.
        leaderboard: Where the records and the pages go.
        options: How the cells are run.

    Raises:
        StoppedError: If a signal came.
        UserError: If a page can't be written.
    """
    for cell in matrix.cells:
        if cell.name in matrix.found:
            make_folder(cell.folder)
            cell.claim()
            note_record(cell.folder, matrix.found[cell.name])
    ended = execute([cell for cell in matrix.cells if cell.name not in matrix.no_data], None, options)
    for dataset in sorted({one.record.parent.name for one in ended.outcomes if not one.skipped}):
        write_page(leaderboard, dataset)
    return ended
