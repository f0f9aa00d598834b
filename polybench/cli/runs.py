"""`polybench runs`: list the cells of plans and matrices, or the rows of a leaderboard that are out of date."""

from pathlib import Path

from polybench.cli.parser import Parser


def main(args: list[str]) -> int:
    """Run the command and return its exit code: with --stale 1 if a row is out of date, otherwise 0.

    Raises:
        UserError: If there is nothing to list, or a record can't be read.
    """
    parser = Parser(
        "polybench runs",
        "List the cells of plans and matrices with their states and logs; or, with --stale, the rows of the "
        "leaderboard that a run of today would not give again: of an earlier protocol, net, policy, split or copy.",
    )
    parser.add_argument(
        "folder", type=Path, nargs="*", help="where plans and matrices run (runs/matrix and runs/plans)"
    )
    parser.add_argument("--stale", action="store_true", help="list the rows of the leaderboard that are out of date")
    parser.add_argument("--leaderboard", type=Path, default=Path("leaderboards"), help="of --stale (%(default)s)")
    options = parser.parse_args(args)
    from polybench.results.render import terminal

    if options.stale:
        from polybench.runs.stale import stale_table

        table = stale_table(options.leaderboard)
        terminal.print_table(table)
        return 1 if table.rows else 0
    from polybench.runs.overview import FOLDERS, cell_folders, logs, overview

    cells = cell_folders(options.folder or FOLDERS)
    terminal.print_table(overview(cells))
    if found := logs(cells):
        print("Logs of the cells that run, failed or were interrupted:", *found, sep="\n")  # whole, to be copied
    return 0
