"""The report of a plan from its records alone, wherever and whenever its runs were."""

from collections.abc import Sequence
from pathlib import Path

from polybench.core.errors import ConfigError
from polybench.core.wording import some
from polybench.experiments.command import again
from polybench.results.page import require_root
from polybench.runs.cell import Cell, cells_of
from polybench.runs.execute import Outcome
from polybench.runs.plan_file import read_plan
from polybench.runs.report import write_report
from polybench.runs.run_plan import Ran


def report_on(path: Path, folder: Path, leaderboard: Path) -> tuple[Ran, list[str]]:
    """Write the report of the runs of a plan that have a record.

    Args:
        path: The plan's file.
        folder: Where the runs are that have left their curves here.
        leaderboard: Where the records are, and the report goes.

    Returns:
        What was reported, and the names of the runs without a record.

    Raises:
        ConfigError: If the plan is wrong, no run of a stage has a record, or a run has records of several rows.
        DataError: If there is no such folder of leaderboards, or a record can't be read.
    """
    require_root(leaderboard)
    cells = cells_of(read_plan(path), folder, leaderboard)
    found = {cell.name: recorded(cell, leaderboard) for cell in cells}
    outcomes = [Outcome(cell, record, skipped=True) for cell in cells if (record := found[cell.name]) is not None]
    lacking = sorted({cell.stage.name for cell in cells} - {one.cell.stage.name for one in outcomes})
    if lacking:
        raise ConfigError(
            f"No run of {', '.join(lacking)} has a record in '{leaderboard}': run them first, or name --leaderboard."
        )
    plan = cells[0].plan
    command = again(["transfer", "--config", str(path)]).command
    report = write_report(plan, outcomes, leaderboard / "plans", command)
    return Ran(plan, outcomes, report), [name for name, record in found.items() if record is None]


def recorded(cell: Cell, leaderboard: Path) -> Path | None:
    """Find the record of a run of a plan by its stage, which is the variant in its name, and its seed.

    Args:
        cell: The run.
        leaderboard: Where the records are.

    Returns:
        The first record of the row; None where there is none.

    Raises:
        ConfigError: If there are records of several rows, as of a plan that has changed.
    """
    pattern = f"records/*/*-{cell.stage.variant}-{'[0-9a-f]' * 8}-s{cell.seed}.json"
    found: Sequence[Path] = sorted(leaderboard.glob(pattern))
    if len(found) > 1:
        raise ConfigError(
            f"{cell.name} has records of {len(found)} rows ({some([one.stem for one in found])}), since the plan, the "
            "code or the data have changed: take those that don't belong to the report out of the leaderboards."
        )
    return found[0] if found else None
