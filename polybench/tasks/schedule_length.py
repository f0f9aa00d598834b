"""Comparison of schedules with the length of their run: refuse one that ends early, warn of one that never ends."""

import math

from lightning.pytorch import Trainer
from lightning.pytorch.utilities import rank_zero_warn
from torch.optim.lr_scheduler import (
    ConstantLR,
    CosineAnnealingLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    SequentialLR,
    StepLR,
)

from polybench.core.errors import ConfigError
from polybench.core.trainer import attributes_of
from polybench.tasks.schedules import Interval, StepSchedule, refuse_longer_run


def parts_of(scheduler: object) -> list[object]:
    """Return the parts of a compound schedule (`SequentialLR`, `ChainedScheduler`), or the schedule itself."""
    return list(getattr(scheduler, "_schedulers", None) or [scheduler])


def fit_schedules(trainer: Trainer) -> None:
    """Fit a trainer's schedules to the length of its run, before training starts.

    Raises:
        ConfigError: If one doesn't fit.
    """
    steps = trainer.estimated_stepping_batches
    each = math.ceil(trainer.num_training_batches / trainer.accumulate_grad_batches)
    unknown = math.isinf(steps) or bool(attributes_of(trainer).fast_dev_run)
    epochs = math.inf if unknown else math.ceil(steps / each)
    for config in trainer.lr_scheduler_configs:
        if config.interval == "epoch" and trainer.max_epochs in (None, -1):
            refuse_other_epochs(config.scheduler, epochs)
        fit_to_run(config.scheduler, steps, epochs, "step" if config.interval == "step" else "epoch")


def fit_to_run(scheduler: object, steps: float, epochs: float, interval: Interval) -> None:
    """Fit a schedule to the run: set its length, refuse one that ends early, warn of one that never ends.

    Args:
        scheduler: The schedule.
        steps: Optimizer steps of the whole run; infinite where the run has no limit.
        epochs: Epochs of the whole run, likewise.
        interval: Interval of the schedule's steps.

    Raises:
        ConfigError: If the schedule doesn't fit.
    """
    for part in parts_of(scheduler):
        if isinstance(part, StepSchedule):
            part.fit_to(steps)
        elif isinstance(part, OneCycleLR):
            refuse_longer_run("OneCycleLR", "total_steps", part.total_steps, steps)
            if steps < part.total_steps:
                rank_zero_warn(f"OneCycleLR has {part.total_steps} steps and the run only {steps:.0f}.")
    if isinstance(scheduler, LRScheduler):
        _warn_of_length(scheduler, steps if interval == "step" else epochs, interval)


def refuse_other_epochs(scheduler: object, epochs: float) -> None:
    """Refuse a decay over epochs that ends elsewhere than a run whose length is stated in images or steps.

    Its length is then one that was written for other epochs, such as an interpolated `trainer.max_epochs`.

    Args:
        scheduler: The schedule, stepped after each epoch.
        epochs: Epochs of the whole run, the last one perhaps in part; infinite where the run has no limit.

    Raises:
        ConfigError: If it does.
    """
    before, parts = 0, parts_of(scheduler)
    if isinstance(scheduler, SequentialLR):
        before, parts = scheduler._milestones[-1], parts[-1:]
    for part in parts if math.isfinite(epochs) else []:
        for option, end in _ends(part) if isinstance(part, CosineAnnealingLR | PolynomialLR) else []:
            if before + end != epochs:
                raise ConfigError(
                    f"{type(part).__name__} ends after {before + end} epochs and the run has {epochs:.0f}, by its "
                    f"images or steps: set --model.lr_scheduler polybench.tasks.schedules.WarmupCosine, which is as "
                    f"long as the run, or its {option} to {epochs - before:.0f}."
                )


def _warn_of_length(scheduler: LRScheduler, length: float, interval: Interval) -> None:
    """Warn if a schedule of torch has another length than its run."""
    if math.isinf(length):
        return
    name, run = type(scheduler).__name__, f"the run has {length:.0f} {interval}{'s' if length != 1 else ''}"
    if isinstance(scheduler, CosineAnnealingLR) and scheduler.T_max < length:
        rank_zero_warn(f"{name} rises again after T_max {scheduler.T_max}, and {run}.")
        return
    for option, end in _ends(scheduler):
        if end > length:
            rank_zero_warn(f"{name} never reaches its {option} {end}: {run}.")


def refuse_no_length(scheduler: object) -> None:
    """Refuse a length below 1, as an interpolated `max_epochs` of -1 gives.

    Raises:
        ConfigError: If a schedule of torch has one.
    """
    for part in parts_of(scheduler):
        for option, end in _ends(part):
            if end < 1:
                raise ConfigError(
                    f"{type(part).__name__} needs {option} of at least 1, not {end}: give a number (trainer.max_epochs "
                    "is -1 where only max_steps is given)."
                )


def _ends(scheduler: object) -> list[tuple[str, int]]:
    """Return the options of a schedule that set its length, with their values."""
    if isinstance(scheduler, CosineAnnealingLR):
        return [("T_max", scheduler.T_max)]
    if isinstance(scheduler, StepLR):
        return [("step_size", scheduler.step_size)]
    if isinstance(scheduler, MultiStepLR):
        return [("milestone", milestone) for milestone in sorted(scheduler.milestones)]
    if isinstance(scheduler, ConstantLR | LinearLR | PolynomialLR):
        return [("total_iters", scheduler.total_iters)]
    return []
