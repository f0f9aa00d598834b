"""Run the stages of a plan and report on them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from polybench.experiments.again import Again
from polybench.experiments.command import again, needed_file
from polybench.experiments.recipes import HOME
from polybench.results.page import write_page
from polybench.runs.cell import Cell, cells_of
from polybench.runs.execute import Options, Outcome, execute
from polybench.runs.launch import LocalLauncher
from polybench.runs.plan import Plan, recipe_files
from polybench.runs.plan_file import read_plan
from polybench.runs.report import write_report

Reader = Callable[[Path], Plan]
"""Reads the file of a plan."""

FOLDER = Path("runs/plans")
"""Where the runs of plans go, each plan into a folder of its name."""


@dataclass(frozen=True)
class Ran:
    """A plan that has run: its finished runs, in their order, and its report."""

    plan: Plan
    outcomes: list[Outcome]
    report: Path


def cells_to_run(path: Path, folder: Path, leaderboard: Path, read: Reader = read_plan) -> list[Cell]:
    """All runs of a plan's file, whose command lines are parsed unless all of them are finished.

    Args:
        path: The plan's file.
        folder: Where the runs go.
        leaderboard: Where the records go.
        read: Reads the file.

    Raises:
        ConfigError: If the plan is wrong, or `fit` or `test` would refuse the command line of a stage.
    """
    cells = cells_of(read(path), folder, leaderboard)
    if not all(cell.finished() for cell in cells):
        from polybench.runs.validate_plan import validate_plan  # torch, which a finished plan can do without

        validate_plan(cells, path)
    return cells


def run_plan(
    path: Path,
    folder: Path = FOLDER,
    leaderboard: Path = Path("leaderboards"),
    devices: Sequence[str] = (),
    jobs: int = 1,
    variables: Mapping[str, str] | None = None,
    read: Reader = read_plan,
    command: str = "transfer",
) -> Ran:
    """Run what isn't finished of a plan, and write the pages of its datasets and its report.

    Args:
        path: The plan's file.
        folder: Where the runs go.
        leaderboard: Where the records, the pages and the report go.
        devices: CUDA devices, a run on each; none leaves the choice to the recipes.
        jobs: Runs at once where no devices are named.
        variables: Environment variables of the runs, beside those of this process.
        read: Reads the file.
        command: The command that runs it.

    Raises:
        UserError: If the plan, a recipe or an option is wrong, a run fails, or a signal comes.
    """
    cells = cells_to_run(path, folder, leaderboard, read)
    plan = cells[0].plan
    found = again([command, "--config", str(path)])  # where the runs go is no part of what gets a number again
    files = {file for stage in plan.stages.values() for file in recipe_files(stage.configs)}
    needs = [needed_file(file) for file in sorted(files) if not file.is_relative_to(HOME)]
    options = Options(LocalLauncher(devices, jobs, variables))
    ended = execute(cells, Again(found.command, (*found.needs, *needs)), options)
    if ended.failed:
        raise next(iter(ended.failed.values()))
    outcomes = ended.outcomes
    for dataset in sorted({outcome.record.parent.name for outcome in outcomes}):
        write_page(leaderboard, dataset)
    return Ran(plan, outcomes, write_report(plan, outcomes, leaderboard / "plans", found.command))
