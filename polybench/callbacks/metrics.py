"""What people plot of a run: `metrics.csv`, a row for each epoch, and `curves.png`, drawn from it at the end.

Both are there whatever loggers a run has. Any number of processes logs the same numbers of every protocol of one
checkpoint, digit for digit: they are of the gathered rows. With one image a batch the same holds for `val/loss` and its
terms; with several, a loss that is no mean over images depends on which images share a batch. `train/loss` and its
terms are means of the processes in float32, equal to about six digits, as are the weights that several processes train.
"""

from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from polybench.callbacks.epoch_table import METRICS, EpochTable
from polybench.callbacks.meter import MeterCallback
from polybench.core.atomic import atomic_writer
from polybench.core.trainer import attributes_of
from polybench.metrics import PER_IMAGE, Protocol
from polybench.metrics.protocols import SCORED
from polybench.tasks.base import data_of

CURVES = "curves.png"


class MetricsCallback(Callback):
    """Writes `metrics.csv` while a run trains, and draws `curves.png` when its training ends, in the run's folder.

    A row has the epoch (from 0), the optimizer steps and the seconds of training so far, what training and validation
    log, and the learning rate of the last batch. A validation within an epoch has a row of its own. Where a run is
    resumed, rows of the interrupted part that it repeats are replaced.

    Args:
        meter: Measures the seconds, those before a resume included.
    """

    def __init__(self, meter: MeterCallback) -> None:
        self.meter = meter
        self._rates: dict[str, float] = {}
        self._validated: dict[str, float] = {}

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Write the row of a validation after the batch before; remember the learning rates."""
        if self._validated:
            self._write(trainer, {})
        self._rates = learning_rates(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remember what a validation of the training has logged."""
        if trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking:
            self._validated = {name: value for name, value in logged(trainer).items() if name.startswith("val/")}

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the row of the epoch."""
        self._write(trainer, {name: one for name, one in logged(trainer).items() if not name.startswith("val/")})

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the curves of the whole run, from the file."""
        table = EpochTable(Path(trainer.default_root_dir) / METRICS)
        if not trainer.is_global_zero or not table.path.is_file():
            return
        from polybench.callbacks.curves import draw_curves  # with matplotlib, which training does without

        ranked, folder = data_of(trainer).ranked_by, table.path.parent.resolve()
        higher = ranked.directions[ranked.headline] == "higher"
        figure = draw_curves(table, headline_of(ranked), f"{folder.parent.name}/{folder.name}", higher=higher)
        with atomic_writer(table.path.with_name(CURVES)) as file:
            figure.savefig(file, format="png")

    def _write(self, trainer: Trainer, trained: dict[str, float]) -> None:
        """Write a row, in the first process."""
        validated, self._validated = self._validated, {}
        if not trainer.is_global_zero or attributes_of(trainer).fast_dev_run:
            return
        place = {"epoch": trainer.current_epoch, "step": trainer.global_step, "seconds": round(self.meter.elapsed(), 1)}
        row = {**place, **trained, **validated, **self._rates}
        EpochTable(Path(trainer.default_root_dir) / METRICS).add(row)


def logged(trainer: Trainer) -> dict[str, float]:
    """What was logged by name; every process has to ask for it, since some values are means over processes."""
    values = {name: float(value) for name, value in trainer.callback_metrics.items()}
    return {name: value for name, value in values.items() if not name.endswith(("_step", "_epoch"))}


def learning_rates(trainer: Trainer) -> dict[str, float]:
    """Name -> learning rate, named as Lightning's `LearningRateMonitor` does: one for each group of parameters."""
    rates: dict[str, float] = {}
    for optimizer in trainer.optimizers:
        name, groups = f"lr-{type(optimizer).__name__}", optimizer.param_groups
        labels = (
            [name] if len(groups) == 1 else [f"{name}/{one.get('name', f'pg{at}')}" for at, one in enumerate(groups, 1)]
        )
        rates |= {label: float(group["lr"]) for label, group in zip(labels, groups, strict=True)}
    return rates


def headline_of(ranked: Protocol) -> str:
    """The name under which validation logs the metric that a dataset is ranked by.

    Args:
        ranked: The protocol that the leaderboard ranks by.
    """
    own = ranked in (PER_IMAGE, *SCORED)
    return f"val/{ranked.headline}" if own else f"val/{ranked.name}/{ranked.headline}"
