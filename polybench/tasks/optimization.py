"""What every task does to make its optimizer."""

from collections.abc import Iterator
from typing import Any

from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable, ReduceLROnPlateau
from torch import nn


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
        return {"optimizer": made, "lr_scheduler": {"scheduler": scheduler, "monitor": scheduler.monitor}}
    return {"optimizer": made, "lr_scheduler": scheduler}
