"""What every task does to make its optimizer and schedule, and to step a schedule that waits for a plateau.

Lightning leaves out a plateau's step in the epoch in which a run is resumed, so that the learning rate of a resumed run
differs from the unbroken one's. Here the step belongs to the validation, before its checkpoint is written.
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
from polybench.tasks.schedule_length import refuse_no_length
from polybench.tasks.schedules import Interval, interval_of, keep_factors


def make_optimizer(parameters: Sequence[nn.Parameter | Group], optimizer: OptimizerCallable) -> Optimizer:
    """Make the optimizer.

    Args:
        parameters: What is trained, or groups of it.
        optimizer: Makes it.

    Raises:
        ConfigError: If the optimizer knows no groups, or not what they ask for.
    """
    groups = [one for one in parameters if isinstance(one, Group)]
    if not groups:
        return optimizer(one for one in parameters if isinstance(one, nn.Parameter))
    try:
        made = optimizer([group.options() for group in groups])
    except ValueError as error:
        if str(error).startswith("Invalid "):  # an option's value, not the groups
            raise
        raise ConfigError(f"The optimizer takes no parameter groups ({error}): take another one.") from error
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
    """Make the optimizer, and the scheduler with what it monitors, as `configure_optimizers` returns them.

    Args:
        parameters: What is trained, or groups of it.
        optimizer: Makes the optimizer.
        lr_scheduler: Makes the scheduler, if there is one.
        interval: How often it is stepped; None where its class says so.

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
            "torch's ReduceLROnPlateau does not say what it monitors: give lightning.pytorch.cli.ReduceLROnPlateau "
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
        cast(TorchPlateau, config.scheduler).step(float(values[monitor]))
