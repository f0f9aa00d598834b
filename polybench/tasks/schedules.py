"""Learning rate schedules that torch lacks, each with its interval: an epoch or an optimizer step."""

import math
from abc import ABC, abstractmethod
from typing import ClassVar, Literal

from lightning.pytorch.utilities import rank_zero_warn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from polybench.core.errors import ConfigError

Interval = Literal["epoch", "step"]
"""Interval of a schedule's steps; a `step` is an optimizer step, which may accumulate several batches."""


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


class RunSchedule(StepSchedule):
    """Base class of schedules whose end is that of the run, unless their own number of steps says otherwise.

    Attributes:
        steps: Optimizer steps until the end; None for the length of the run.
    """

    length_option: ClassVar[str]
    """What gives a run a last step, for a message."""

    steps: int | None

    @property
    def total(self) -> int:
        """Optimizer steps until the end.

        Raises:
            ConfigError: If neither is known.
        """
        total = self.steps or self.run_steps
        if total is None:
            raise ConfigError(f"{type(self).__name__} doesn't know the length of the run: set its steps.")
        return total

    def fit_to(self, steps: float) -> None:
        """Use the run's length where no `steps` were given.

        Raises:
            ConfigError: If the run is longer than `steps`, or has no known length.
        """
        name = type(self).__name__
        if self.steps is not None:
            refuse_longer_run(name, "steps", self.steps, steps)
        elif math.isinf(steps):
            raise ConfigError(f"The run has no last step, which {name} needs: set its steps, or {self.length_option}.")
        else:
            self.run_steps = int(steps)


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


class Poly(RunSchedule):
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
    length_option: ClassVar[str] = "trainer.max_epochs"

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
        return float((1 - min(step, self.total) / self.total) ** self.power) * warm

    def fit_to(self, steps: float) -> None:
        """Use the run's length where no `steps` were given; warn where the run ends before the warm-up does.

        Raises:
            ConfigError: If the run is longer than `steps`, or has no known length.
        """
        super().fit_to(steps)
        _warn_of_warmup(self.warmup_steps, steps)


class WarmupCosine(RunSchedule):
    """Linear warm-up, then half-cosine decay to a floor, by default over the whole run.

    Papers: Loshchilov and Hutter, "SGDR", ICLR 2017 (cosine, without restarts); Goyal et al., "Accurate, Large
    Minibatch SGD", 2017 (warm-up). Of `T` optimizer steps the first `warmup T`, rounded up, are the warm-up, and the
    floor is the rate of a step after the last, as in `CosineAnnealingLR` with `T_max`.

    Args:
        optimizer: The optimizer.
        warmup: Share of the optimizer steps in which the rate rises; 0 for no warm-up.
        start: Share of the learning rate in the first step of the warm-up.
        floor: Final share of the learning rate.
        steps: Optimizer steps until the floor; None for the length of the run.

    Raises:
        ConfigError: If a number is out of bounds; when training starts: if the run is longer than `steps`, or has no
            known length.
    """

    version: ClassVar[int] = 1
    length_option: ClassVar[str] = "the run's images"

    def __init__(
        self,
        optimizer: Optimizer,
        warmup: float = 0.05,
        start: float = 0.001,
        floor: float = 0.01,
        steps: int | None = None,
    ) -> None:
        if not 0 <= warmup < 1 or not 0 <= start <= 1 or not 0 <= floor <= 1 or (steps is not None and steps < 1):
            raise ConfigError(
                "WarmupCosine needs a warm-up from 0 to below 1, a start and a floor in [0, 1] and at least one step, "
                f"not {warmup}, {start}, {floor}, {steps}."
            )
        self.warmup, self.start, self.floor, self.steps = warmup, start, floor, steps
        super().__init__(optimizer)

    def share(self, step: int) -> float:
        """`start + (1 - start) step / w` in the `w` steps of the warm-up, then the cosine from 1 to `floor`."""
        if step == 0:
            return self.start if self.warmup else 1.0
        total = self.total
        rising = math.ceil(round(self.warmup * total, 9))  # 0.07 of 100 is 7.000000000000001
        if step < rising:
            return warmed_up(step, rising, self.start)
        position = min(1.0, (step - rising) / max(1, total - rising))
        return self.floor + (1 - self.floor) * (1 + math.cos(math.pi * position)) / 2


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
