"""What ends a run: the net beside the trivial baselines with intervals, then its numbers under the other protocols."""

from collections.abc import Mapping, Sequence

from lightning.pytorch import Trainer
from lightning.pytorch.loggers import WandbLogger
from rich.table import Table

from polybench.callbacks.scores import protocol_scores
from polybench.cli.panel import panel_table, wide_console
from polybench.metrics import PER_IMAGE, Protocol, Rows
from polybench.results.facts import DatasetFacts, ProtocolScores
from polybench.results.readings import title
from polybench.results.statistics import caution


def print_scores(
    recipe: str,
    data: DatasetFacts,
    rows: Rows,
    baselines: Mapping[str, Rows],
    protocols: Sequence[Protocol],
    subset: str = "test",
) -> dict[str, ProtocolScores]:
    """Print the scores of a net and of the baselines, and those of the net under the other protocols.

    Args:
        recipe: Name of the net's row.
        data: Which images.
        rows: Rows of the net.
        baselines: Baseline -> its rows.
        protocols: What the rows are for, `per_image` among them.
        subset: Which subset was evaluated.

    Returns:
        Row name -> scores under `per_image`.
    """
    scores = {name: protocol_scores(found, PER_IMAGE) for name, found in {recipe: rows, **baselines}.items()}
    first = scores[recipe]
    of_what = f"{data.name}, {subset} subset of split {data.split}: {PER_IMAGE.key}"
    console = wide_console()
    console.print(score_table(f"{of_what}, {first.n} images in {first.groups} groups", scores))
    others = {protocol.key: protocol.scores(rows) for protocol in protocols if protocol is not PER_IMAGE}
    console.print(panel_table(f"The same predictions of {recipe} under the other protocols", others))
    for note in (caution(first.n, first.groups), *data.copy_notes, data.split_note):
        if note:
            console.print(f"Note: {note}", style="dim")
    return scores


def score_table(heading: str, scores: Mapping[str, ProtocolScores]) -> Table:
    """Make the table of one protocol.

    Args:
        heading: Its title.
        scores: Row name -> scores, that of the net first.
    """
    table = Table(title=heading, title_justify="left")
    table.add_column("")
    table.add_column("Dice [95 % interval]", justify="right")
    first, *_ = scores
    others = [metric for metric in scores[first].values if metric != "dice"]
    for metric in others:
        name = title(metric)
        table.add_column(name[0].upper() + name[1:], justify="right")
    for name, row in scores.items():
        dice = row.values["dice"]
        interval = "" if dice.low is None else f" [{dice.low:.4f}, {dice.high:.4f}]"
        cells = [f"{dice.value:.4f}{interval}", *(f"{row.values[metric].value:.4f}" for metric in others)]
        table.add_row(name, *cells, style="bold" if name == first else "dim")
    return table


def log_table(trainer: Trainer, scores: Mapping[str, ProtocolScores]) -> None:
    """Send the table to W&B where it is the logger, and end its run, so that everything is written."""
    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger):
            metrics = list(next(iter(scores.values())).values)
            rows = [[name, *(row.values[metric].value for metric in metrics)] for name, row in scores.items()]
            logger.log_table(f"test/{PER_IMAGE.key}", columns=["row", *metrics], data=rows)
            logger.experiment.finish()
