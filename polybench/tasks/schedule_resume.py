"""Schedules of runs that are resumed with another length: the position is kept, the length follows the new run.

The state of a torch scheduler includes its arguments, so that those of the interrupted run would replace the new ones.
"""

import copy
from bisect import bisect_right
from collections.abc import Mapping, Sequence

from lightning.pytorch import Trainer
from lightning.pytorch.utilities import rank_zero_warn
from torch.optim.lr_scheduler import ChainedScheduler, LambdaLR, LRScheduler, OneCycleLR, SequentialLR

from polybench.core.errors import ConfigError
from polybench.core.start_anew import start_anew
from polybench.tasks.schedule_length import fit_schedules, parts_of

LENGTHS = ("steps", "run_steps", "warmup_steps", "epochs", "total_steps", "T_max", "total_iters", "step_size")
"""Attributes of schedules that are lengths, in the order of messages."""

DERIVED = ("milestones", "_milestones", "_schedule_phases")
"""Attributes that are lists of lengths."""

Lengths = Mapping[str, object]


def lengths_of(trainer: Trainer) -> list[list[Lengths]]:
    """Return the lengths of each schedule of a trainer and of its parts."""
    return [[_lengths(part) for part in _all_of(config.scheduler)] for config in trainer.lr_scheduler_configs]


def fit_resumed_schedules(trainer: Trainer, made_with: Sequence[Sequence[Lengths]]) -> None:
    """Restore the lengths of schedules after a state was loaded, and fit them to the run, before training starts.

    Args:
        trainer: The trainer.
        made_with: The lengths before the state was loaded.

    Raises:
        ConfigError: If a schedule doesn't fit the run, or can't continue with another length.
    """
    loaded = lengths_of(trainer)
    for config, lengths in zip(trainer.lr_scheduler_configs, made_with, strict=True):
        for part, own in zip(_all_of(config.scheduler), lengths, strict=True):
            vars(part).update(copy.deepcopy({name: value for name, value in own.items() if value is not None}))
    fit_schedules(trainer)
    for config, before in zip(trainer.lr_scheduler_configs, loaded, strict=True):
        _apply_changes(config.scheduler, before)


def _all_of(scheduler: object) -> list[object]:
    """Return a schedule and its parts."""
    return [scheduler, *(part for part in parts_of(scheduler) if part is not scheduler)]


def _lengths(part: object) -> Lengths:
    return copy.deepcopy({name: vars(part)[name] for name in (*LENGTHS, *DERIVED) if name in vars(part)})


def _apply_changes(scheduler: object, before: Sequence[Lengths]) -> None:
    """Report changed lengths and set the learning rate that follows from them; without a change, keep the exact rate.

    Raises:
        ConfigError: If the position in a schedule of several parts depends on the lengths.
    """
    parts = _all_of(scheduler)
    changed = [_change(part, old) for part, old in zip(parts, before, strict=True)]
    changes = [sentence for sentence in changed if sentence]
    if not changes:
        return
    active = _active(scheduler)
    if active is None or (changed[0] and len(parts) > 1):
        raise ConfigError(
            f"{changes[0]} A {type(scheduler).__name__} can't continue with other lengths: resume with the "
            f"original ones, or {start_anew()}."
        )
    for sentence in changes:
        rank_zero_warn(sentence)
    rates = _rates(active)
    for group, rate in zip(active.optimizer.param_groups, rates, strict=True):
        group["lr"] = rate
    for part in {id(one): one for one in (active, scheduler)}.values():
        vars(part)["_last_lr"] = list(rates)


def _change(part: object, before: Lengths) -> str:
    """Describe the first length that differs from before; empty where none does."""
    now = _lengths(part)
    for name in (*LENGTHS, *DERIVED):
        old, new = before.get(name), now.get(name)
        if old is not None and old != new:
            if name in ("steps", "run_steps"):
                return f"The length of {type(part).__name__} is now {new} steps, it was {old}."
            return f"{name.lstrip('_')} of {type(part).__name__} is now {new}, it was {old}."
    return ""


def _active(scheduler: object) -> LRScheduler | None:
    """Return the schedule that sets the learning rate; None where several do."""
    if isinstance(scheduler, SequentialLR):
        return scheduler._schedulers[bisect_right(scheduler._milestones, scheduler.last_epoch)]
    if isinstance(scheduler, LRScheduler) and not isinstance(scheduler, ChainedScheduler):
        return scheduler
    return None


def _rates(schedule: LRScheduler) -> list[float]:
    """Return the learning rates of a schedule at its current position, computed from the position only.

    Raises:
        ConfigError: If they depend on earlier rates.
    """
    if isinstance(schedule, LambdaLR):
        pairs = zip(schedule.base_lrs, schedule.lr_lambdas, strict=True)
        return [float(rate * share(schedule.last_epoch)) for rate, share in pairs]
    if isinstance(schedule, OneCycleLR):
        schedule.last_epoch, schedule._step_count = schedule.last_epoch - 1, schedule._step_count - 1
        schedule.step()
        return [float(group["lr"]) for group in schedule.optimizer.param_groups]
    closed = getattr(schedule, "_get_closed_form_lr", None)
    if closed is None:
        raise ConfigError(
            f"A {type(schedule).__name__} can't continue with another length: resume with the original one, or "
            f"{start_anew()}."
        )
    return [float(rate) for rate in closed()]
