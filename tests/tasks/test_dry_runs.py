"""How often a net is run on the meta device before a training."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from polybench.tasks import SegmentationTask, segmentation

SIZE = (16, 16)


class HasIdlePart(nn.Module):
    """A net with a convolution that no gradient reaches; it notes its mode in each run."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.idle = nn.Conv2d(3, 1, 1), nn.Conv2d(3, 1, 1)
        self.modes: list[bool] = []

    def __deepcopy__(self, memo: dict[int, Any]) -> "HasIdlePart":
        shadow = HasIdlePart()
        shadow.modes = self.modes
        return shadow

    def forward(self, images: Tensor) -> Tensor:
        self.modes.append(self.training)
        return self.used(images)


@pytest.fixture
def task(monkeypatch: pytest.MonkeyPatch) -> SegmentationTask:
    monkeypatch.setattr(SegmentationTask, "trainer", None)
    monkeypatch.setattr(segmentation, "data_of", lambda trainer: SimpleNamespace(size=SIZE))
    return SegmentationTask(HasIdlePart(), torch.nn.BCEWithLogitsLoss())


def test_one_run_in_each_mode_checks_outputs_and_finds_idle_parameters(task: SegmentationTask) -> None:
    task.check(SIZE)
    assert task.unused_parameters() == ["idle.weight", "idle.bias"]
    assert sorted(task.net.modes) == [False, True]  # type: ignore[arg-type]


def test_parameters_that_were_frozen_since_are_looked_through_again(task: SegmentationTask) -> None:
    task.check(SIZE)
    task.net.idle.requires_grad_(False)  # type: ignore[union-attr,operator]
    task.unused_parameters()
    assert len(task.net.modes) == 3  # type: ignore[arg-type]
