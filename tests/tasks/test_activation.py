"""A net that gives probabilities is refused, since the task applies a sigmoid to what it gives."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import segmentation_models_pytorch as smp
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.core.errors import ConfigError
from polybench.losses import BCEDiceLoss
from polybench.tasks import PatchClassificationTask, SegmentationTask
from tests.tasks.named_outputs import fit


class Ending(nn.Module):
    """A convolution and what comes after it."""

    def __init__(self, end: Callable[[Tensor], Tensor], channels: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, channels, 1)
        self.end = end

    def forward(self, images: Tensor) -> Tensor:
        return self.end(self.convolution(images))


def check(net: nn.Module) -> None:
    SegmentationTask(net, BCEDiceLoss()).check((8, 8))


@pytest.mark.parametrize(
    ("end", "name"),
    [
        (nn.Sigmoid(), "a sigmoid"),
        (torch.sigmoid, "a sigmoid"),
        (nn.Tanh(), "a tanh"),
        (nn.ReLU(), "a ReLU"),
        (F.logsigmoid, "a log-sigmoid"),
        (lambda x: x.clamp(0, 1), "a clamp"),
        (lambda x: F.interpolate(torch.sigmoid(x), scale_factor=2, mode="bilinear"), "a sigmoid"),
        (lambda x: torch.sigmoid(x)[:, :1].float(), "a sigmoid"),
    ],
    ids=["module", "function", "tanh", "relu", "logsigmoid", "clamp", "resized", "sliced"],
)
def test_an_activation_at_the_end_is_refused_before_data_is_read(end: Callable[[Tensor], Tensor], name: str) -> None:
    with pytest.raises(ConfigError, match=f"The net ends in {name}, but the task applies a sigmoid"):
        check(Ending(end))


def test_a_softmax_over_both_classes_is_refused() -> None:
    with pytest.raises(ConfigError, match="ends in a softmax"):
        check(Ending(lambda x: x.softmax(1), channels=2))


@pytest.mark.parametrize(
    "end",
    [
        nn.Identity(),
        lambda x: torch.sigmoid(x) * 8 - 4,
        lambda x: 10 * torch.tanh(x / 10),
        lambda x: x.clamp(-10, 10),
        nn.LeakyReLU(),
    ],
    ids=["logits", "scaled", "capped", "clamped", "leaky"],
)
def test_logits_are_not_refused(end: Callable[[Tensor], Tensor]) -> None:
    check(Ending(end))


def test_the_log_softmax_of_both_classes_has_logits_as_its_difference() -> None:
    net = Ending(lambda x: x.log_softmax(1), channels=2)
    check(net)
    images = torch.rand(1, 3, 4, 4)
    task = SegmentationTask(net, BCEDiceLoss(), mean=(0.0,) * 3, std=(1.0,) * 3)
    expected = net.convolution(images).softmax(1)[:, 1:]
    torch.testing.assert_close(task.predict_probability(images), expected)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_the_activation_of_a_library_net_is_refused(activation: str) -> None:
    net = smp.Unet(
        encoder_name="resnet18", encoder_weights=None, encoder_depth=3, decoder_channels=(8,) * 3, activation=activation
    )
    with pytest.raises(ConfigError, match=f"ends in a {activation}.*leave out activation"):
        SegmentationTask(net, BCEDiceLoss()).check((32, 32))


def test_a_classifier_of_probabilities_is_refused() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 1), nn.Sigmoid())
    with pytest.raises(ConfigError, match="ends in a sigmoid"):
        PatchClassificationTask(net).check((8, 8))


class Opaque(torch.autograd.Function):
    """A sigmoid whose graph doesn't tell what it is."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return torch.sigmoid(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


def test_probabilities_that_no_graph_shows_are_warned_of(data_root: Path) -> None:
    net = Ending(lambda x: Opaque.apply(x))  # type: ignore[no-untyped-call, no-any-return]
    with pytest.warns(UserWarning, match="All logits of the first batch lie between 0"):
        fit(data_root, SegmentationTask(net, BCEDiceLoss()))


def test_logits_that_happen_to_look_so_are_not_warned_of(data_root: Path) -> None:
    net = nn.Conv2d(3, 1, 1)
    nn.init.constant_(net.weight, 0.3)
    nn.init.zeros_(net.bias)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="All logits")
        fit(data_root, SegmentationTask(net, BCEDiceLoss(), mean=(0.0,) * 3, std=(1.0,) * 3))
