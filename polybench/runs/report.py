"""What a plan came to: a table of its stages, their curves in one figure, and who began with whose weights."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from polybench.core.atomic import atomic_write_text, atomic_writer
from polybench.results import format as formats
from polybench.results.config import portable_text
from polybench.results.facts import MetricValue
from polybench.results.layout import layout_of
from polybench.results.methods import altering, is_altered
from polybench.results.readings import title
from polybench.results.record import Record
from polybench.results.record_text import read_text
from polybench.runs.cell import Cell
from polybench.runs.execute import Outcome
from polybench.runs.lineage import draw, lineage_of_plan, mermaid
from polybench.runs.plan import Plan, Stage

COLUMNS = {
    "Stage": ":---",
    "Starts from": ":---",
    "Task": ":---",
    "Dataset, split": ":---",
    "Input": "---:",
    "Epochs": "---:",
    "Budget": ":---",
    "Score": ":---",
    "Tested images or patches": "---:",
    "Seeds and their records": ":---",
}

INTRODUCTION = """\
Each stage is an ordinary run with its record; only the backbone travels, the head and the optimizer begin anew. A
stage that tests trains nothing: it tests another's checkpoint again, with changed predictions. Scores are those
of the test subset under the protocol that ranks the dataset, with the 95 % interval of one seed, or mean ± standard
deviation over seeds. Stages of different tasks can't be compared with each other."""


def write_report(plan: Plan, outcomes: Sequence[Outcome], folder: Path, command: str) -> Path:
    """Write `<plan>.md` with its curves, `<plan>.png`, and the lineage as a picture, `<plan>_lineage.png`.

    Args:
        plan: The plan.
        outcomes: Its finished runs.
        folder: Where the report goes.
        command: The command that gets it again.

    Returns:
        The Markdown file.

    Raises:
        DataError: If a record can't be read.
    """
    picture = folder / f"{plan.name}.png"
    graph = lineage_of_plan(plan, _records(outcomes))
    figures = {picture: draw_curves(plan, [one.cell for one in outcomes]), lineage_picture(picture): draw(graph)}
    for path, figure in figures.items():
        with atomic_writer(path) as file:
            figure.savefig(file, format="png", dpi=110)
    text = "\n".join(
        [
            f"# Plan {plan.name}",
            "",
            INTRODUCTION,
            "",
            f"{formats.fence([command])}sh",
            command,
            formats.fence([command]),
            "",
            "| " + " | ".join(COLUMNS) + " |",
            "|" + "|".join(COLUMNS.values()) + "|",
            *("| " + " | ".join(row) + " |" for row in stage_rows(plan, outcomes)),
            "",
            "## Who begins with whose backbone",
            "",
            "```mermaid",
            *mermaid(graph),
            "```",
            "",
            f"[The same as a picture]({lineage_picture(picture).name})",
            "",
            "## Validation over epochs",
            "",
            f"![Validation curves of every stage]({picture.name})",
            "",
            "## The plan",
            "",
            f"{formats.fence([plan.text])}yaml",
            portable_text(plan.text).rstrip("\n"),
            formats.fence([plan.text]),
            "",
        ]
    )
    path = folder / f"{plan.name}.md"
    atomic_write_text(path, text)
    return path


def lineage_picture(report: Path) -> Path:
    """The picture of the lineage beside a report's files."""
    return report.with_name(f"{report.stem}_lineage.png")


def stage_rows(plan: Plan, outcomes: Sequence[Outcome]) -> list[list[str]]:
    """The cells of `COLUMNS`, a row for each stage, in Markdown.

    Raises:
        DataError: If a record can't be read.
    """
    records = _records(outcomes)
    return [_row(plan, name, outcomes, records) for name in plan.stages]


def _records(outcomes: Sequence[Outcome]) -> dict[str, Record]:
    return {one.cell.name: Record.from_json(read_text(one.record), one.record) for one in outcomes}


