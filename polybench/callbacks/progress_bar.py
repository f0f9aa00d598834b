"""A progress bar of one line in a terminal of 80 columns, and a line for an epoch now and then in a log."""

import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import RichProgressBar
from lightning.pytorch.callbacks.progress.rich_progress import (
    BatchesProcessedColumn,
    CustomBarColumn,
    CustomTimeColumn,
    RichProgressBarTheme,
)
from lightning.pytorch.trainer.states import TrainerFn
from rich.console import Console
from rich.progress import ProgressColumn, TextColumn

TEXT = 70
"""Columns that a line needs beside its bar."""

SHORTEST, LONGEST = 8, 40
"""Columns of the bar."""

MOST = 2
"""Numbers that are shown."""

SECONDS = 10.0
"""Between two lines of a log."""


class LineProgressBar(RichProgressBar):
    """Shows the epoch, the batches, the time, the loss and what validation ranks by, on one line.

    Where the output is no terminal, such as a log file, it writes a line after an epoch instead: after the first and
    the last one, and after others at most every ten seconds.
    """

    def __init__(self) -> None:
        super().__init__(refresh_rate=10, theme=RichProgressBarTheme(metrics_format=".3f"))
        self._live = False
        self._written: float | None = None
        self._epoch_start = 0.0

    @property
    def is_enabled(self) -> bool:
        """Whether a bar is drawn: in the first process, where the output is a terminal or a notebook."""
        return self._enabled and self._live

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Look whether the output is a terminal."""
        super().setup(trainer, pl_module, stage)
        console = Console()
        self._live = console.is_terminal or console.is_jupyter

    def configure_columns(self, trainer: Trainer) -> list[ProgressColumn]:
        """Leave out the speed, and give the bar what the terminal has left."""
        width = max(SHORTEST, min(LONGEST, Console().width - TEXT))
        theme = self.theme
        bar = CustomBarColumn(
            bar_width=width,
            complete_style=theme.progress_bar,
            finished_style=theme.progress_bar_finished,
            pulse_style=theme.progress_bar_pulse,
        )
        description = TextColumn("[progress.description]{task.description}")
        return [
            description,
            bar,
            BatchesProcessedColumn(style=theme.batch_progress),
            CustomTimeColumn(style=theme.time),
        ]

    def get_metrics(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> dict[str, int | str | float | dict[str, float]]:
        """The loss of the last batch, and what the last validation shows, under short names."""
        values = super().get_metrics(trainer, pl_module)
        return dict(list(short_names(values).items())[:MOST])

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the epoch's bar and its clock."""
        self._epoch_start = time.monotonic()
        super().on_train_epoch_start(trainer, pl_module)

    def on_validation_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Say in the epoch's line that it is validated; a second line is for `polybench validate` alone."""
        if trainer.state.fn != TrainerFn.FITTING:
            super().on_validation_batch_start(trainer, pl_module, batch, batch_idx, dataloader_idx)
        elif batch_idx == 0:
            self._describe(self.validation_description)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Bring the epoch's line back."""
        super().on_validation_end(trainer, pl_module)
        if trainer.state.fn == TrainerFn.FITTING:
            self._describe(self._get_train_description(trainer.current_epoch))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the epoch's line into a log."""
        super().on_train_epoch_end(trainer, pl_module)
        metrics = dict(sorted(short_names(super().get_metrics(trainer, pl_module), of_epoch=True).items()))
        if self._enabled and not self._live and self._is_due(trainer):
            now = time.monotonic()
            self._written = now
            numbers = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items() if isinstance(value, float))
            last = "" if trainer.max_epochs in (None, -1) else f" of {trainer.max_epochs}"
            epoch = f"Epoch {trainer.current_epoch + 1}{last}"
            print(f"{epoch}: {numbers}, {now - self._epoch_start:.1f} s", flush=True)

    def _get_train_description(self, current_epoch: int) -> str:
        """Count epochs from 1, as `--trainer.max_epochs` does."""
        most = self.trainer.max_epochs
        text = f"Epoch {current_epoch + 1}" + ("" if most in (None, -1) else f"/{most}")
        return f"{text:{len(self.validation_description)}}"

    def _describe(self, text: str) -> None:
        """Put another text before the epoch's bar."""
        if self.progress is not None and self.is_enabled and self.train_progress_bar_id is not None:
            self.progress.update(self.train_progress_bar_id, description=f"{text:{len(self.validation_description)}}")

    def _is_due(self, trainer: Trainer) -> bool:
        """Whether a log gets a line after this epoch."""
        last = trainer.max_epochs is not None and trainer.current_epoch + 1 == trainer.max_epochs
        return self._written is None or last or trainer.should_stop or time.monotonic() - self._written >= SECONDS


def short_names(
    values: dict[str, int | str | float | dict[str, float]], *, of_epoch: bool = False
) -> dict[str, int | str | float | dict[str, float]]:
    """What a progress bar shows, under names without `train/`, slashes and suffixes.

    Args:
        values: What tasks log for it, by their names in the log.
        of_epoch: Show the means over the epoch instead of the values of its last batch.

    Returns:
        `loss` instead of `train/loss_step`, `val dice` instead of `val/dice`; the version of the run is left out.
    """
    own, other = ("_epoch", "_step") if of_epoch else ("_step", "_epoch")
    kept = {name: value for name, value in values.items() if name != "v_num" and not name.endswith(other)}
    return {name.removesuffix(own).removeprefix("train/").replace("/", " "): value for name, value in kept.items()}
