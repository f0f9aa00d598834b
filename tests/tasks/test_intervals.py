"""Schedules are stepped as often as they are made for; what would be stepped wrongly is refused."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.cli import ReduceLROnPlateau
from torch import nn
from torch.optim import lr_scheduler as torch_schedules

from polybench.core.errors import ConfigError
from polybench.losses import BCEDiceLoss
from polybench.tasks import SegmentationTask
from polybench.tasks.schedules import CosineThenFlat, LinearWarmup, Poly
from tests.tasks.named_outputs import fit

SGD = partial(torch.optim.SGD, lr=1.0)


class Rates(Callback):
    """Notes the learning rate of each batch."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self.seen.append(trainer.optimizers[0].param_groups[0]["lr"])


def rates(root: Path, scheduler: Any, interval: Any = None, epochs: int = 2, **options: Any) -> list[float]:
    """The learning rate of each batch of a fit of three batches an epoch."""
    seen = Rates()
    task = SegmentationTask(nn.Conv2d(3, 1, 1), BCEDiceLoss(), SGD, scheduler, schedule_interval=interval)
    fit(root, task, epochs, callbacks=[seen], **options)
    return seen.seen


def test_a_schedule_of_epochs_is_stepped_once_an_epoch(data_root: Path) -> None:
    found = rates(data_root, partial(torch_schedules.ExponentialLR, gamma=0.5))
    assert found == [1.0] * 3 + [0.5] * 3


def test_a_stated_interval_holds(data_root: Path) -> None:
    found = rates(data_root, partial(torch_schedules.ExponentialLR, gamma=0.5), "step")
    assert found == [0.5**k for k in range(6)]


def test_one_cycle_is_stepped_by_step_by_itself(data_root: Path) -> None:
    found = rates(data_root, partial(torch_schedules.OneCycleLR, max_lr=1.0, total_steps=6, cycle_momentum=False))
    optimizer = SGD(nn.Linear(1, 1).parameters())
    plain = torch_schedules.OneCycleLR(optimizer, max_lr=1.0, total_steps=6, cycle_momentum=False)
    expected = []
    for _ in range(6):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(expected) < 6:
            plain.step()
    assert found == pytest.approx(expected)


def test_poly_falls_over_the_whole_run(data_root: Path) -> None:
    found = rates(data_root, partial(Poly, power=2.0))
    assert found == pytest.approx([(1 - k / 6) ** 2 for k in range(6)])


def test_poly_counts_steps_of_the_optimizer(data_root: Path) -> None:
    """Of three batches, the second and the last one step the optimizer, in each epoch."""
    found = rates(data_root, partial(Poly, power=1.0), accumulate_grad_batches=2)
    assert found == pytest.approx([1, 1, 0.75, 0.5, 0.5, 0.25])


def test_poly_ends_where_the_trainer_stops(data_root: Path) -> None:
    found = rates(data_root, partial(Poly, power=1.0), epochs=-1, max_steps=4)
    assert found == pytest.approx([1, 0.75, 0.5, 0.25])


def test_warm_up_multiplies_what_falls() -> None:
    schedule = Poly(SGD(nn.Linear(1, 1).parameters()), power=0.9, steps=8, warmup_steps=4, warmup_start=0.2)
    assert schedule.share(1) == pytest.approx((7 / 8) ** 0.9 * (0.2 + 0.8 / 4))
    assert schedule.share(6) == pytest.approx((2 / 8) ** 0.9)
    assert schedule.share(8) == schedule.share(9) == 0


def test_linear_warm_up_rises_and_stays(data_root: Path) -> None:
    found = rates(data_root, partial(LinearWarmup, steps=4, start=0.0))
    assert found == pytest.approx([0, 0.25, 0.5, 0.75, 1, 1])


@pytest.mark.parametrize(
    ("scheduler", "interval", "message"),
    [
        (
            partial(torch_schedules.OneCycleLR, max_lr=1.0, total_steps=9),
            "epoch",
            "OneCycleLR is made .* once per step",
        ),
        (partial(Poly), "epoch", "Poly is made .* once per step"),
        (partial(CosineThenFlat, epochs=2), "step", "CosineThenFlat is made .* once per epoch"),
        (
            partial(ReduceLROnPlateau, monitor="val/loss"),
            "step",
            "ReduceLROnPlateau is made .* once per epoch",
        ),
        (partial(torch_schedules.PolynomialLR, total_iters=9), None, "add schedule_interval: epoch, or step"),
        (partial(torch_schedules.LinearLR, total_iters=9), None, "LinearLR can be stepped by epoch or by step"),
        (None, "step", "needs a schedule"),
        (partial(torch_schedules.OneCycleLR, max_lr=1.0), None, "You must define either total_steps"),
    ],
    ids=["cycle", "poly", "cosine", "plateau", "either", "linear", "none", "argument"],
)
def test_wrong_intervals_are_refused_without_data(scheduler: Any, interval: Any, message: str) -> None:
    task = SegmentationTask(nn.Conv2d(3, 1, 1), BCEDiceLoss(), SGD, scheduler, schedule_interval=interval)
    with pytest.raises(ConfigError, match=message):
        task.check((8, 8))


@pytest.mark.parametrize(
    ("scheduler", "message"),
    [
        (
            partial(torch_schedules.OneCycleLR, max_lr=1.0, total_steps=5, cycle_momentum=False),
            "OneCycleLR ends after 5 optimizer steps and the run has 6: set total_steps to 6",
        ),
        (partial(Poly, steps=2), "Poly ends after 2 optimizer steps and the run has 6: set steps to 6"),
    ],
)
def test_a_run_that_is_longer_than_its_schedule_is_refused_before_the_first_step(
    data_root: Path, scheduler: Any, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        rates(data_root, scheduler)


def test_poly_without_an_end_is_refused(data_root: Path) -> None:
    with pytest.raises(ConfigError, match="no last step, which Poly needs"):
        rates(data_root, Poly, epochs=-1, max_time="00:00:01:00")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (partial(Poly, power=0.0), "power above 0"),
        (partial(Poly, steps=0), "at least one step"),
        (partial(Poly, warmup_steps=-1), "at least 0 steps"),
        (partial(LinearWarmup, steps=0), "at least 1 steps"),
        (partial(LinearWarmup, steps=3, start=2.0), "a share up to 1"),
    ],
)
def test_senseless_numbers_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(SGD(nn.Linear(1, 1).parameters()))