def draw_curves(plan: Plan, cells: Sequence[Cell]) -> Figure:
    """Draw what validation said after each epoch: one panel for each metric, one line for each run."""
    names = ("val/dice", "val/auc", "val/loss")
    curves = [(cell.stage.name, read_curves(cell.folder)) for cell in cells if cell.stage.command == "fit"]
    shown = [name for name in names if any(name in table for _, table in curves)]
    figure = Figure(figsize=(6.4, 3.2 * max(1, len(shown))), layout="constrained")
    panels = figure.subplots(max(1, len(shown)), squeeze=False)[:, 0]
    for axes, name in zip(panels, shown, strict=False):
        _draw(axes, name, plan, curves)
    return figure


def read_curves(folder: Path) -> pd.DataFrame:
    """Validation metrics by epoch, from every part of a run that was interrupted; later parts count."""
    parts = [pd.read_csv(path) for path in sorted(folder.glob("metrics*.csv"), key=lambda path: path.stat().st_mtime)]
    parts = [part for part in parts if "epoch" in part]
    if not parts:
        return pd.DataFrame()
    table = pd.concat(parts, ignore_index=True)
    validated = table[[name for name in table if name == "epoch" or str(name).startswith("val/")]]
    return validated.dropna(how="all", subset=[name for name in validated if name != "epoch"]).groupby("epoch").last()


def _draw(axes: Axes, name: str, plan: Plan, curves: Sequence[tuple[str, pd.DataFrame]]) -> None:
    colours = dict(zip(plan.stages, (f"C{number}" for number in range(len(plan.stages))), strict=True))
    labelled: set[str] = set()
    for stage, table in curves:
        if name not in table:
            continue
        label = stage if stage not in labelled else None
        labelled.add(stage)
        axes.plot(table.index + 1, table[name], color=colours[stage], alpha=0.85, linewidth=1.2, label=label)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel(name)
    if name.endswith("loss"):
        axes.set_yscale("log")  # the first epoch from random weights would hide the others
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)


def _row(plan: Plan, name: str, outcomes: Sequence[Outcome], records: Mapping[str, Record]) -> list[str]:
    runs = [one for one in outcomes if one.cell.stage.name == name]
    found = [records[one.cell.name] for one in runs]
    first = found[0]
    protocol = next(key for key in first.metrics if key.partition("@")[0] == first.dataset.ranked_by)
    metric = layout_of(first.metrics[protocol]).headline
    values = [record.metrics[protocol].values[metric] for record in found]
    epochs = [record.training.epochs_run for record in found if record.training and not is_altered(record)]
    return [
        name,
        formats.text(_start(plan, plan.stages[name])),
        first.task,
        f"{first.dataset.name}, {formats.code(first.dataset.split)}",
        formats.size(first.dataset.size),
        formats.between(min(epochs), max(epochs)) if epochs else formats.DASH,
        str(first.budget),
        f"{title(metric)} {_score(values)} ({formats.code(protocol)}){_before(found, metric)}",
        str(first.metrics[protocol].n),
        ", ".join(f"[{one.cell.seed}](../records/{one.record.parent.name}/{one.record.name})" for one in runs),
    ]


def _start(plan: Plan, stage: Stage) -> str:
    given = {name: value for name, value in stage.inputs.items() if value is not None}
    return (
        ", ".join(f"{name} of {value}" if value in plan.stages else Path(value).name for name, value in given.items())
        or "random weights"
    )


def _before(records: Sequence[Record], metric: str) -> str:
    """What predictions scored before a method changed them: the rows of its table except for the last."""
    sections = [section for record in records for section in altering(record)]
    steps = [rows for rows in zip(*(section.rows[:-1] for section in sections), strict=False) if metric in rows[0]]
    if not steps:
        return ""
    name = sections[0].columns[0].key
    means = [statistics.fmean(float(row[metric] or 0) for row in rows) for rows in steps]
    said = [f"{formats.fraction(mean)} {rows[0][name]}" for mean, rows in zip(means, steps, strict=True)]
    return f"; before: {', '.join(said)}"


def _score(values: Sequence[MetricValue]) -> str:
    numbers = [value.value for value in values]
    if len(numbers) > 1:
        return f"{formats.fraction(statistics.fmean(numbers))} ± {formats.fraction(statistics.stdev(numbers))}"
    low, high = values[0].low, values[0].high
    ends = f" [{formats.fraction(low)}, {formats.fraction(high)}]" if low is not None and high is not None else ""
    return formats.fraction(numbers[0]) + ends
