"""A schedule that is longer or shorter than its run is said."""

import math
import warnings
from collections.abc import Callable

import pytest
import torch
from torch.optim import SGD, Optimizer
from torch.optim import lr_scheduler as schedules

from polybench.core.errors import ConfigError
from polybench.tasks.schedule_length import fit_to_run, refuse_no_length


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
