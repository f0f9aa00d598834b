"""`polybench list`: what polybench has: the models, and the tables and figures of the papers."""

import csv
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from polybench.cli.parser import Parser
from polybench.core.errors import ConfigError, did_you_mean

WHAT = ("models", "papers")

SHOWN = {
    "method": "method",
    "paper": "paper",
    "year": "year",
    "parameters": "parameters",
    "published": "published",
    "gmac": "GMAC",
    "encoder": "encoder",
    "trained_by": "trained by",
    "status": "status",
}
"""Column of the table of nets -> its heading."""

RIGHT = frozenset({"year", "parameters", "published", "gmac"})

NARROWEST = 190
"""Characters of a line where the output is no terminal."""

LEGEND = (
    "GMAC: of one image of 256x256. Status: exact, the parameters of the published net or of its released code, less "
    "what is named; as printed, in the digits of a paper that prints no layout; our reading, where a paper leaves the "
    "layout open; library, of segmentation_models_pytorch; ours, of no paper.\n"
    "Train one: polybench fit --config conf/methods/METHOD.yaml --config conf/data/DATASET.yaml. "
    "One in full: polybench list models METHOD"
)


def main(args: list[str]) -> int:
    """Print the table of models, or what is known of one, or the tables and figures of the papers.

    Args:
        args: The arguments after `polybench list`.

    Returns:
        The exit code, 0.

    Raises:
        ConfigError: If there is no such list, no method or paper of the name, or the page can't be written.
    """
    parser = Parser(
        "polybench list",
        "Show the models: papers, parameters beside the published ones, cost, status; or each table and figure of the "
        "papers with the command that makes it.",
    )
    parser.add_argument("what", metavar="models|papers", help="what to list")
    parser.add_argument("name", nargs="?", metavar="NAME", help="this method of conf/methods in full, or this paper")
    parser.add_argument("--output", type=Path, metavar="FILE.md", help="with papers: write the page here")
    options = parser.parse_args(args)
    if options.output is not None and (options.what != "papers" or options.name is not None):
        raise ConfigError("--output is the page of all papers: polybench list papers --output FILE.md.")
    if options.what not in WHAT:
        raise ConfigError(
            f"There is no list of '{options.what}'; there are {', '.join(WHAT)}, and polybench data list for datasets."
        )
    if options.what == "papers":
        return _papers(options.name, options.output)
    rows = models()
    console = Console(highlight=False)
    if options.name is not None:
        console.print(_card(rows, options.name), soft_wrap=True)
        return 0
    if not console.is_terminal:
        console = Console(highlight=False, width=max(NARROWEST, console.width))
    console.print(_table(list(rows.values())))
    console.print(Text(LEGEND), soft_wrap=True)
    return 0


def _papers(name: str | None, output: Path | None) -> int:
    """Print the tables and figures of the papers, or write their page."""
    from polybench.core.atomic import atomic_write_text  # these are quick, and the models do without
    from polybench.experiments.outputs import refuse_unwritable
    from polybench.results.printed.numbers import papers
    from polybench.results.printed.places import places_page, places_table
    from polybench.results.render.terminal import print_table

    if output is not None:
        refuse_unwritable(output, "--output", ".md")
        atomic_write_text(output, places_page())
        print(output)
        return 0
    if name is not None and name not in papers():
        raise ConfigError(f"There is no paper '{name}'; there are {', '.join(papers())}.{did_you_mean(name, papers())}")
    for key in papers() if name is None else [name]:
        print_table(places_table(key))
    return 0


def models() -> dict[str, dict[str, str]]:
    """Read the table of nets.

    Returns:
        Method -> its row; numbers as text, empty where there is none.
    """
    text = (files("polybench") / "models" / "nets.csv").read_text(encoding="utf-8")
    return {row["method"]: row for row in csv.DictReader(text.splitlines())}


def _table(rows: Sequence[dict[str, str]]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for column, heading in SHOWN.items():
        table.add_column(heading, no_wrap=column == "method", justify="right" if column in RIGHT else "left")
    for row in rows:
        table.add_row(*(_cell(row, column) for column in SHOWN))
    return table


def _cell(row: dict[str, str], column: str) -> str:
    value = row[column]
    return f"{int(value):,}" if column == "parameters" else value or "-"


def _card(rows: dict[str, dict[str, str]], name: str) -> Table:
    if name not in rows:
        raise ConfigError(
            f"There is no method '{name}'.{did_you_mean(name, rows) or ' List them: polybench list models.'}"
        )
    row = rows[name]
    fields = {
        **{heading: _cell(row, column) for column, heading in SHOWN.items()},
        "title": row["title"],
        "net": row["net"],
        "recipe": f"conf/methods/{name}.yaml",
    }
    table = Table.grid(Column(no_wrap=True), padding=(0, 2))
    for heading, value in fields.items():
        table.add_row(Text(heading), Text(value))
    return table
