"""Metrics of the training images beside those of validation, epoch by epoch: how far a net fits what it has seen.

The training images are evaluated as validation images are, unaugmented, in evaluation mode and under the same protocol,
where libraries show means over batches of an epoch: the two curves differ by nothing but the images.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from polybench.callbacks.epoch_table import EpochTable
from polybench.core.atomic import atomic_writer
from polybench.core.errors import ConfigError
from polybench.core.trainer import attributes_of
from polybench.data.resumable import ResumableDataModule
from polybench.tasks.base import Task, task_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TABLE, PICTURE = "training_curves.csv", "training_curves.png"
DRAWN = ("iou", "accuracy")
"""Metrics that are drawn, of those that a task has; all are in the table."""


class TrainingCurves(Callback):
    """Evaluates the training images at each validation: `training_curves.csv` and `.png` in the run's folder.

    It moves no number of the run, and takes as long as a validation on the training images.

    Args:
        every: At each, every second, ... validation.

    Raises:
        ConfigError: If `every` is less than 1.
    """

    def __init__(self, every: int = 1) -> None:
        if every < 1:
            raise ConfigError(f"TrainingCurves: every must be at least 1, not {every}.")
        self.every = every
        self._validations = 0
        self._values: Mapping[str, float] = {}

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Evaluate the training images in the mode of the validation."""
        self._values = {}
        if trainer.sanity_checking or attributes_of(trainer).fast_dev_run:
            return
        self._validations += 1
        if self._validations % self.every == 0:
            self._values = evaluate_training(trainer, task_of(pl_module))

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the row, once the validation has logged its numbers."""
        if not self._values or not trainer.is_global_zero:
            return
        row: dict[str, float] = {"epoch": trainer.current_epoch, "step": trainer.global_step}
        for metric, value in self._values.items():
            row |= {f"train/{metric}": value, f"val/{metric}": float(trainer.callback_metrics[f"val/{metric}"])}
        EpochTable(self._folder(trainer) / TABLE).add(row)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the curves of the whole run, from the file."""
        table = EpochTable(self._folder(trainer) / TABLE)
        if trainer.is_global_zero and table.path.is_file():
            with atomic_writer(table.path.with_name(PICTURE)) as file:
                draw(table).savefig(file, format="png")

    def _folder(self, trainer: Trainer) -> Path:
        return Path(trainer.default_root_dir)


def evaluate_training(trainer: Trainer, task: Task) -> dict[str, float]:
    """Compute the metrics of the training images; every process has to ask for them.

    Args:
        trainer: Within a validation, so that nothing is augmented or learned.
        task: The task.

    Returns:
        Metric -> value, under the first protocol of the task.
    """
    data = attributes_of(trainer).datamodule
    if not isinstance(data, ResumableDataModule):
        raise ConfigError(f"TrainingCurves can't evaluate the training images of {type(data).__name__}: leave it out.")
    own, rows = task.collected, task.new_rows()
    task.collected = rows.to(task.device)  # test_step collects there
    try:
        for place, batch in enumerate(data.evaluation_dataloader("train")):
            with torch.no_grad(), trainer.precision_plugin.val_step_context():
                task.test_step(trainer.strategy.batch_to_device(batch), place)
        return {name: float(value) for name, value in task.protocols[0].scores(rows.compute()).items()}
    finally:
        task.collected = own


def draw(table: EpochTable) -> "Figure":
    """Draw each metric of `DRAWN`: training and validation.

    Args:
        table: The table.
    """
    from matplotlib.figure import Figure  # which training does without
    from matplotlib.ticker import MaxNLocator

    from polybench.callbacks.curves import LOSSES

    columns = table.read()[0]
    metrics = [name for name in DRAWN if f"train/{name}" in columns]
    figure = Figure(figsize=(7.2, 0.6 + 2.6 * len(metrics)), dpi=100, layout="constrained")
    for axes, metric in zip(figure.subplots(len(metrics), sharex=True, squeeze=False)[:, 0], metrics, strict=True):
        for loss, (label, colour) in LOSSES.items():
            places, values = table.curve(f"{loss.partition('/')[0]}/{metric}")
            marker = "." if len(values) <= 40 else ""
            axes.plot(places, values, color=colour, label=label, linewidth=1.4, marker=marker)
        axes.set_ylabel(metric)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=9, loc="lower right")
        axes.set_xlabel(table.unit)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure
