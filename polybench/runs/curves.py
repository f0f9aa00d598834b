"""Validation curves of a plan's runs in one figure, from the `metrics.csv` that each run leaves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from polybench.results.layout import layout_of
from polybench.results.record import Record
from polybench.runs.cell import Cell

LOSS = "val/loss"
LINES = ("-", "--", ":", "-.")
"""Styles of lines; stages after the tenth have the colours of the first ones, and another style."""


def draw_curves(runs: Sequence[tuple[Cell, Record]]) -> Figure:
    """Draw what validation logged after each epoch: a panel for each metric, a line for each run.

    Args:
        runs: The runs, tests among them, which have no curve.
    """
    curves = [
        (cell.stage.name, record, read_curves(cell.folder)) for cell, record in runs if cell.stage.command == "fit"
    ]
    stages = list(dict.fromkeys(name for name, _, _ in curves))
    panels: dict[str, list[tuple[str, pd.Series]]] = {}
    for name, record, table in curves:
        if (metric := _headline(record, table)) is not None:
            panels.setdefault(metric, []).append((name, table[metric]))
    panels[LOSS] = [(name, table[LOSS]) for name, _, table in curves if LOSS in table]
    shown = {metric: lines for metric, lines in panels.items() if lines}
    figure = Figure(figsize=(8, 3 * max(1, len(shown))), layout="constrained")
    if not shown:
        figure.text(0.5, 0.5, "no run has left a metrics.csv", ha="center")
        return figure
    styles = {
        name: {"color": f"C{at % 10}", "linestyle": LINES[at // 10 % len(LINES)]} for at, name in enumerate(stages)
    }
    for axes, (metric, lines) in zip(figure.subplots(len(shown), squeeze=False)[:, 0], shown.items(), strict=True):
        _draw(axes, metric, lines, styles)
    return figure


def has_left_curves(folder: Path) -> bool:
    """Check whether a run's folder has what its curves are drawn of; those of runs on other machines don't.

    Args:
        folder: Of the run.
    """
    return any(folder.glob("metrics*.csv"))


def read_curves(folder: Path) -> pd.DataFrame:
    """Validation metrics by epoch, from every part of a run that was interrupted; later parts count."""
    parts = [pd.read_csv(path) for path in sorted(folder.glob("metrics*.csv"), key=lambda path: path.stat().st_mtime)]
    parts = [part for part in parts if "epoch" in part]
    if not parts:
        return pd.DataFrame()
    table = pd.concat(parts, ignore_index=True)
    validated = table[[name for name in table if name == "epoch" or str(name).startswith("val/")]]
    return validated.dropna(how="all", subset=[name for name in validated if name != "epoch"]).groupby("epoch").last()


def _headline(record: Record, table: pd.DataFrame) -> str | None:
    """The column of the metric that ranks the run's dataset; None where its curve lacks it."""
    protocol = next(key for key in record.metrics if key.partition("@")[0] == record.dataset.ranked_by)
    metric = layout_of(record.metrics[protocol]).headline
    return next((name for name in (f"val/{record.dataset.ranked_by}/{metric}", f"val/{metric}") if name in table), None)


def _draw(
    axes: Axes, metric: str, lines: Sequence[tuple[str, pd.Series]], styles: Mapping[str, Mapping[str, Any]]
) -> None:
    for place, (stage, values) in enumerate(lines):
        label = stage if stage not in [name for name, _ in lines[:place]] else None
        marker = "." if len(values) == 1 else ""
        axes.plot(values.index + 1, values, marker=marker, alpha=0.85, linewidth=1.2, label=label, **styles[stage])
    axes.set_xlabel("epochs")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel(metric)
    if metric == LOSS:
        axes.set_yscale("log")  # the first epoch from random weights would hide the others
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
