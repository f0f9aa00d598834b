"""`polybench list`: what polybench has; so far the models."""

import csv
from collections.abc import Sequence
from importlib.resources import files

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from polybench.cli.parser import Parser
from polybench.core.errors import ConfigError, did_you_mean

WHAT = ("models",)

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
    """Print the table of models, or what is known of one.

    Args:
        args: The arguments after `polybench list`.

    Returns:
        The exit code, 0.

    Raises:
        ConfigError: If there is no such list, or no method of the name.
    """
    parser = Parser("polybench list", "Show the models: papers, parameters beside the published ones, cost, status.")
    parser.add_argument("what", metavar="models", help="what to list")
    parser.add_argument("name", nargs="?", metavar="METHOD", help="show this method of conf/methods in full")
    options = parser.parse_args(args)
    if options.what not in WHAT:
        raise ConfigError(
            f"There is no list of '{options.what}'; there is {', '.join(WHAT)}, and polybench data list for datasets."
        )
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
