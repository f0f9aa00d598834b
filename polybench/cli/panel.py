"""The terminal table of the same predictions under every protocol."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from polybench.core.wording import counted, escaped
from polybench.metrics.protocols import PROTOCOLS, Protocol
from polybench.results.readings import readings, title
from polybench.results.statistics import Interval, caution

WIDTH = 132
"""Of tables that go to a file, characters."""


def print_panel(
    of_what: str,
    numbers: Mapping[str, Mapping[str, float]],
    intervals: Mapping[str, tuple[str, Interval]],
    protocols: Sequence[Protocol] = PROTOCOLS,
) -> None:
    """Print a line for each protocol, or for each of its readings such as mean and maximum, and some intervals.

    Args:
        of_what: What was scored, for the heading.
        numbers: Protocol's name -> metric -> number.
        intervals: Protocol's name -> one of its metrics, and that metric's mean with the interval.
        protocols: Which of them, in their order.
    """
    console = wide_console()
    heading = f"The same predictions under every protocol: {of_what}"
    console.print(panel_table(heading, protocols, [numbers[protocol.name] for protocol in protocols]))
    for name, (metric, of) in intervals.items():
        if of.low is not None:
            interval = f"95 % interval of the {name} {title(metric)}: {of.low:.4f} to {of.high:.4f}"
            console.print(f"{interval}, {counted(of.n, 'image')} in {counted(of.groups, 'group')}.", highlight=False)
    for note in {caution(of.n, of.groups) for _, of in intervals.values()} - {None}:
        console.print(f"Note: {note}", style="dim", highlight=False)


def panel_table(heading: str, protocols: Sequence[Protocol], numbers: Sequence[Mapping[str, float]]) -> Table:
    """Make the table; what stands for the first protocol has columns of its own.

    Args:
        heading: Its title.
        protocols: The protocols, at least one.
        numbers: Metric -> number, for each of them.
    """
    columns = [bare for cells in readings(dict.fromkeys(protocols[0].compared_cells[0])).values() for bare in cells]
    table = Table(title=literal(heading), title_justify="left")
    table.add_column("Protocol", no_wrap=True)
    for metric in columns:
        table.add_column(title(metric), justify="right", no_wrap=True)
    table.add_column("Further")
    for protocol, metrics in zip(protocols, numbers, strict=True):
        for reading, bare in readings(metrics).items():
            main = [f"{bare[metric]:.4f}" if metric in bare else "" for metric in columns]
            further = [f"{title(name)} {value:.4f}" for name, value in bare.items() if name not in columns]
            table.add_row(f"{protocol.key} {reading}".strip(), *main, ", ".join(further))
    return table


def wide_console() -> Console:
    """A console as wide as the terminal; elsewhere wide enough for the tables."""
    return Console(width=max(Console().width, WIDTH) if not Console().is_terminal else None)


def literal(text: str) -> str:
    """Text as rich prints it: without markup of its own, and without control characters."""
    return escape(escaped(text))
