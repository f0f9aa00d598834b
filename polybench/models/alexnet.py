"""AlexNet as Caffe has it, for images of 227 pixels, and torchvision's.

Paper: Tajbakhsh et al., "Convolutional Neural Networks for Medical Image Analysis: Full Training or Fine Tuning?", IEEE
TMI 2016, Table I, after Krizhevsky et al., NeurIPS 2012. The table has neither groups, local response normalisation nor
dropout; its pretrained model, Caffe's `bvlc_alexnet`, has all three, and they are the defaults. Weights of one layout
fit no other: torchvision's has other widths, one group and no normalisation (Krizhevsky, arXiv:1404.5997).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torchvision import models

from polybench.core.errors import ConfigError
from polybench.core.weight_file import read_weights
from polybench.models.initialisers import Initialiser, initialise

SIDE = 227
WIDTHS = (96, 256, 384, 384, 256, 4096, 4096)
"""Channels of conv1 to conv5, and units of fc6 and fc7."""

PLACES = 6
"""Side of the feature map of pool5."""

_TORCHVISION = ((64, 11, 4, True), (192, 5, 1, True), (384, 3, 1, False), (256, 3, 1, False), (256, 3, 1, True))
"""Channels, side and stride of torchvision's convolutions, and whether pooling follows."""

LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")


class AlexNet(nn.Module):
    """Five convolutional and three fully connected layers, `conv1` to `fc8`.

    With two classes it has 56,876,418 parameters; without groups, as the table prints it, 58,289,538.

    Args:
        classes: Output channels; two are read as a softmax over no object and object.
        grouped: Divide conv2, conv4 and conv5 into two groups each.
        normalised: Local response normalisation after conv1 and conv2, before pooling: 5 channels, 1e-4, 0.75.
        dropout: Share of the units of fc6 and fc7 that are dropped in training; 0 for no dropout.
        initialiser: Random start weights: `gaussian` as in the paper, `xavier` or `msra`.
        weights: File of pretrained weights with the keys of this net, such as `conv1.weight`; those of its last layer
            are left out, since the classes are new. Null for random weights. Caffe's take images in the order blue,
            green, red from 0 to 255 less the mean: a converted file states its own `mean` and `std` for the task.
        widths: Channels of conv1 to conv5, and units of fc6 and fc7.

    Attributes:
        layers: Name of each layer -> the prefixes of its parameters, from the image to the classes.

    Raises:
        ConfigError: If an argument is out of bounds, or the file can't be read or doesn't fit.
    """

    version: ClassVar[int] = 1
    start_arguments: ClassVar[tuple[str, ...]] = ("weights",)

    def __init__(
        self,
        classes: int = 2,
        grouped: bool = True,
        normalised: bool = True,
        dropout: float = 0.5,
        initialiser: Initialiser = "gaussian",
        weights: str | None = None,
        widths: tuple[int, int, int, int, int, int, int] = WIDTHS,
    ) -> None:
        super().__init__()
        refuse_dropout(dropout)
        c1, c2, c3, c4, c5, f6, f7 = widths
        groups = 2 if grouped else 1
        if grouped and any(width % 2 for width in widths[:5]):
            raise ConfigError(f"Two groups need even widths, not {list(widths[:5])}: set grouped: false.")
        self.layers = {name: (name,) for name in LAYERS}
        self.conv1 = nn.Conv2d(3, c1, 11, stride=4)
        self.conv2 = nn.Conv2d(c1, c2, 5, padding=2, groups=groups)
        self.conv3 = nn.Conv2d(c2, c3, 3, padding=1)
        self.conv4 = nn.Conv2d(c3, c4, 3, padding=1, groups=groups)
        self.conv5 = nn.Conv2d(c4, c5, 3, padding=1, groups=groups)
        self.fc6 = nn.Linear(c5 * PLACES * PLACES, f6)
        self.fc7 = nn.Linear(f6, f7)
        self.fc8 = nn.Linear(f7, classes)
        self.norm = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75) if normalised else nn.Identity()
        self.pool = nn.MaxPool2d(3, stride=2)
        self.dropout = nn.Dropout(dropout)
        initialise(self, initialiser)
        if weights is not None:
            fill(self, read_state(weights), weights)

    def forward(self, images: Tensor) -> Tensor:
        """Classify.

        Args:
            images: (N, 3, 227, 227).

        Returns:
            Raw logits (N, classes).

        Raises:
            ConfigError: If the images have another size.
        """
        if tuple(images.shape[-2:]) != (SIDE, SIDE):
            height, width = images.shape[-2:]
            raise ConfigError(f"AlexNet takes images of {SIDE}x{SIDE}, not {height}x{width}: set data.size {SIDE}.")
        features = self.pool(self.norm(torch.relu(self.conv1(images))))
        features = self.pool(self.norm(torch.relu(self.conv2(features))))
        features = torch.relu(self.conv4(torch.relu(self.conv3(features))))
        features = self.pool(torch.relu(self.conv5(features))).flatten(1)
        features = self.dropout(torch.relu(self.fc6(features)))
        result: Tensor = self.fc8(self.dropout(torch.relu(self.fc7(features))))
        return result


