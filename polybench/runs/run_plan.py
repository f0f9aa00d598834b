"""Run the stages of a plan and report on them."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from polybench.core.errors import ConfigError, did_you_mean
from polybench.experiments.again import Again
from polybench.experiments.command import again, needed_file
from polybench.experiments.recipes import HOME
from polybench.results.page import write_page
from polybench.runs.cell import Cell, cells_of
from polybench.runs.execute import Options, Outcome, execute
from polybench.runs.launch import Launcher, LocalLauncher
from polybench.runs.plan import Plan, recipe_files
from polybench.runs.plan_file import read_plan
from polybench.runs.report import write_report

Reader = Callable[[Path], Plan]
"""Reads the file of a plan."""

FOLDER = Path("runs/plans")
"""Where the runs of plans go, each plan into a folder of its name."""


@dataclass(frozen=True)
class Ran:
    """A plan that has run: its finished runs, in their order, and its report; None where only some were asked for."""

    plan: Plan
    outcomes: list[Outcome]
    report: Path | None


def cells_to_run(
    path: Path, folder: Path, leaderboard: Path, read: Reader = read_plan, only: Collection[str] = ()
) -> list[Cell]:
    """All runs of a plan's file, whose command lines are parsed unless all of them are finished.

    Args:
        path: The plan's file.
        folder: Where the runs go.
        leaderboard: Where the records go.
        read: Reads the file.
        only: Names of the runs that are asked for, which come with those whose files they take; empty for all.

    Raises:
        ConfigError: If the plan is wrong, `fit` or `test` would refuse the command line of a stage, there is no run of
            a name, or one that is asked for takes a file of a run that is neither finished nor asked for.
    """
    cells = _with_sources(cells_of(read(path), folder, leaderboard), only, path)
    if not all(cell.finished() for cell in cells):
        from polybench.runs.validate_plan import validate_plan  # torch, which a finished plan can do without

        validate_plan(cells, path)
    return cells


def _with_sources(cells: list[Cell], only: Collection[str], path: Path) -> list[Cell]:
    """The runs that are asked for, and the finished ones that they need."""
    if not only:
        return cells
    names = {cell.name: cell for cell in cells}
    needed = set[str]()
    for name in only:
        if name not in names:
            raise ConfigError(f"'{path}' has no run '{name}'.{did_you_mean(name, names)} --list shows them.")
        for source in names[name].needs():
            if source.name not in only and source.finished() is None:
                raise ConfigError(f"{name} takes a file of {source.name}, which is not finished: run that one first.")
            needed.add(source.name)
    return [cell for cell in cells if cell.name in only or cell.name in needed]


def run_plan(
    path: Path,
    folder: Path = FOLDER,
    leaderboard: Path = Path("leaderboards"),
    launcher: Launcher | None = None,
    read: Reader = read_plan,
    command: str = "transfer",
    only: Collection[str] = (),
) -> Ran:
    """Run what isn't finished of a plan, and write the pages of its datasets and its report.

    Args:
        path: The plan's file.
        folder: Where the runs go.
        leaderboard: Where the records, the pages and the report go.
        launcher: Starts the processes of the runs; None for one at a time on this machine.
        read: Reads the file.
        command: The command that runs it.
        only: Names of the runs that are asked for, of which there is no report; empty for all.

    Raises:
        UserError: If the plan, a recipe or an option is wrong, a run fails, or a signal comes.
    """
    cells = cells_to_run(path, folder, leaderboard, read, only)
    plan = cells[0].plan
    found = again([command, "--config", str(path)])  # where the runs go is no part of what gets a number again
    files = {file for stage in plan.stages.values() for file in recipe_files(stage.configs)}
    needs = [needed_file(file) for file in sorted(files) if not file.is_relative_to(HOME)]
    options = Options(launcher or LocalLauncher())
    ended = execute(cells, Again(found.command, (*found.needs, *needs)), options)
    if ended.failed:
        raise next(iter(ended.failed.values()))
    outcomes = ended.outcomes
    for dataset in sorted({outcome.record.parent.name for outcome in outcomes}):
        write_page(leaderboard, dataset)
    report = None if only else write_report(plan, outcomes, leaderboard / "plans", found.command)
    return Ran(plan, outcomes, report)
