"""The table that ends a run: the net beside the trivial baselines, with intervals and the protocol's name."""

from collections.abc import Mapping

import pandas as pd
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import WandbLogger
from rich.console import Console
from rich.table import Table

from polybench.metrics import PER_IMAGE
from polybench.results.facts import DatasetFacts, ProtocolScores
from polybench.results.statistics import caution, summarise


def print_scores(
    recipe: str,
    data: DatasetFacts,
    table: pd.DataFrame,
    baselines: Mapping[str, pd.DataFrame],
    subset: str = "test",
) -> dict[str, ProtocolScores]:
    """Print the scores of a net and of the baselines.

    Args:
        recipe: Name of the net's row.
        data: Which images.
        table: Per-image table of the net.
        baselines: Baseline -> its per-image table.
        subset: Which subset was evaluated.

    Returns:
        Row name -> scores under `per_image`.
    """
    scores = {
        name: summarise(rows, PER_IMAGE.key, PER_IMAGE.directions)
        for name, rows in {recipe: table, **baselines}.items()
    }
    first = scores[recipe]
    shown = Table(
        title=f"{data.name}, {subset} subset of split {data.split}: {PER_IMAGE.key}, {first.n} images in "
        f"{first.groups} groups",
        title_justify="left",
    )
    shown.add_column("")
    shown.add_column("Dice [95 % interval]", justify="right")
    others = [metric for metric in first.values if metric != "dice"]
    for metric in others:
        shown.add_column({"iou": "IoU", "f2": "F2"}.get(metric, metric.capitalize()), justify="right")
    for name, row in scores.items():
        dice = row.values["dice"]
        interval = "" if dice.low is None else f" [{dice.low:.4f}, {dice.high:.4f}]"
        cells = [f"{dice.value:.4f}{interval}", *(f"{row.values[metric].value:.4f}" for metric in others)]
        shown.add_row(name, *cells, style="bold" if name == recipe else "dim")
    console = Console(width=max(Console().width, 132) if not Console().is_terminal else None)
    console.print(shown)
    for note in (caution(first.n, first.groups), *data.copy_notes, data.split_note):
        if note:
            console.print(f"Note: {note}", style="dim")
    return scores


def log_table(trainer: Trainer, scores: Mapping[str, ProtocolScores]) -> None:
    """Send the table to W&B where it is the logger, and end its run, so that everything is written."""
    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger):
            metrics = list(next(iter(scores.values())).values)
            rows = [[name, *(row.values[metric].value for metric in metrics)] for name, row in scores.items()]
            logger.log_table(f"test/{PER_IMAGE.key}", columns=["row", *metrics], data=rows)
            logger.experiment.finish()
