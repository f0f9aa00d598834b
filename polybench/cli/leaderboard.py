"""`polybench leaderboard`: make the pages from the records, check them, or print their tables."""

import os
from pathlib import Path

from polybench.cli.parser import Parser
from polybench.core.errors import ConfigError

MANY = 300
"""Records from which a second process starts sooner than the first one ends."""

FORMS = ("markdown", "csv", "latex", "terminal")


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
    parser.add_argument("datasets", nargs="*", metavar="DATASET", help="with --format: of which datasets (all)")
    parser.add_leaderboard()
    parser.add_argument("--check", action="store_true", help="write nothing; name the pages that are out of date")
    parser.add_argument(
        "--format", choices=FORMS, help="write nothing; print the tables as a Markdown page, CSV, LaTeX or text"
    )
    parser.add_argument(
        "--processes",
        type=int,
        metavar="N",
        help="pages written at once (2 with many records and cores, else 1)",
    )
    options = parser.parse_args(args)
    if options.format and options.check:
        raise ConfigError("--format prints tables and --check checks pages: give one of them.")
    if options.datasets and not options.format:
        raise ConfigError(
            f"'{options.datasets[0]}' chooses what --format prints: add --format terminal, or leave it out."
        )
    if options.format:
        from polybench.results.export import exported  # pandas and scipy, which --help can do without
        from polybench.results.render.terminal import full_width

        print(exported(options.root, options.datasets, options.format, full_width()), end="")
        return 0
    return _check(options.root) if options.check else _write(options.root, options.processes)


def _check(root: Path) -> int:
    """Name what is out of date."""
    from polybench.results.page import stale_pages  # pandas and scipy, which --help can do without
    from polybench.results.record import tables_without_record
    from polybench.results.record_schema import stale_schema

    reasons, tables = [*stale_pages(root), *stale_schema(root)], tables_without_record(root)
    for reason in (*reasons, *tables):
        print(reason)
    if reasons or not tables:
        print("Run 'polybench leaderboard' and commit what it writes." if reasons else "All pages are up to date.")
    return 1 if reasons or tables else 0


def _write(root: Path, processes: int | None) -> int:
    """Write all pages, and the schema of records."""
    from polybench.results.page import write_pages  # pandas and scipy, which --help can do without
    from polybench.results.record import tables_without_record
    from polybench.results.record_schema import write_schema

    if processes is None:
        many = len(list((root / "records").glob("*/*.json"))) > MANY
        processes = min(2, os.cpu_count() or 1) if many else 1
    paths = write_pages(root, processes)
    if paths:
        paths.append(write_schema(root))
    for path in paths:
        print(path)
    for sentence in tables_without_record(root):
        print(sentence)
    if not paths:
        print(f"There are no records in '{root / 'records'}'.")
    return 0