class TorchvisionAlexNet(nn.Module):
    """AlexNet of torchvision, for images from 63 pixels, with layers of the same names; 57,012,034 parameters.

    Args:
        classes: Output channels; two are read as a softmax over no object and object.
        weights: `imagenet`, fetched once over the network, or a file of the same keys; the last layer is always new.
            Null for random weights.
        dropout: Share of units that are dropped before fc6 and fc7 in training.
        initialiser: Random start weights: `gaussian`, `xavier` or `msra`; null for torch's own.
        hidden: Units of fc6 and fc7.

    Attributes:
        layers: Name of each layer -> the prefixes of its parameters, from the image to the classes.

    Raises:
        ConfigError: If an argument is out of bounds, or the weights can't be had or don't fit.
    """

    version: ClassVar[int] = 1
    start_arguments: ClassVar[tuple[str, ...]] = ("weights",)

    def __init__(
        self,
        classes: int = 2,
        weights: str | None = "imagenet",
        dropout: float = 0.5,
        initialiser: Initialiser | None = None,
        hidden: int = WIDTHS[-1],
    ) -> None:
        super().__init__()
        refuse_dropout(dropout)
        layers: list[nn.Module] = []
        channels = 3
        for width, side, stride, pooled in _TORCHVISION:
            layers += [nn.Conv2d(channels, width, side, stride=stride, padding=side // 2 if stride == 1 else 2)]
            layers += [nn.ReLU(inplace=True), *([nn.MaxPool2d(3, stride=2)] if pooled else [])]
            channels = width
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(PLACES)
        inner = [nn.Dropout(dropout), nn.Linear(channels * PLACES * PLACES, hidden), nn.ReLU(inplace=True)]
        outer = [nn.Dropout(dropout), nn.Linear(hidden, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, classes)]
        self.classifier = nn.Sequential(*inner, *outer)
        places = (*(f"features.{n}" for n in (0, 3, 6, 8, 10)), *(f"classifier.{n}" for n in (1, 4, 6)))
        self.layers = {name: (place,) for name, place in zip(LAYERS, places, strict=True)}
        if initialiser is not None:
            initialise(self, initialiser)
        if weights is not None:
            fill(self, _imagenet() if weights == "imagenet" else read_state(weights), weights)

    def forward(self, images: Tensor) -> Tensor:
        """Classify.

        Args:
            images: (N, 3, H, W), sides of at least 63 pixels; ImageNet's weights were trained with 224.

        Returns:
            Raw logits (N, classes).
        """
        result: Tensor = self.classifier(self.pool(self.features(images)).flatten(1))
        return result


def refuse_dropout(share: float) -> None:
    """Refuse a share of dropped units outside [0, 1).

    Raises:
        ConfigError: If it is.
    """
    if not 0 <= share < 1:
        raise ConfigError(f"dropout must be from 0 to below 1, not {share}.")


def read_state(weights: str) -> dict[str, Tensor]:
    """Read a file of weights.

    Raises:
        ConfigError: If it isn't there, or can't be read.
    """
    path = Path(weights).expanduser()
    if not path.is_file():
        raise ConfigError(f"There is no file '{weights}' of weights: correct weights, or set it to null.")
    return read_weights(path).state_dict()


def fill(net: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Copy weights into all layers of a net but the last.

    Args:
        net: A net with `layers`.
        state: The weights by the net's keys.
        source: Where they come from, for messages.

    Raises:
        ConfigError: If a tensor is missing, or has another shape.
    """
    layers = cast(Mapping[str, tuple[str, ...]], net.layers)
    last = list(layers.values())[-1][0]
    for key, own in net.state_dict().items():
        if key.startswith(f"{last}."):
            continue
        if key not in state or state[key].shape != own.shape:
            found = f"is {tuple(state[key].shape)} there and {tuple(own.shape)} here" if key in state else "is missing"
            raise ConfigError(
                f"The weights '{source}' don't fit {type(net).__name__}: '{key}' {found}; give weights of this layout."
            )
        if not own.is_meta:
            own.copy_(state[key])
    net.start_source = source  # type: ignore[assignment]


def _imagenet() -> dict[str, Tensor]:
    """ImageNet weights of torchvision, from its cache or over the network.

    Raises:
        ConfigError: If they can't be fetched.
    """
    weights = models.AlexNet_Weights.IMAGENET1K_V1
    try:
        state: dict[str, Tensor] = weights.get_state_dict(
            progress=True, check_hash=True, map_location="cpu", weights_only=True
        )
    except (OSError, EOFError, RuntimeError) as error:
        folder = Path(torch.hub.get_dir()) / "checkpoints"
        reason = str(error).partition("\n")[0]
        raise ConfigError(
            f"AlexNet's ImageNet weights can't be had ({type(error).__name__}: {reason}): connect to the network once, "
            f"put {weights.url} into {folder}, or set weights: null to start from random ones."
        ) from error
    return state
