"""Trivial baselines on the very images of a test: a net should beat them."""

from collections.abc import Mapping
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from polybench.metrics import ImageRows, Rows
from polybench.metrics.scored_rows import ScoredRows
from polybench.tasks.base import task_of


class BaselinesCallback(Callback):
    """Evaluates the trivial baselines of a task in the same pass as the net.

    Attributes:
        rows: Baseline -> its rows, after the test epoch.
    """

    def __init__(self) -> None:
        self.rows: dict[str, Rows] = {}
        self._metrics: dict[str, ImageRows | ScoredRows] = {}

    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start empty."""
        task = task_of(pl_module)
        self._metrics = {name: task.new_rows().to(task.device) for name in task.baselines}

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Mapping[str, Any],
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Add the batch to each baseline."""
        for name, predict in task_of(pl_module).baselines.items():
            self._metrics[name].update_from(batch, predict(batch["image"]))

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Gather the rows of all processes."""
        self.rows = {name: metric.compute() for name, metric in self._metrics.items()}
