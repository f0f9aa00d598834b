"""WarmupCosine against values by hand and torch's cosine."""

import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR

from polybench.core.errors import ConfigError
from polybench.tasks.schedules import WarmupCosine
from tests.tasks.test_intervals import rates


def optimizer(lr: float = 1.0) -> torch.optim.Optimizer:
    return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=lr)


def test_values_by_hand() -> None:
    """Ten steps, a fifth of them warm-up from 0.1: 0.1, 0.55, then (1 + cos(pi k / 8)) / 2 towards 0.2."""
    schedule = WarmupCosine(optimizer(), warmup=0.2, start=0.1, floor=0.2)
    schedule.fit_to(10)
    found = [schedule.share(step) for step in (0, 1, 2, 4, 6, 8, 10, 11)]
    half = math.sqrt(0.5)
    expected = [0.1, 0.55, 1.0, 0.2 + 0.4 * (1 + half), 0.6, 0.2 + 0.4 * (1 - half), 0.2, 0.2]
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(("steps", "rising"), [(100, 7), (101, 8), (1, 1), (10, 1)])
def test_warm_up_is_a_share_of_the_steps_rounded_up(steps: int, rising: int) -> None:
    schedule = WarmupCosine(optimizer(), warmup=0.07, start=0.0, floor=0.0)
    schedule.fit_to(steps)
    assert [step for step in range(steps + 1) if schedule.share(step) == 1.0][:1] in ([rising], [])
    assert all(schedule.share(step) < 1 for step in range(rising))


def test_without_warm_up_it_is_the_cosine_of_torch(data_root: Path) -> None:
    found = rates(data_root, partial(WarmupCosine, warmup=0.0, floor=0.25))
    plain = optimizer()
    expected = CosineAnnealingLR(plain, T_max=6, eta_min=0.25)
    for rate in found:
        assert rate == pytest.approx(plain.param_groups[0]["lr"])
        plain.step()
        expected.step()


@pytest.mark.parametrize("options", [{"warmup": 1.0}, {"warmup": -0.1}, {"start": 2.0}, {"floor": -1.0}, {"steps": 0}])
def test_numbers_out_of_bounds_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="WarmupCosine needs a warm-up"):
        WarmupCosine(optimizer(), **options)


def test_run_without_end_is_refused() -> None:
    with pytest.raises(ConfigError, match="no last step, which WarmupCosine needs"):
        WarmupCosine(optimizer()).fit_to(math.inf)


def test_run_longer_than_its_steps_is_refused() -> None:
    with pytest.raises(ConfigError, match="WarmupCosine ends after 5 optimizer steps and the run has 6"):
        WarmupCosine(optimizer(), steps=5).fit_to(6)
