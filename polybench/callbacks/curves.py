"""The curves of a run as a figure: losses of training and validation above, the metric that ranks the dataset below."""

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from polybench.callbacks.epoch_table import EpochTable

LOSSES = {"train/loss": ("training", "#0072B2"), "val/loss": ("validation", "#D55E00")}
"""Column -> its label and its colour, after Okabe and Ito."""

FEW = 40
"""A curve of at most so many points has a dot at each."""

ORDERS = 30
"""Losses whose largest value is more than so many times the smallest have a logarithmic axis."""


def draw_curves(table: EpochTable, headline: str, title: str, *, higher: bool = True) -> Figure:
    """Draw a run.

    Args:
        table: Its metrics.
        headline: The column of the metric that ranks the dataset.
        title: Which run it is.
        higher: Whether larger values of the metric are better.
    """
    figure = Figure(figsize=(7.2, 5.6), dpi=100)
    figure.subplots_adjust(left=0.1, right=0.98, top=0.94, bottom=0.09, hspace=0.08)
    losses, metric = figure.subplots(2, sharex=True)
    losses.set_title(title, fontsize=10)
    values: list[float] = []
    for name, (label, colour) in LOSSES.items():
        values += _draw(losses, table, name, label, colour)
    if values and min(values) > 0 and max(values) > ORDERS * min(values):
        losses.set_yscale("log")
    losses.set_ylabel("loss")
    losses.legend(fontsize=9)
    _draw_headline(metric, table, headline, higher)
    metric.set_xlabel(table.unit)
    metric.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _draw_headline(axes: Axes, table: EpochTable, headline: str, higher: bool) -> None:
    """Draw the validation's metric, and mark its best value."""
    found = _draw(axes, table, headline, "validation", LOSSES["val/loss"][1])
    axes.set_ylabel(headline.removeprefix("val/"))
    if not found:
        axes.text(0.5, 0.5, "not validated", transform=axes.transAxes, ha="center")
        return
    places, values = table.curve(headline)
    finite = [place for place, value in enumerate(values) if math.isfinite(value)]
    if not finite:
        return
    best = (max if higher else min)(finite, key=values.__getitem__)
    axes.plot(places[best], values[best], "o", color="black", markersize=5, label=f"best: {values[best]:.4f}")
    axes.legend(fontsize=9, loc="lower right")


def _draw(axes: Axes, table: EpochTable, name: str, label: str, colour: str) -> list[float]:
    """Draw a column over epochs or steps, and return its values."""
    places, values = table.curve(name)
    marker = "." if len(values) <= FEW else ""
    axes.plot(places, values, color=colour, label=label, linewidth=1.4, marker=marker)
    axes.grid(alpha=0.3)
    return values
