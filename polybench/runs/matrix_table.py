"""Tables of a matrix: its cells before they run, and what became of them."""

from pathlib import Path

from polybench.results.headline import headline
from polybench.results.quantities import duration
from polybench.results.readings import title
from polybench.results.tables import MISSING, Cell, Code, Column, Table, joined
from polybench.runs.execute import Ended
from polybench.runs.report import read_stored
from polybench.runs.run_matrix import Matrix
from polybench.runs.scores import score

UNOPENED = (
    "The data were looked for, not opened: records are taken to be of the copies that are here, and files that are "
    "missing or broken are known when the matrix runs."
)


def cells_table(matrix: Matrix, name: str, jobs: int) -> Table:
    """The cells of a matrix, with their states and the time that they take.

    Args:
        matrix: The matrix, prepared.
        name: Its name.
        jobs: Cells that run at once.
    """
    running = {cell.name for cell in matrix.to_run()}
    rows = [
        (cell.name, matrix.state(cell), _about(matrix.seconds.get(cell.name)) if cell.name in running else MISSING)
        for cell in matrix.cells
    ]
    known = [matrix.seconds[name] for name in running if name in matrix.seconds]
    notes = [f"{len(rows)} cells, {len(running)} to run."]
    if known:
        unknown = len(running) - len(known)
        cells = "a cell" if unknown == 1 else f"{unknown} cells"
        rest = f", and {cells} whose time no record tells" if unknown else ""
        at_once = f", {jobs} at a time" if jobs > 1 else ""
        notes.append(f"About {duration(sum(known) / jobs)} of training{at_once}{rest}, by the records of earlier runs.")
    if not matrix.opened:
        notes.append(UNOPENED)
    columns = (Column("Cell"), Column("State"), Column("Training", "right"))
    return Table(columns, tuple(rows), f"Matrix {name}", tuple(notes))


def outcomes_table(matrix: Matrix, ended: Ended, name: str) -> Table:
    """What became of the cells of a matrix, and their numbers.

    Args:
        matrix: The matrix.
        ended: The outcomes.
        name: Its name.

    Raises:
        DataError: If a record can't be read.
    """
    outcomes = {one.cell.name: one for one in ended.outcomes}
    rows = []
    for cell in matrix.cells:
        if (one := outcomes.get(cell.name)) is not None:
            rows.append((cell.name, "finished before" if one.skipped else "finished", *numbers(one.record)))
        else:
            state = "failed" if cell.name in ended.failed else "not run"
            state = matrix.state(cell) if cell.name in {**matrix.no_data, **matrix.outdated} else state
            rows.append((cell.name, state, MISSING, MISSING, MISSING))
    columns = (
        Column("Cell"),
        Column("State"),
        Column("Score"),
        Column("Training", "right"),
        Column("Record", optional=True),
    )
    return Table(columns, tuple(rows), f"Matrix {name}")


def numbers(path: Path) -> tuple[Cell, Cell, Cell]:
    """The score of a record, the time of its training and its file."""
    record = read_stored(path).record
    protocol, metric = headline(record)
    number = joined((title(metric), score([record]), Code(protocol)))
    took = duration(record.training.wall_seconds) if record.training else MISSING
    return number, took, path.name


def _about(seconds: float | None) -> Cell:
    return "unknown" if seconds is None else f"about {duration(seconds)}"
