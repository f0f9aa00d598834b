"""A loss that trains nothing ends the run in one sentence, before any weight moves."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import torch
from lightning.pytorch.strategies import Strategy
from torch import Tensor, nn

from polybench.core.errors import ConfigError
from polybench.losses import BCEDiceLoss
from polybench.tasks import SegmentationTask
from polybench.tasks.first_step import FirstStep
from tests.tasks.named_outputs import fit

BEGIN = partial(torch.optim.SGD, lr=1.0)


class Detached(nn.Module):
    def forward(self, outputs: Tensor, batch: object) -> dict[str, Tensor]:
        return {"a": outputs.detach().mean().requires_grad_()}


class NoGradient(nn.Module):
    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        return logits.detach().mean()


class Infinite(nn.Module):
    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        return logits.mean() / 0


class OfZero(nn.Module):
    """The derivative of a square root at 0 is infinite."""

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        return (logits - logits.detach()).square().sum().sqrt() + logits.square().mean()


class Constant(nn.Module):
    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        return (0 * logits).sum() + 1


class ByDice(nn.Module):
    """Has no gradient where there is no object, as SMP's Dice loss."""

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        return (torch.sigmoid(logits) * mask).mean() * bool(mask.any())


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (nn.CrossEntropyLoss(), "No parameter gets a gradient from CrossEntropyLoss in the first step"),
        (Detached(), "No parameter of the net gets a gradient from Detached"),
        (NoGradient(), "No parameter gets a gradient from NoGradient.*without detach"),
        (Infinite(), "Infinite is -?(inf|nan) in the first step"),
        (Constant(), "No parameter gets a gradient from Constant in the first step"),
        (OfZero(), "OfZero is finite in the first step, but its gradient is not"),
    ],
    ids=["one-channel", "detached", "no-graph", "infinite", "constant", "infinite-gradient"],
)
def test_a_loss_that_trains_nothing_is_refused_before_weights_move(
    data_root: Path, loss: nn.Module, message: str
) -> None:
    net = nn.Conv2d(3, 1, 1)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with pytest.raises(ConfigError, match=message):
        fit(data_root, SegmentationTask(net, loss, BEGIN))
    assert all(torch.equal(net.state_dict()[name], value) for name, value in before.items())


def test_gradients_are_looked_at_before_they_are_accumulated(data_root: Path) -> None:
    with pytest.raises(ConfigError, match="CrossEntropyLoss in the first step"):
        fit(data_root, SegmentationTask(nn.Conv2d(3, 1, 1), nn.CrossEntropyLoss(), BEGIN), accumulate_grad_batches=2)


def test_a_first_batch_without_objects_is_no_reason(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []

    class Emptied(SegmentationTask):
        def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:  # type: ignore[override]
            if batch_idx == 0:
                batch["mask"] = torch.zeros_like(batch["mask"])
            steps.append(batch_idx)
            return super().training_step(batch, batch_idx)  # type: ignore[arg-type]

    fit(data_root, Emptied(nn.Conv2d(3, 1, 1), ByDice(), BEGIN))
    assert steps == [0, 1, 2]


def test_a_part_without_gradient_is_no_reason(data_root: Path) -> None:
    net = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Conv2d(3, 1, 1))
    net[0].requires_grad_(False)
    before = net[1].weight.detach().clone()
    fit(data_root, SegmentationTask(net, BCEDiceLoss(), BEGIN))
    assert not torch.equal(net[1].weight, before)


def test_a_scale_of_float16_is_waited_for() -> None:
    """Its first gradients are infinite; the scale is halved in each such step."""
    scaled = SimpleNamespace(
        reduce_boolean_decision=lambda decision, all: decision, precision_plugin=SimpleNamespace(scaler=object())
    )
    weight = nn.Parameter(torch.zeros(1))
    first = FirstStep()
    first.waiting = True
    weight.grad = torch.tensor([torch.inf])
    first.check_gradients([weight], "Loss", cast(Strategy, scaled))
    assert first.waiting
    weight.grad = torch.tensor([1.0])
    first.check_gradients([weight], "Loss", cast(Strategy, scaled))
    assert not first.waiting


def test_a_sound_loss_is_looked_at_once(data_root: Path) -> None:
    task = SegmentationTask(nn.Conv2d(3, 1, 1), BCEDiceLoss(), BEGIN)
    fit(data_root, task)
    assert not task.first_step.waiting
