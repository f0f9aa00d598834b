"""Options of the commands that run many cells: where they go, and how many run at once."""

import argparse
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from polybench.cli.parser import Parser
from polybench.core.errors import ConfigError
from polybench.experiments.recipes import with_recipes

if TYPE_CHECKING:  # plans aren't read for --help
    from polybench.runs.cell import Cell


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


def add_cells_at_once(parser: Parser) -> None:
    """Add the devices, the number of cells at once without them, and the project that they are sent to."""
    parser.add_argument("--devices", help="CUDA devices such as 0,1: independent cells at once, one on each")
    parser.add_argument(
        "--wandb",
        metavar="PROJECT",
        help="send each run, and the table at the end, to this W&B project, in a group of the plan's name",
    )
    parser.add_argument(
        "--keep_weights", type=Path, metavar="DIR", help="put the selected weights of each cell that is trained here"
    )
    parser.add_argument("--jobs", type=int, default=1, help="cells at once where no devices are named (%(default)s)")


def add_list(parser: Parser) -> None:
    """Add the option that prints the runs of a plan."""
    parser.add_argument(
        "--list", action="store_true", help="print the state and the command of each run, and run nothing"
    )


def print_cells(cells: "Iterable[Cell]") -> None:
    """Print the state and the command of each run of a plan.

    Args:
        cells: The runs.
    """
    for cell in cells:
        print(f"{cell.name}: {cell.state()}\n    polybench {shlex.join(cell.words())}")


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
    if options.jobs < 1:
        raise ConfigError("--jobs must be at least 1.")
    options.devices = [device for device in (options.devices or "").split(",") if device]
    return options


def cell_variables(options: argparse.Namespace, plan: str) -> dict[str, str]:
    """Environment variables of the cells: where they are sent and what they leave, which are no part of what they are.

    Args:
        options: Those of the command line.
        plan: The plan's name.
    """
    from polybench.experiments.dashboard_variables import dashboard_variables
    from polybench.runs.kept_weights import kept_weights_variables

    return dashboard_variables(options.wandb, plan) | kept_weights_variables(options.keep_weights)
