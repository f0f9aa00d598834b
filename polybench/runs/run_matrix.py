"""Run a matrix: methods x datasets x seeds, each cell once, wherever it is run."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from polybench.core.errors import ConfigError, DataError, UserError, did_you_mean
from polybench.results.page import write_page
from polybench.runs.cell import Cell, cells_of
from polybench.runs.execute import Ended, Options, Outcome, execute
from polybench.runs.lease import run_lease
from polybench.runs.matrix_file import read_matrix
from polybench.runs.report import read_stored

if TYPE_CHECKING:
    from polybench.runs.cell_data import CellData
    from polybench.runs.run_today import RunToday

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
        runs: Stage -> what a run of it would be.
        data: Stage -> its data, where they are here.
        opened: Whether the data were opened, or only looked for.
        outdated: Name -> why the record of a finished cell is not what it would give today.
    """

    cells: list[Cell]
    found: dict[str, Path] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    no_data: dict[str, UserError] = field(default_factory=dict)
    runs: Mapping[str, "RunToday"] = field(default_factory=dict)
    data: Mapping[str, "CellData"] = field(default_factory=dict)
    opened: bool = True
    outdated: dict[str, UserError] = field(default_factory=dict)

    def state(self, cell: Cell) -> str:
        """How far a cell has come."""
        if cell.name in self.found:
            return "has a record"
        if cell.name in self.outdated:
            return "out of date"
        return "no data" if cell.name in self.no_data else cell.state()

    def to_run(self) -> list[Cell]:
        """The cells that have no record yet, and whose data are there."""
        return [
            one
            for one in self.cells
            if one.name not in self.found and one.name not in self.no_data and one.name not in self.outdated
        ]


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

    The command line of each cell is parsed, and its data are opened. A record of the leaderboard that the run would
    write today, made by another command or in another clone, counts as its own; the record that its folder names counts
    only if it still is what the run would write.

    Args:
        cells: The cells.
        leaderboard: Where the records go.
        opens_data: Open the data, which decodes what isn't in the cache; otherwise their folders are looked for, and a
            record is believed that it is of the same copy.

    Raises:
        ConfigError: If `fit` would refuse a cell.
        DataError: If a record of the leaderboard can't be read.
    """
    from polybench.runs.cell_config import parse_cells  # with torch
    from polybench.runs.cell_data import look_for_data, of_each, open_data
    from polybench.runs.estimate import Estimates
    from polybench.runs.found_records import FoundRecords, is_of, run_here

    configs = parse_cells(cells)
    data, no_data = of_each(configs, open_data if opens_data else look_for_data)
    records = FoundRecords(leaderboard)
    estimates = Estimates(one.record for one in records.records)
    runs = {name: run_here(config) for name, config in configs.items()}
    matrix = Matrix(cells, runs=runs, data=data, opened=opens_data)
    for error in no_data.values():
        if isinstance(error, ConfigError):  # such as a split that there is not
            raise error
    for cell in cells:
        name, run, seen = cell.name, runs[cell.stage.name], data.get(cell.stage.name)
        facts = seen.facts if seen is not None else None
        try:
            noted = cell.finished()
        except ConfigError as error:
            matrix.outdated[name] = error
            continue
        if noted is not None and not is_of(read_stored(noted).record, run, facts, own=True):
            matrix.outdated[name] = ConfigError(
                f"{name}: its record '{noted.name}' is not what the run would give today (files, data, code or options "
                f"have changed): remove '{cell.folder}' to run it anew, or name the matrix anew."
            )
            continue
        record = noted or records.of(run, cell.seed, facts)
        seconds = estimates.of(run, seen) if seen is not None else None
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
    recorded, leases = partial(_recorded, matrix, leaderboard), partial(_run_lease, matrix, leaderboard)
    ended = execute(matrix.to_run(), None, replace(options, recorded=recorded, run_lease=leases))
    for dataset in sorted({one.record.parent.name for one in ended.outcomes if not one.skipped}):
        write_page(leaderboard, dataset)
    outcomes = {one.cell.name: one for one in ended.outcomes}
    outcomes |= {
        cell.name: Outcome(cell, matrix.found[cell.name], skipped=True)
        for cell in matrix.cells
        if cell.name in matrix.found
    }
    in_order = [outcomes[cell.name] for cell in matrix.cells if cell.name in outcomes]
    return Ended(in_order, {**matrix.outdated, **ended.failed}, ended.left)


def _recorded(matrix: Matrix, leaderboard: Path, cell: Cell) -> Path | None:
    """The record of a cell that another command has made since the matrix was prepared."""
    from polybench.runs.found_records import FoundRecords

    data = matrix.data.get(cell.stage.name)
    return FoundRecords(leaderboard).of(matrix.runs[cell.stage.name], cell.seed, data.facts if data else None)


def _run_lease(matrix: Matrix, leaderboard: Path, cell: Cell) -> Path | None:
    """The lease of the run that a cell is, which cells of other folders share; None where it can't be told."""
    try:
        return run_lease(leaderboard.absolute(), matrix.runs[cell.stage.name].key(cell.seed))
    except ConfigError:
        return None
