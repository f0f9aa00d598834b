"""`polybench matrix`: run methods x datasets x seeds, each cell once, wherever it is run."""

import argparse
import shlex
import sys

from polybench.cli.parser import Parser
from polybench.cli.plan_options import add_cells_at_once, add_places, cell_variables, parsed


def main(args: list[str]) -> int:
    """Run the command and return its exit code: 1 if a cell failed or was not run.

    Raises:
        UserError: If the matrix, a recipe or an option is wrong, data are missing, or a signal comes.
    """
    options = _options(args)
    from polybench.runs.run_matrix import prepare, read_cells, refuse_missing_data, run_matrix

    cells = read_cells(options.config, options.folder, options.leaderboard, options.cell)
    if options.commands:
        _print_commands(options, [cell.name for cell in cells])
        print("Note: neither options nor data of the cells were looked at: --list does.", file=sys.stderr)
        return 0
    from polybench.cli.live import LiveCells
    from polybench.experiments.fit_checks import refuse_absent_gpus
    from polybench.results.render import terminal
    from polybench.runs.execute import Options
    from polybench.runs.launch import LocalLauncher
    from polybench.runs.matrix_table import cells_table, outcomes_table

    if not options.list:
        refuse_absent_gpus(options.devices)
    launcher = LocalLauncher(options.devices, options.jobs, cell_variables(options, cells[0].plan.name))
    matrix = prepare(cells, options.leaderboard, opens_data=not options.list)
    name = cells[0].plan.name
    terminal.print_table(cells_table(matrix, name, launcher.jobs))
    if options.list:
        return 0
    if not options.skip_missing:
        refuse_missing_data(matrix)
    with LiveCells() as live:
        ended = run_matrix(matrix, options.leaderboard, Options(launcher, True, live.report, live.watch))
    table = outcomes_table(matrix, ended, name)
    terminal.print_table(table)
    if options.wandb:
        from polybench.cli.plan_dashboard import send

        send(options.wandb, name, table)
    if ended.outcomes and not options.cell:
        from polybench.experiments.command import again
        from polybench.runs.matrix_report import write_matrix_report

        command = again(["matrix", "--config", str(options.config)]).command
        folder = options.leaderboard / "plans"
        print(f"Report: {write_matrix_report(cells[0].plan, ended.outcomes, folder, command, ended.failed)}")
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
    parser.add_argument("--cell", action="append", default=[], metavar="NAME", help="run this cell only; repeatable")
    add_cells_at_once(parser)
    parser.add_argument("--skip_missing", action="store_true", help="leave out cells whose data aren't there")
    shows = parser.add_mutually_exclusive_group()
    shows.add_argument("--list", action="store_true", help="print the cells, their states and times, and run nothing")
    shows.add_argument(
        "--commands", action="store_true", help="print a command for each cell, for any scheduler, and run nothing"
    )
    return parsed(parser, args)
