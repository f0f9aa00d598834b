"""The curve of a test over the passes of iterative pruning, as a picture and as a table.

Paper: FANet (Tomar et al., IEEE TNNLS 2022), figure 5.
"""

from pathlib import Path
from typing import Any

import pandas as pd
from lightning.pytorch import Callback, LightningModule, Trainer
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from polybench.atomic import atomic_write_text, atomic_writer
from polybench.feedback.curve import Curve

SHOWN = ("dice", "iou")
"""What the picture shows, of each protocol; the table has every metric."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
"""A colour for each protocol, which the colour-blind can tell apart (after Okabe and Ito)."""


class CurveCallback(Callback):
    """After a test of a task with a `curve`, writes `iterations.png` and `iterations.csv` in the run's folder.

    Attributes:
        path: The picture; None before.
    """

    def __init__(self) -> None:
        self.path: Path | None = None

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write both files, in the first process."""
        curve: Any = pl_module.curve
        log_dir = trainer.log_dir  # every process has to ask for it
        if curve is None or log_dir is None or not trainer.is_global_zero:
            return
        folder = Path(log_dir)
        folder.mkdir(parents=True, exist_ok=True)
        atomic_write_text(folder / "iterations.csv", curve_table(curve).to_csv(float_format="%.6f"))
        self.path = folder / "iterations.png"
        task: Any = pl_module
        reported = None if task.report == "fixed_point" else int(task.reported_pass)
        with atomic_writer(self.path) as file:
            draw_curve(curve, reported).savefig(file, format="png", dpi=120)


def curve_table(curve: Curve) -> pd.DataFrame:
    """One row per pass, one column `protocol@version/metric` each."""
    columns = {f"{key}/{metric}": values for key, scores in curve.scores.items() for metric, values in scores.items()}
    passes = len(next(iter(columns.values())))
    return pd.DataFrame(columns, index=pd.RangeIndex(1, passes + 1, name="iteration"))


def draw_curve(curve: Curve, reported: int | None) -> Figure:
    """Draw Dice and IoU over passes.

    Args:
        curve: The curve.
        reported: The pass whose numbers count, marked by a line; None where that differs from image to image.
    """
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    for (key, scores), colour in zip(curve.scores.items(), COLOURS, strict=False):
        for metric, style in zip(SHOWN, ("o-", "s--"), strict=True):
            passes = range(1, len(scores[metric]) + 1)
            axes.plot(passes, scores[metric], style, color=colour, markersize=4, label=f"{metric} ({key})")
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
