"""`polybench matrix`: run methods x datasets x seeds, each cell once, wherever it is run."""

import argparse
import shlex
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from polybench.cli.launch_options import add_launcher, open_launcher, submit_cells
from polybench.cli.parser import Parser
from polybench.cli.plan_options import add_places, add_what_is_left, cell_variables, parsed, words_of

if TYPE_CHECKING:  # neither plans nor launchers are needed for --help
    from polybench.runs.cell import Cell
    from polybench.runs.launch import Launcher
    from polybench.runs.run_matrix import Matrix


def main(args: list[str]) -> int:
    """Run the command and return its exit code: 1 if a cell failed or was not run.

    Raises:
        UserError: If the matrix, a recipe or an option is wrong, data are missing, or a signal comes.
    """
    options = _options(args)
    from polybench.runs.run_matrix import read_cells

    cells = read_cells(options.config, options.folder, options.leaderboard, options.cell)
    if options.commands:
        _print_commands(options, [cell.name for cell in cells])
        print("Note: neither options nor data of the cells were looked at: --list does.", file=sys.stderr)
        return 0
    variables = cell_variables(options, cells[0].plan.name)
    with open_launcher(options, variables) as launcher:
        return _run(options, cells, launcher, variables)


def _run(options: argparse.Namespace, cells: "list[Cell]", launcher: "Launcher", variables: Mapping[str, str]) -> int:
    """Run or submit the cells, or show them; return the exit code."""
    from polybench.experiments.fit_checks import refuse_absent_gpus
    from polybench.results.render import terminal
    from polybench.runs.matrix_table import cells_table
    from polybench.runs.run_matrix import prepare, refuse_missing_data

    if not options.list:
        refuse_absent_gpus(options.devices)
    matrix = prepare(cells, options.leaderboard, opens_data=not options.list)
    submits = options.launcher == "slurm"
    at_once = options.jobs or len(cells) if submits else launcher.jobs
    terminal.print_table(cells_table(matrix, cells[0].plan.name, at_once))
    if options.list:
        return 0
    if not options.skip_missing:
        refuse_missing_data(matrix)
    if submits and (left := matrix.to_run()):
        submit_cells(options, words_of("matrix", options), left, variables)
        return 0
    return _end(options, matrix, launcher)


def _end(options: argparse.Namespace, matrix: "Matrix", launcher: "Launcher") -> int:
    """Run what has no record yet, and report on all; return the exit code."""
    from polybench.cli.live import LiveCells
    from polybench.results.render import terminal
    from polybench.runs.execute import Options
    from polybench.runs.matrix_table import outcomes_table
    from polybench.runs.run_matrix import run_matrix

    with LiveCells() as live:
        ended = run_matrix(matrix, options.leaderboard, Options(launcher, True, live.report, live.watch))
    plan = matrix.cells[0].plan
    table = outcomes_table(matrix, ended, plan.name)
    terminal.print_table(table)
    if options.wandb:
        from polybench.cli.plan_dashboard import send

        send(options.wandb, plan.name, table)
    if ended.outcomes and not options.cell:
        from polybench.experiments.command import again
        from polybench.runs.matrix_report import write_matrix_report

        command = again(["matrix", "--config", str(options.config)]).command
        folder = options.leaderboard / "plans"
        print(f"Report: {write_matrix_report(plan, ended.outcomes, folder, command, ended.failed)}")
    for error in ended.failed.values():
        print(f"polybench: error: {error}", file=sys.stderr)
    return 1 if ended.failed or ended.left else 0


def _print_commands(options: argparse.Namespace, names: list[str]) -> None:
    """Print a command for each cell, which any scheduler can start, in any order and more than once."""
    places = ["--folder", str(options.folder.absolute()), "--leaderboard", str(options.leaderboard.absolute())]
    for name in names:
        words = ["polybench", "matrix", "--config", str(options.config.absolute()), "--cell", name, *places]
        print(shlex.join(words))


def _options(args: list[str]) -> argparse.Namespace:
    """Parse the command's own options.

    Raises:
        ConfigError: If one is wrong.
    """
    parser = Parser(
        "polybench matrix",
        "Run methods x datasets x seeds, each cell an ordinary run. Cells that have a record are skipped, interrupted "
        "ones resumed; a cell that fails doesn't end the others. The same command can run several times at once, on "
        "machines that share the folder: each cell is run once.",
    )
    add_places(parser, "MATRIX", "conf/plans/boards.yaml", "runs/matrix")
    add_launcher(parser)
    add_what_is_left(parser)
    parser.add_argument("--skip_missing", action="store_true", help="leave out cells whose data aren't there")
    shows = parser.add_mutually_exclusive_group()
    shows.add_argument("--list", action="store_true", help="print the cells, their states and times, and run nothing")
    shows.add_argument(
        "--commands", action="store_true", help="print a command for each cell, for any scheduler, and run nothing"
    )
    return parsed(parser, args)
