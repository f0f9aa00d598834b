"""Tables at the end of a run: the net beside the trivial baselines with intervals, then the other protocols."""

from collections.abc import Mapping, Sequence

from polybench.cli.panel import panel_table
from polybench.core.wording import counted
from polybench.experiments.scores import protocol_scores
from polybench.metrics import Protocol, Rows
from polybench.results.facts import DatasetFacts, MetricValue, ProtocolScores
from polybench.results.layout import layout_of
from polybench.results.methods import upright_table
from polybench.results.readings import title
from polybench.results.render.terminal import literal, print_table, wide_console
from polybench.results.sections import Section
from polybench.results.statistics.intervals import caution
from polybench.results.tables import Cell, Column, Interval, Number, Table, Text, joined


def print_scores(
    recipe: str,
    data: DatasetFacts,
    rows: Rows,
    baselines: Mapping[str, Rows],
    protocols: Sequence[Protocol],
    subset: str = "test",
) -> dict[str, dict[str, ProtocolScores]]:
    """Print the scores of a net and of the baselines, and those of the net under the other protocols.

    The first protocol comes first; where another one ranks the dataset, it has a table like the first one's.

    Args:
        recipe: Name of the net's row.
        data: Which images.
        rows: Rows of the net.
        baselines: Baseline -> its rows.
        protocols: What the rows are for, the one that is shown first and with intervals first.
        subset: Which subset was evaluated.

    Returns:
        `protocol@version` of those tables -> row name -> scores.
    """
    main = [one for one in protocols if one is protocols[0] or one.name == data.ranked_by]
    further = [one for one in protocols if one not in main]
    everything = {recipe: rows, **baselines}
    scores = {one.key: {name: protocol_scores(found, one) for name, found in everything.items()} for one in main}
    first = scores[main[0].key][recipe]
    console = wide_console()
    for one in main:
        what = scores[one.key][recipe].what
        of_what = f"{data.name}, {subset} subset of '{data.split}': {one.key}, {first.n} {what}"
        ranks = ", which ranks this dataset" if len(main) > 1 and one.name == data.ranked_by else ""
        heading = f"{of_what} in {counted(first.groups, 'group')}{ranks}"
        print_table(score_table(heading, scores[one.key]), console)
    if further:
        heading = f"The same predictions of {recipe} under the other protocols"
        print_table(panel_table(heading, further, [protocol.scores(rows) for protocol in further]), console)
    for note in (caution(first.n, first.groups, first.what), *data.copy_notes, data.split_note):
        if note:
            console.print(f"Note: {literal(note)}", style="dim", soft_wrap=True)
    return scores


def score_table(heading: str, scores: Mapping[str, ProtocolScores]) -> Table:
    """Make the table of one protocol.

    Args:
        heading: Its title.
        scores: Row name -> scores, that of the net first.
    """
    first, *_ = scores
    headline, shown, _, _ = layout_of(scores[first])
    others = [metric for metric in shown if metric in scores[first].values]
    titles = [title(metric) for metric in others]
    columns = (
        Column(""),
        Column(title(headline), "right", remark="(95 % interval)"),
        *(Column(words[0].upper() + words[1:], "right") for words in titles),
    )
    rows = tuple(
        (
            Text(name, "strong" if name == first else "plain"),
            _with_interval(row.values.get(headline)),
            *(Number(row.values[metric].value) if metric in row.values else "" for metric in others),
        )
        for name, row in scores.items()
    )
    return Table(columns, rows, heading)


def _with_interval(value: MetricValue | None) -> Cell:
    if value is None:
        return ""
    ends = "" if value.low is None or value.high is None else Interval(value.low, value.high)
    return joined((Number(value.value), ends))


def print_section(section: Section) -> None:
    """Print what a method says of a test: its table, a line for each column, and its facts."""
    console = wide_console()
    if section.rows:
        print_table(upright_table(section), console)
    for name, text in section.facts.items():
        console.print(f"{literal(name)}: {literal(text)}", highlight=False, soft_wrap=True)
