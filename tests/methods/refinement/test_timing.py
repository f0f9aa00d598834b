"""What the stopwatch counts, by a clock that goes only where it is told to."""

import inspect

import pytest
import torch
from torch import Tensor, nn

from polybench.methods.refinement.timing import calls_timed

CPU = torch.device("cpu")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


class FeedbackNet(nn.Module):
    """Takes 2 seconds without a mask and 3 with one."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def forward(self, images: Tensor, masks: Tensor) -> Tensor:
        return self.refine(self.precompute(images), masks)

    def precompute(self, images: Tensor) -> Tensor:
        self.clock.now += 2
        return images

    def refine(self, state: Tensor, masks: Tensor) -> Tensor:
        self.clock.now += 3
        return state


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("polybench.methods.refinement.timing.time", clock)
    return clock


def test_calls_are_summed_and_what_lies_between_is_not(clock: Clock) -> None:
    net, images = FeedbackNet(clock), torch.zeros(1)
    with calls_timed(net, CPU) as watch:
        net(images, images)
        clock.now += 100
        net(images, images)
    assert watch.seconds == 10


def test_passes_of_a_feedback_net_count_though_it_is_not_called_itself(clock: Clock) -> None:
    net, images = FeedbackNet(clock), torch.zeros(1)
    with calls_timed(net, CPU) as watch:
        state = net.precompute(images)
        for _ in range(4):
            net.refine(state, images)
    assert watch.seconds == 14


def test_the_net_is_afterwards_as_it_was(clock: Clock) -> None:
    net, images = FeedbackNet(clock), torch.zeros(1)
    before = dict(vars(net))
    with calls_timed(net, CPU) as watch:
        assert list(inspect.signature(net.forward).parameters) == ["images", "masks"]
    net(images, images)
    assert watch.seconds == 0
    assert vars(net) == before


def test_a_call_that_fails_leaves_the_net_as_it_was(clock: Clock) -> None:
    net = nn.Conv2d(3, 1, 1)
    with pytest.raises(RuntimeError, match="channels"), calls_timed(net, CPU):
        net(torch.zeros(1, 2, 4, 4))
    assert "forward" not in vars(net)
