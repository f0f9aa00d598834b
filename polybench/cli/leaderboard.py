"""`polybench leaderboard`: make the pages from the records, or check that they are up to date."""

from pathlib import Path

from polybench.cli.parser import Parser


def main(args: list[str]) -> int:
    """Run the command.

    Args:
        args: The arguments after `polybench leaderboard`.

    Returns:
        The exit code: 1 when `--check` finds a stale page, or a table without its record.

    Raises:
        UserError: For an unknown option, a missing folder or a record that can't be read.
    """
    parser = Parser("polybench leaderboard", "Make the pages of the leaderboards from their records.")
    parser.add_argument("--root", type=Path, default=Path("leaderboards"), help="folder with records/ (%(default)s)")
    parser.add_argument("--check", action="store_true", help="write nothing; name the pages that are out of date")
    options = parser.parse_args(args)

    from polybench.results.page import stale_pages, write_pages  # pandas and scipy, which --help can do without
    from polybench.results.record import tables_without_record

    if options.check:
        reasons, tables = stale_pages(options.root), tables_without_record(options.root)
        for reason in (*reasons, *tables):
            print(reason)
        if reasons or not tables:
            print("Run 'polybench leaderboard' and commit the pages." if reasons else "All pages are up to date.")
        return 1 if reasons or tables else 0
    paths = write_pages(options.root)
    for path in paths:
        print(path)
    for sentence in tables_without_record(options.root):
        print(sentence)
    if not paths:
        print(f"There are no records in '{options.root / 'records'}'.")
    return 0
