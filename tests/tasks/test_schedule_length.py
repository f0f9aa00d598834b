"""A schedule that is longer or shorter than its run is said."""

import math
import warnings
from collections.abc import Callable

import pytest
import torch
from torch.optim import SGD, Optimizer
from torch.optim import lr_scheduler as schedules

from polybench.core.errors import ConfigError
from polybench.tasks.schedule_length import fit_to_run, refuse_no_length, refuse_other_epochs


def optimizer() -> Optimizer:
    return SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda o: schedules.CosineAnnealingLR(o, 20), "CosineAnnealingLR never reaches its T_max 20: .* 10 epochs"),
        (lambda o: schedules.CosineAnnealingLR(o, 4), "rises again after T_max 4, and the run has 10 epochs"),
        (lambda o: schedules.StepLR(o, 11), "StepLR never reaches its step_size 11"),
        (lambda o: schedules.MultiStepLR(o, [5, 12]), "MultiStepLR never reaches its milestone 12"),
        (lambda o: schedules.PolynomialLR(o, 30), "PolynomialLR never reaches its total_iters 30"),
    ],
)
def test_another_length_than_that_of_the_run_is_said(make: Callable[[Optimizer], object], message: str) -> None:
    with pytest.warns(UserWarning, match=message):
        fit_to_run(make(optimizer()), steps=40, epochs=10, interval="epoch")


def test_steps_are_compared_with_steps() -> None:
    with pytest.warns(UserWarning, match="never reaches its T_max 50: the run has 40 steps"):
        fit_to_run(schedules.CosineAnnealingLR(optimizer(), 50), steps=40, epochs=10, interval="step")


@pytest.mark.parametrize(
    "make",
    [
        lambda o: schedules.CosineAnnealingLR(o, 10),
        lambda o: schedules.StepLR(o, 3),
        lambda o: schedules.MultiStepLR(o, [5, 8]),
        lambda o: schedules.ExponentialLR(o, 0.9),
    ],
)
def test_a_schedule_that_fits_is_silent(make: Callable[[Optimizer], object]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit_to_run(make(optimizer()), steps=40, epochs=10, interval="epoch")
        fit_to_run(make(optimizer()), steps=math.inf, epochs=math.inf, interval="epoch")


def test_a_length_below_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="CosineAnnealingLR needs T_max of at least 1, not -1"):
        refuse_no_length(schedules.CosineAnnealingLR(optimizer(), -1))


def warmed_up(o: Optimizer, length: int) -> schedules.LRScheduler:
    parts = [schedules.LinearLR(o, total_iters=3), schedules.CosineAnnealingLR(o, length)]
    return schedules.SequentialLR(o, parts, milestones=[3])


@pytest.mark.parametrize(
    ("make", "option", "right"),
    [
        (schedules.CosineAnnealingLR, "T_max", 10),
        (schedules.PolynomialLR, "total_iters", 10),
        (warmed_up, "T_max", 7),
    ],
    ids=["cosine", "polynomial", "after a warm-up"],
)
def test_decay_over_other_epochs_than_those_of_counted_images_is_refused(
    make: Callable[[Optimizer, int], object], option: str, right: int
) -> None:
    refuse_other_epochs(make(optimizer(), right), 10)
    refuse_other_epochs(make(optimizer(), right - 1), math.inf)
    for wrong in (right - 1, right + 1):
        with pytest.raises(ConfigError, match=f"the run has 10, by its images or steps: .*its {option} to {right}"):
            refuse_other_epochs(make(optimizer(), wrong), 10)


def test_schedule_that_does_not_end_is_of_any_run() -> None:
    for make in (lambda o: schedules.StepLR(o, 30), lambda o: schedules.ConstantLR(o, total_iters=50)):
        refuse_other_epochs(make(optimizer()), 10)
