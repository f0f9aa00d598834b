"""The interval of schedules, an epoch or an optimizer step, and the learning rates of parameter groups in them."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    ConstantLR,
    CyclicLR,
    LinearLR,
    LRScheduler,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
)

from polybench.core.errors import ConfigError
from polybench.tasks.schedules import CosineThenFlat, Interval, StepSchedule

PER_STEP = (OneCycleLR, CyclicLR)
"""torch's schedules that are made for steps."""

EITHER = (ConstantLR, LinearLR, PolynomialLR)
"""torch's schedules that fit either interval, so that it has to be stated."""


def interval_of(scheduler: object, stated: Interval | None) -> Interval:
    """Return the interval of a schedule's steps.

    Args:
        scheduler: The schedule.
        stated: The user's choice; None for the interval that the class is made for.

    Returns:
        `step` for `OneCycleLR`, `CyclicLR` and polybench's schedules of steps, `epoch` for all others, unless stated.

    Raises:
        ConfigError: If the class is made for the other interval, or fits either and none is stated.
    """
    parts = getattr(scheduler, "_schedulers", None) or [scheduler]  # SequentialLR and ChainedScheduler hold several
    names = ", ".join(type(part).__name__ for part in parts)
    made_for = {_made_for(part) for part in parts} - {None}
    if len(made_for) > 1:
        raise ConfigError(f"{names} mix schedules by epoch and by step: use schedules of one kind.")
    own = next(iter(made_for), None)
    if own is not None and stated not in (None, own):
        raise ConfigError(f"{names} is made to be stepped once per {own}: leave out schedule_interval: {stated}.")
    if own is None and stated is None and any(isinstance(part, EITHER) for part in parts):
        raise ConfigError(f"{names} can be stepped by epoch or by step: add schedule_interval: epoch, or step.")
    return own or stated or "epoch"


def _made_for(scheduler: object) -> Interval | None:
    """Return the interval that a schedule's class is made for; None where it fits either."""
    if isinstance(scheduler, PER_STEP):
        return "step"
    if isinstance(scheduler, StepSchedule | CosineThenFlat):
        return scheduler.interval
    return "epoch" if isinstance(scheduler, ReduceLROnPlateau) else None


def keep_factors(scheduler: LRScheduler, optimizer: Optimizer, factors: list[float]) -> None:
    """Apply the factors of the optimizer's groups to a new schedule's rates.

    Args:
        scheduler: The new schedule.
        optimizer: Its optimizer.
        factors: The factor of each group's learning rate.

    Raises:
        ConfigError: If the schedule sets the rate of all groups alike.
    """
    groups = optimizer.param_groups
    if isinstance(scheduler, OneCycleLR):  # its `max_lr` is one number for all groups
        for group, factor in zip(groups, factors, strict=True):
            for key in ("lr", "initial_lr", "max_lr", "min_lr"):
                group[key] = group[key] * factor
        scheduler.base_lrs = [group["initial_lr"] for group in groups]
        scheduler._last_lr = [group["lr"] for group in groups]
        return
    rates = [float(group["lr"]) for group in groups]
    if not all(
        math.isclose(rate * factors[0], rates[0] * factor, rel_tol=1e-6)
        for rate, factor in zip(rates, factors, strict=True)
    ):
        raise ConfigError(
            f"{type(scheduler).__name__} sets one learning rate for all parameter groups, so their factors would be "
            "lost: use another schedule."
        )
