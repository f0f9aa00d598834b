"""Options of the commands that run many cells: where they go, where they run, and what they leave."""

import argparse
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from polybench.cli.launch_options import check_launcher, open_launcher, submit_cells
from polybench.cli.parser import Parser
from polybench.experiments.recipes import with_recipes

if TYPE_CHECKING:  # plans aren't read for --help
    from polybench.runs.cell import Cell
    from polybench.runs.run_plan import Ran, Reader


def add_places(parser: Parser, file: str, example: str, folder: str) -> None:
    """Add the file of a plan, where its cells go and where their records go.

    Args:
        parser: The command's parser.
        file: What its file is called in the help.
        example: Where examples of it are.
        folder: Where the cells go by default.
    """
    kind = file.lower()
    parser.add_argument("--config", type=Path, required=True, metavar=file, help=f"a {kind}, such as {example}")
    parser.add_argument("--folder", type=Path, default=Path(folder), help="where the cells go (%(default)s)")
    parser.add_argument("--leaderboard", type=Path, default=Path("leaderboards"), help="where records go (%(default)s)")


def add_what_is_left(parser: Parser) -> None:
    """Add the project that the cells are sent to, and where their weights go."""
    parser.add_argument(
        "--wandb",
        metavar="PROJECT",
        help="send each run, and the table at the end, to this W&B project, in a group of the plan's name",
    )
    parser.add_argument(
        "--keep_weights", type=Path, metavar="DIR", help="put the selected weights of each cell that is trained here"
    )


def add_list(parser: Parser) -> None:
    """Add the option that prints the runs of a plan."""
    parser.add_argument(
        "--list", action="store_true", help="print the state and the command of each run, and run nothing"
    )


def print_cells(cells: "Iterable[Cell]") -> None:
    """Print the state and the command of each run of a plan, and which data aren't there.

    Args:
        cells: The runs.
    """
    from polybench.runs.missing_data import missing_data  # with torch
    from polybench.runs.plan_table import NO_DATA

    cells = list(cells)
    lacking = missing_data(cells)
    for cell in cells:
        state = NO_DATA if cell.name in lacking else cell.state()
        print(f"{cell.name}: {state}\n    polybench {shlex.join(cell.words())}")
    for reason in dict.fromkeys(map(str, lacking.values())):
        print(reason)


def parsed(parser: Parser, args: list[str]) -> argparse.Namespace:
    """Parse the options; a file that isn't there, but that polybench has, is its own, which is said.

    Returns:
        The options, `devices` as a list.

    Raises:
        ConfigError: If one is wrong.
    """
    words, notes = with_recipes(args)
    for note in notes:
        print(f"Note: {note}", file=sys.stderr)
    options = parser.parse_args(words)
    check_launcher(options)
    return options


def words_of(command: str, options: argparse.Namespace) -> list[str]:
    """The words of a command that runs the same cells, its name first.

    Args:
        command: Its name.
        options: Those of the command line.
    """
    places = ["--folder", str(options.folder), "--leaderboard", str(options.leaderboard)]
    return [command, "--config", str(options.config), *places]


def cell_variables(options: argparse.Namespace, plan: str) -> dict[str, str]:
    """Environment variables of the cells: where they are sent and what they leave, which are no part of what they are.

    Args:
        options: Those of the command line.
        plan: The plan's name.
    """
    from polybench.experiments.dashboard_variables import dashboard_variables
    from polybench.runs.kept_weights import kept_weights_variables

    return dashboard_variables(options.wandb, plan) | kept_weights_variables(options.keep_weights)


def run_stages(options: argparse.Namespace, command: str, read: "Reader") -> "Ran | None":
    """Run the stages of a plan, or submit those that aren't finished.

    Args:
        options: Those of the command line.
        command: The command's name.
        read: Reads the plan's file.

    Returns:
        What was run; None where stages were submitted, which end after the command.

    Raises:
        UserError: If the plan, a recipe or an option is wrong, a run fails, or a signal comes.
    """
    from polybench.experiments.fit_checks import refuse_absent_gpus
    from polybench.runs.run_plan import cells_to_run, run_plan  # pandas and matplotlib, which --help can do without

    refuse_absent_gpus(options.devices)
    variables = cell_variables(options, read(options.config).name)
    places = (options.config, options.folder, options.leaderboard)
    if options.launcher == "slurm":
        cells = cells_to_run(*places, read, options.cell)
        if left := [cell for cell in cells if cell.finished() is None]:
            submit_cells(options, words_of(command, options), left, variables)
            return None
    with open_launcher(options, variables) as launcher:
        return run_plan(*places, launcher, read, command, options.cell)
