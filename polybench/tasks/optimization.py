"""What every task does to make its optimizer, and to step a schedule that waits for a plateau.

Lightning leaves out a plateau's step in the epoch in which a run is resumed, so that the learning rate of a resumed run
differs from the unbroken one's. Here the step belongs to the validation, before its checkpoint is written.
"""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable, ReduceLROnPlateau
from lightning.pytorch.trainer.states import TrainerFn
from torch import nn

from polybench.errors import ConfigError


def optimizer_and_scheduler(
    parameters: Iterator[nn.Parameter], optimizer: OptimizerCallable, lr_scheduler: LRSchedulerCallable | None
) -> Any:
    """Make the optimizer, and the scheduler with what it monitors, as `configure_optimizers` returns them.

    Args:
        parameters: What is trained.
        optimizer: Makes the optimizer.
        lr_scheduler: Makes the scheduler, if there is one.
    """
    made = optimizer(parameters)
    if lr_scheduler is None:
        return made
    scheduler = lr_scheduler(made)
    if isinstance(scheduler, ReduceLROnPlateau):
        never = sys.maxsize  # Lightning keeps its state, `step_plateaus` steps it
        return {
            "optimizer": made,
            "lr_scheduler": {"scheduler": scheduler, "monitor": scheduler.monitor, "frequency": never},
        }
    return {"optimizer": made, "lr_scheduler": scheduler}


def step_plateaus(trainer: Trainer, values: Mapping[str, float]) -> None:
    """Step the schedules that wait for a plateau, at the end of a validation during fit.

    Args:
        trainer: The trainer.
        values: What the validation found, by the names under which it is logged.

    Raises:
        ConfigError: If a schedule monitors something else.
    """
    if trainer.state.fn != TrainerFn.FITTING or trainer.sanity_checking:
        return
    for config in trainer.lr_scheduler_configs:
        if not config.reduce_on_plateau:
            continue
        monitor = str(config.monitor)
        if monitor not in values:
            raise ConfigError(
                f"ReduceLROnPlateau monitors '{monitor}', which validation does not log: choose one of "
                f"{', '.join(sorted(values))}."
            )
        config.scheduler.step(values[monitor])  # type: ignore[arg-type]
