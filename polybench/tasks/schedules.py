"""Learning rate schedules that torch lacks, and the interval of schedules: an epoch or an optimizer step."""

import math
from abc import ABC, abstractmethod
from typing import ClassVar, Literal

from lightning.pytorch.utilities import rank_zero_warn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    ConstantLR,
    CyclicLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
)

from polybench.core.errors import ConfigError

Interval = Literal["epoch", "step"]
"""Interval of a schedule's steps; a `step` is an optimizer step, which may accumulate several batches."""

PER_STEP = (OneCycleLR, CyclicLR)
"""torch's schedules that are made for steps."""

EITHER = (ConstantLR, LinearLR, PolynomialLR)
"""torch's schedules that fit either interval, so that it has to be stated."""


class CosineThenFlat(LambdaLR):
    """Half-cosine decay of the learning rate to a floor, then constant, as in the code of FCN16s-Atrous.

    `CosineAnnealingLR` rises again after its half period. Stepped after each epoch.

    Args:
        optimizer: The optimizer.
        epochs: Length of the decay.
        floor: Final learning rate as a share of the initial one.

    Raises:
        ConfigError: If `epochs` is below 1 or `floor` outside [0, 1].
    """

    version: ClassVar[int] = 1
    interval: ClassVar[Interval] = "epoch"

    def __init__(self, optimizer: Optimizer, epochs: int, floor: float = 0.1) -> None:
        if epochs < 1 or not 0 <= floor <= 1:
            raise ConfigError(f"CosineThenFlat needs at least one epoch and a floor in [0, 1], not {epochs}, {floor}.")

        def share(epoch: int) -> float:
            down = (1 + math.cos(math.pi * min(epoch, epochs) / epochs)) / 2
            return floor + (1 - floor) * down

        self.epochs = epochs
        super().__init__(optimizer, share)


class StepSchedule(LambdaLR, ABC):
    """Base class of schedules that are stepped after each optimizer step and may span the run.

    Attributes:
        run_steps: Optimizer steps of the whole run; None before training starts.
    """

    interval: ClassVar[Interval] = "step"

    def __init__(self, optimizer: Optimizer) -> None:
        self.run_steps: int | None = None
        super().__init__(optimizer, lambda step: self.share(step))

    @abstractmethod
    def share(self, step: int) -> float:
        """Return the share of the learning rate at a step, counted from 0."""

    @abstractmethod
    def fit_to(self, steps: float) -> None:
        """Receive the number of optimizer steps of the run, at its start.

        Raises:
            ConfigError: If the schedule doesn't fit.
        """


class LinearWarmup(StepSchedule):
    """Linear warm-up from a share of the learning rate to the full rate, then constant.

    Args:
        optimizer: The optimizer.
        steps: Optimizer steps until the full learning rate.
        start: Share of the learning rate in the first step.

    Raises:
        ConfigError: If `steps` is below 1 or `start` outside [0, 1].
    """

    version: ClassVar[int] = 1

    def __init__(self, optimizer: Optimizer, steps: int, start: float = 0.001) -> None:
        _refuse_warmup("LinearWarmup", steps, start, least=1)
        self.steps, self.start = steps, start
        super().__init__(optimizer)

    def share(self, step: int) -> float:
        """`start + (1 - start) step / steps`, at most 1."""
        return warmed_up(step, self.steps, self.start)

    def fit_to(self, steps: float) -> None:
        """Warn where the run ends before the warm-up does."""
        _warn_of_warmup(self.steps, steps)


class Poly(StepSchedule):
    """Polynomial decay to 0, `(1 - step / steps) ** power`, times an optional linear warm-up.

    Papers: Liu et al., "ParseNet", 2015; Chen et al., "DeepLab", IEEE TPAMI 2018 (power 0.9). The warm-up
    follows mmsegmentation: a factor of the decaying rate.

    Args:
        optimizer: The optimizer.
        power: Exponent of the decay.
        steps: Optimizer steps until 0; None for the length of the run.
        warmup_steps: Optimizer steps of the warm-up; 0 for none.
        warmup_start: Share of the rate in the first step of the warm-up.

    Raises:
        ConfigError: If a number is out of bounds; when training starts: if the run is longer than `steps`, or has no
            known length.
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        optimizer: Optimizer,
        power: float = 0.9,
        steps: int | None = None,
        warmup_steps: int = 0,
        warmup_start: float = 0.001,
    ) -> None:
        if not power > 0 or (steps is not None and steps < 1):
            raise ConfigError(f"Poly needs a power above 0 and at least one step, not {power}, {steps}.")
        _refuse_warmup("Poly", warmup_steps, warmup_start, least=0)
        self.power, self.steps = power, steps
        self.warmup_steps, self.warmup_start = warmup_steps, warmup_start
        super().__init__(optimizer)

    def share(self, step: int) -> float:
        """`(1 - step / steps) ** power`, times the warm-up."""
        warm = warmed_up(step, self.warmup_steps, self.warmup_start)
        if step == 0:
            return warm
        total = self.steps or self.run_steps
        if total is None:
            raise ConfigError("Poly doesn't know the length of the run: set its steps.")
        return float((1 - min(step, total) / total) ** self.power) * warm

    def fit_to(self, steps: float) -> None:
        """Use the run's length where no `steps` were given.

        Raises:
            ConfigError: If the run is longer than `steps`, or has no known length.
        """
        if self.steps is not None:
            refuse_longer_run("Poly", "steps", self.steps, steps)
        elif math.isinf(steps):
            raise ConfigError("The run has no last step, which Poly needs: set its steps, or trainer.max_epochs.")
        else:
            self.run_steps = int(steps)
        _warn_of_warmup(self.warmup_steps, steps)


def warmed_up(step: int, steps: int, start: float) -> float:
    """Return the share of the rate at a step of a linear warm-up, counted from 0; 1 after its end."""
    return 1.0 if step >= steps else start + (1 - start) * step / steps


def _refuse_warmup(name: str, steps: int, start: float, least: int) -> None:
    if steps < least or not 0 <= start <= 1:
        raise ConfigError(
            f"{name} needs a warm-up of at least {least} steps from a share up to 1, not {steps}, {start}."
        )


def _warn_of_warmup(warmup: int, steps: float) -> None:
    if warmup >= steps:
        rank_zero_warn(f"The warm-up of {warmup} steps ends after the run, which has {steps:.0f} optimizer steps.")


def refuse_longer_run(name: str, option: str, steps: int, planned: float) -> None:
    """Refuse a run that is longer than its schedule.

    Raises:
        ConfigError: If it is.
    """
    if planned > steps:
        raise ConfigError(
            f"{name} ends after {steps} optimizer steps and the run has {planned:.0f}: set {option} to {planned:.0f}."
        )


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
