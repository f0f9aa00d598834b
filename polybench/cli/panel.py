"""The terminal table of the same predictions under every protocol."""

from collections.abc import Mapping, Sequence

from polybench.core.wording import counted
from polybench.metrics.protocols import PROTOCOLS, Protocol
from polybench.results.readings import readings, title
from polybench.results.render.terminal import print_table, wide_console
from polybench.results.statistics.intervals import Interval, caution
from polybench.results.tables import Column, Number, Table


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
    print_table(panel_table(heading, protocols, [numbers[protocol.name] for protocol in protocols]), console)
    for name, (metric, of) in intervals.items():
        if of.low is not None:
            interval = f"95 % interval of the {name} {title(metric)}: {of.low:.4f} to {of.high:.4f}"
            console.print(f"{interval}, {counted(of.n, 'image')} in {counted(of.groups, 'group')}.", highlight=False)
    for note in {caution(of.n, of.groups) for _, of in intervals.values()} - {None}:
        console.print(f"Note: {note}", style="dim", highlight=False)


def panel_table(heading: str, protocols: Sequence[Protocol], numbers: Sequence[Mapping[str, float]]) -> Table:
    """Make the table; the metrics that stand for the first protocol have columns of their own.

    Args:
        heading: Its title.
        protocols: The protocols, at least one.
        numbers: Metric -> number, for each of them.
    """
    columns = [bare for cells in readings(dict.fromkeys(protocols[0].compared_cells[0])).values() for bare in cells]
    rows = []
    for protocol, metrics in zip(protocols, numbers, strict=True):
        for reading, bare in readings(metrics).items():
            main = [Number(bare[metric]) if metric in bare else "" for metric in columns]
            further = [f"{title(name)} {value:.4f}" for name, value in bare.items() if name not in columns]
            rows.append((f"{protocol.key} {reading}".strip(), *main, ", ".join(further)))
    head = (
        Column("Protocol", wrap=False), *(Column(title(metric), "right", wrap=False) for metric in columns),
        Column("Further"),
    )  # fmt: skip
    return Table(head, tuple(rows), heading)
