"""Construction of optimizers and schedules, and the steps of `ReduceLROnPlateau`.

Lightning skips the plateau step of the epoch in which a run is resumed, so that the learning rate of a resumed run
differs from that of an uninterrupted one. Here the step is part of validation, before its checkpoint is written.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import cast

from lightning.pytorch import Trainer
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable, ReduceLROnPlateau
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau as TorchPlateau

from polybench.core.errors import ConfigError
from polybench.tasks.parameter_groups import Group
from polybench.tasks.schedule_interval import interval_of, keep_factors
from polybench.tasks.schedule_length import refuse_no_length
from polybench.tasks.schedules import Interval


def make_optimizer(parameters: Sequence[nn.Parameter | Group], optimizer: OptimizerCallable) -> Optimizer:
    """Build the optimizer.

    Args:
        parameters: Parameters, or parameter groups.
        optimizer: Builds the optimizer from them.

    Raises:
        ConfigError: If the optimizer doesn't accept parameter groups, or lacks an option that they set.
    """
    groups = [one for one in parameters if isinstance(one, Group)]
    if not groups:
        return optimizer(one for one in parameters if isinstance(one, nn.Parameter))
    try:
        made = optimizer([group.options() for group in groups])
    except ValueError as error:
        if str(error).startswith("Invalid "):  # an option's value, not the groups
            raise
        raise ConfigError(f"The optimizer doesn't accept parameter groups ({error}): use another optimizer.") from error
    name = type(made).__name__
    if "weight_decay" not in made.defaults and not all(group.decays for group in groups):
        raise ConfigError(f"{name} has no weight decay: leave out no_decay_on_norms_and_biases.")
    if "lr" not in made.defaults and any(group.factor != 1 for group in groups):
        raise ConfigError(f"{name} has no learning rate: leave out parameter_groups.factors.")
    for group, wanted in zip(made.param_groups, groups, strict=True):
        if wanted.factor != 1:
            group["lr"] = group["lr"] * wanted.factor
    return made


def optimizer_and_scheduler(
    parameters: Sequence[nn.Parameter | Group],
    optimizer: OptimizerCallable,
    lr_scheduler: LRSchedulerCallable | None,
    interval: Interval | None = None,
) -> OptimizerLRScheduler:
    """Build the optimizer and the schedule in the form that `configure_optimizers` returns.

    Args:
        parameters: Parameters, or parameter groups.
        optimizer: Builds the optimizer.
        lr_scheduler: Builds the schedule; None for a constant learning rate.
        interval: Interval of the schedule's steps; None for the one that its class is made for.

    Raises:
        ConfigError: If optimizer, schedule, interval and groups don't fit each other.
    """
    made = make_optimizer(parameters, optimizer)
    if lr_scheduler is None:
        if interval is not None:
            raise ConfigError(f"schedule_interval: {interval} needs a schedule: add lr_scheduler.")
        return made
    scheduler = lr_scheduler(made)
    if isinstance(scheduler, TorchPlateau) and not isinstance(scheduler, ReduceLROnPlateau):
        raise ConfigError(
            "torch's ReduceLROnPlateau has no monitor: use lightning.pytorch.cli.ReduceLROnPlateau "
            "with a monitor, such as val/loss."
        )
    stepped = interval_of(scheduler, interval)
    refuse_no_length(scheduler)
    if isinstance(scheduler, ReduceLROnPlateau):
        never = sys.maxsize  # Lightning keeps its state, `step_plateaus` steps it
        return {
            "optimizer": made,
            "lr_scheduler": {"scheduler": scheduler, "monitor": scheduler.monitor, "frequency": never},
        }
    if factors := [one.factor for one in parameters if isinstance(one, Group)]:
        keep_factors(scheduler, made, factors)
    return {"optimizer": made, "lr_scheduler": {"scheduler": scheduler, "interval": stepped}}


def step_plateaus(trainer: Trainer, values: Mapping[str, float]) -> None:
    """Step all `ReduceLROnPlateau` schedules at the end of a validation during fit.

    Args:
        trainer: The trainer.
        values: Results of the validation by their logged names.

    Raises:
        ConfigError: If a schedule monitors another value.
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
        cast(TorchPlateau, config.scheduler).step(float(values[monitor]))
