"""The curve of a test over the iterations of iterative pruning, as a picture and as a table.

Paper: FANet (Tomar et al., IEEE TNNLS 2022), figure 5.
"""

import io

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from polybench.methods.feedback.curve import Curve

SHOWN = ("dice", "iou")
"""What the picture shows, of each protocol; the table has every metric."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
"""A colour for each protocol, which the colour-blind can tell apart (after Okabe and Ito)."""


def curve_table(curve: Curve) -> pd.DataFrame:
    """One row per iteration, one column `protocol@version/metric` each."""
    columns = {f"{key}/{metric}": values for key, scores in curve.scores.items() for metric, values in scores.items()}
    iterations = len(next(iter(columns.values())))
    return pd.DataFrame(columns, index=pd.RangeIndex(1, iterations + 1, name="iteration"))


def draw_curve(curve: Curve, reported: int | None) -> Figure:
    """Draw Dice and IoU over iterations.

    Args:
        curve: The curve.
        reported: The iteration whose numbers count, marked by a line; None where that differs from image to image.
    """
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    for (key, scores), colour in zip(curve.scores.items(), COLOURS, strict=False):
        for metric, style in zip(SHOWN, ("o-", "s--"), strict=True):
            iterations = range(1, len(scores[metric]) + 1)
            axes.plot(iterations, scores[metric], style, color=colour, markersize=4, label=f"{metric} ({key})")
    shown = [value for scores in curve.scores.values() for metric in SHOWN for value in scores[metric]]
    middle, half = (max(shown) + min(shown)) / 2, max(0.01, 0.55 * (max(shown) - min(shown)))
    axes.set_ylim(middle - half, middle + half)  # a flat curve looks flat
    if reported is not None:
        axes.axvline(reported, color="0.6", linewidth=1, zorder=0, label="reported")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("iteration")
    axes.set_ylabel("mean over test images")
    moving = curve.images - curve.fixed_points - curve.cycles
    axes.set_title(
        f"{curve.images} images: {curve.fixed_points} reach a fixed point, {curve.cycles} a cycle, {moving} neither",
        fontsize=10,
    )
    figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    return figure


def curve_picture(curve: Curve, reported: int | None) -> bytes:
    """The drawn curve as a PNG; arguments as for `draw_curve`."""
    file = io.BytesIO()
    draw_curve(curve, reported).savefig(file, format="png", dpi=120)
    return file.getvalue()
