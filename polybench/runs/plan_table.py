"""The runs of a plan before they run, as a table: their states, and how long those that are finished trained."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from polybench.core.errors import UserError
from polybench.results.quantities import duration
from polybench.results.tables import MISSING, Column, Seconds, Table
from polybench.runs.cell import Cell
from polybench.runs.report import read_stored

FINISHED = "finished"
NO_DATA = "no data"


def plan_table(cells: Sequence[Cell], jobs: int = 1, no_data: Mapping[str, UserError] | None = None) -> Table:
    """The runs of a plan.

    Args:
        cells: The runs, at least one.
        jobs: Runs at once.
        no_data: Name of a run -> why its data can't be opened.

    Raises:
        DataError: If the record of a finished run can't be read.
    """
    took: dict[str, float] = {}
    lacking = no_data or {}
    states = {cell.name: NO_DATA if cell.name in lacking else cell.state() for cell in cells}
    for cell in cells:
        path = cell.finished() if states[cell.name] == FINISHED else None
        training = None if path is None else read_stored(path).record.training
        if training is not None:
            took[cell.name] = training.wall_seconds
    rows = tuple((name, state, Seconds(took[name]) if name in took else MISSING) for name, state in states.items())
    left = sum(state != FINISHED for state in states.values())
    notes = [f"{len(rows)} runs, {left} to run."]
    if took and left:
        at_once = f", {jobs} at a time" if jobs > 1 else ""
        notes.append(
            f"About {duration(fmean(took.values()) * left / jobs)} of training{at_once}, if each takes as long as the "
            f"mean of the {len(took)} that are finished."
        )
    notes += list(dict.fromkeys(map(str, lacking.values())))
    columns = (Column("Run"), Column("State"), Column("Training", "right"))
    return Table(columns, rows, f"Plan {cells[0].plan.name}", tuple(notes))
