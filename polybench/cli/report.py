"""What ends a run: the net beside the trivial baselines with intervals, then its numbers under the other protocols."""

from collections.abc import Mapping, Sequence

from lightning.pytorch import Trainer
from lightning.pytorch.loggers import WandbLogger
from rich.table import Table

from polybench.cli.panel import panel_table
from polybench.core.wording import counted
from polybench.experiments.refinement import in_words
from polybench.experiments.scores import protocol_scores
from polybench.methods.refinement.thresholds import ThresholdChoice, Thresholds
from polybench.metrics import Protocol, Rows
from polybench.metrics.protocols import KERAS_FCN, OBJECTS
from polybench.results.facts import DatasetFacts, ProtocolScores, RefinementFacts
from polybench.results.layout import layout_of
from polybench.results.readings import readings, title
from polybench.results.render.terminal import literal, print_table, wide_console
from polybench.results.statistics import caution

HEADLINES = ("dice", "iou")
"""What is compared before and after a refinement of those protocols that have many metrics."""


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
        console.print(score_table(f"{of_what} in {counted(first.groups, 'group')}{ranks}", scores[one.key]))
    if further:
        heading = f"The same predictions of {recipe} under the other protocols"
        print_table(panel_table(heading, further, [protocol.scores(rows) for protocol in further]), console)
    for note in (caution(first.n, first.groups, first.what), *data.copy_notes, data.split_note):
        if note:
            console.print(f"Note: {literal(note)}", style="dim")
    return scores


def score_table(heading: str, scores: Mapping[str, ProtocolScores]) -> Table:
    """Make the table of one protocol.

    Args:
        heading: Its title.
        scores: Row name -> scores, that of the net first.
    """
    table = Table(title=literal(heading), title_justify="left")
    table.add_column("")
    first, *_ = scores
    headline, shown, _, _ = layout_of(scores[first])
    others = [metric for metric in shown if metric in scores[first].values]
    table.add_column(f"{title(headline)} [95 % interval]", justify="right")
    for metric in others:
        words = title(metric)
        table.add_column(words[0].upper() + words[1:], justify="right")
    for name, row in scores.items():
        value = row.values.get(headline)
        interval = f" [{value.low:.4f}, {value.high:.4f}]" if value and value.low is not None else ""
        cells = [f"{row.values[metric].value:.4f}" if metric in row.values else "" for metric in (headline, *others)]
        cells[0] += interval
        table.add_row(literal(name), *cells, style="bold" if name == first else "dim")
    return table


def print_refinement(
    facts: RefinementFacts, refined: Mapping[str, Mapping[str, float]], choice: ThresholdChoice | None, where: str
) -> None:
    """Print what a classifier changed: objects, pixels, and the time that it took.

    Args:
        facts: Everything but the refined scores.
        refined: `protocol@version` -> metric -> number, of the refined masks.
        choice: What validation chose the thresholds from; None where they were given.
        where: Batch sizes and device, for the times.
    """
    console = wide_console()
    console.print(refinement_table(facts, refined))
    found = in_words(Thresholds(facts.mask_threshold, facts.region_threshold, facts.thresholds_from))
    console.print(f"Thresholds of masks and regions: {found}.", highlight=False)
    if choice is not None:
        there = f"{choice.plain_dice:.4f} tested at 0.5, {choice.dice.max():.4f} refined"
        console.print(f"Mean Dice on validation: {there}.", highlight=False)
        if not choice.thresholds.region:
            console.print("Removing no region at all was best on validation.", highlight=False)
    parts = ", ".join(f"{part} {spent:.2f}" for part, spent in facts.milliseconds.items())
    total = sum(facts.milliseconds.values())
    console.print(f"Milliseconds for an image: {parts}, together {total:.2f} ({where}).", highlight=False)


def refinement_table(facts: RefinementFacts, refined: Mapping[str, Mapping[str, float]]) -> Table:
    """Make the table before and after.

    Masks are compared, so that `keras_fcn` is read at 0.5 throughout: of a mask both its thresholds say the same.

    Args:
        facts: Everything but the refined scores.
        refined: `protocol@version` -> metric -> number, of the refined masks.
    """
    name = facts.classifier.stage or facts.classifier.sha256[:8]
    heading = f"Refined by {name}: {facts.removed} of {facts.regions} regions removed"
    table = Table("", title=literal(heading), title_justify="left")
    for column in ("tested at 0.5", f"mask at {facts.mask_threshold:g}", "refined"):
        table.add_column(column, justify="right", no_wrap=True)
    scores = {**facts.scores, "refined": refined}
    for key in refined:
        if key == OBJECTS.key:
            for place, what in enumerate(("true positives", "false positives", "false negatives")):
                table.add_row(f"{key} {what}", *(str(facts.objects[step][place]) for step in scores))
        reading = "at 0.5" if key == KERAS_FCN.key else ""
        of_steps = [readings(found[key])[reading] for found in scores.values()]
        for metric in of_steps[0]:
            if key in (OBJECTS.key, KERAS_FCN.key) or metric in HEADLINES:
                label = " ".join(part for part in (key, reading, title(metric)) if part)
                table.add_row(label, *(f"{found[metric]:.4f}" for found in of_steps))
    return table


def log_tables(trainer: Trainer, scores: Mapping[str, Mapping[str, ProtocolScores]]) -> None:
    """Send the tables to W&B where it is the logger, and end its run, so that everything is written."""
    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger):
            for key, found in scores.items():
                metrics = list(next(iter(found.values())).values)
                rows = [[name, *(row.values[metric].value for metric in metrics)] for name, row in found.items()]
                logger.log_table(f"test/{key}", columns=["row", *metrics], data=rows)
            logger.experiment.finish()
