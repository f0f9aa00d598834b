"""Writes how far the training has come into the run's folder, for those who watch several runs."""

import math
import time
from pathlib import Path
from typing import Any

from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, LightningModule, Trainer

from polybench.callbacks.meter import MeterCallback
from polybench.callbacks.selection import find_selection
from polybench.core.run_progress import RunProgress

SECONDS = 5.0
"""Between two writes within an epoch."""


class ProgressFileCallback(Callback):
    """Writes `progress.json`: after each validation and epoch, and every few seconds between.

    Args:
        meter: Measures the time of the run.
    """

    def __init__(self, meter: MeterCallback) -> None:
        self.meter = meter
        self._written = -math.inf
        self._steps: int | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Work out how many steps there will be."""
        self._steps = _steps_of(trainer)
        self._write(trainer)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write now and then."""
        if time.monotonic() - self._written >= SECONDS:
            self._write(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the headline of the validation."""
        if trainer.training:
            self._write(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the epoch."""
        self._write(trainer)

    def _write(self, trainer: Trainer) -> None:
        if not trainer.is_global_zero:
            return
        self._written = time.monotonic()
        selection = find_selection(trainer)
        headline = (selection and selection.monitor) or ""
        value = trainer.callback_metrics.get(headline)
        epoch, seconds = self.meter.epochs_run, round(self.meter.elapsed(), 1)
        number = None if value is None or not math.isfinite(float(value)) else float(value)
        found = RunProgress(trainer.global_step, self._steps, epoch, seconds, headline, number)
        found.write(Path(trainer.default_root_dir))


def _steps_of(trainer: Trainer) -> int | None:
    """Optimizer steps of the whole training; None where only its course decides."""
    try:
        steps = trainer.estimated_stepping_batches
    except MisconfigurationException:  # gradients are accumulated over a number of batches that changes
        return None
    return int(steps) if math.isfinite(steps) and steps > 0 else None
