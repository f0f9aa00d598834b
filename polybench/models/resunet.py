"""ResUNet, a U-Net of residual units, and ResUNet-mod by its widths.

Paper: Zhang et al., "Road Extraction by Deep Residual U-Net", 2018. What it leaves open: every unit has a 1x1
convolution on its shortcut, without batch normalisation, also where the widths match; the first unit starts with a
convolution; convolutions have biases. This gives the published 8.22 M parameters.

ResUNet-mod is a row of FANet's table III and of ResUNet++'s paper, neither of which defines it. It is read here as the
ResUNet that ResUNet++ adds its three parts to: its widths 16, 32, 64, 128 and 256, one scale more than ResUNet's.
"""

from itertools import pairwise
from typing import ClassVar

from torch import Tensor, nn

from polybench.models.blocks import ConcatDecoder, doubled, require_sides, require_widths


class ResUNet(nn.Module):
    """The residual U-Net: pre-activation units, halved by their stride, and bilinear upsampling.

    | widths | net | parameters |
    |---|---|---|
    | 64, 128, 256, 512 | ResUNet | 8,220,993 |
    | 16, 32, 64, 128, 256 | ResUNet-mod | 2,075,601 |

    Args:
        widths: Channels of the encoder's scales; the last is the bridge.

    Raises:
        ConfigError: If the widths are invalid.
    """

    version: ClassVar[int] = 1

    def __init__(self, widths: tuple[int, ...] = (64, 128, 256, 512)) -> None:
        super().__init__()
        require_widths("ResUNet", widths)
        self.stride = 2 ** (len(widths) - 1)
        self.encoder = ResidualEncoder(widths)
        self.decoder = ConcatDecoder(
            (doubled() for _ in widths[:-1]),
            (ResidualUnit(width + below, width) for width, below in pairwise(widths)),
        )
        self.head = nn.Conv2d(widths[0], 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Segment.

        Args:
            images: (N, 3, H, W), sides divisible by 8 with four widths.

        Returns:
            Raw logits (N, 1, H, W).

        Raises:
            ConfigError: If a side isn't divisible.
        """
        require_sides("ResUNet", images, self.stride)
        result: Tensor = self.head(self.decoder(self.encoder(images)))
        return result


class ResidualEncoder(nn.Module):
    """Residual units, of stride 2 from the second on, with the encoder contract of segmentation_models_pytorch.

    Args:
        widths: Their channels.
    """

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.out_channels = list(widths)
        first = ResidualUnit(3, widths[0], starts=True)
        self.stages = nn.ModuleList([first, *(ResidualUnit(*pair, stride=2) for pair in pairwise(widths))])

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map images (N, 3, H, W) to one map per unit, finest first: (N, C_i, H / 2^i, W / 2^i)."""
        features: list[Tensor] = []
        for stage in self.stages:
            features.append(stage(features[-1] if features else images))
        return features


class ResidualUnit(nn.Module):
    """Batch normalisation, ReLU and 3x3 convolution, twice, beside a 1x1 convolution.

    Args:
        in_channels: Channels of the input.
        width: Channels of the output.
        stride: Of the first convolution and of the shortcut.
        starts: Whether the input is an image, which the first convolution takes as it is.
    """

    def __init__(self, in_channels: int, width: int, stride: int = 1, starts: bool = False) -> None:
        super().__init__()
        activation = [] if starts else [nn.BatchNorm2d(in_channels), nn.ReLU(inplace=True)]
        self.residual = nn.Sequential(
            *activation,
            nn.Conv2d(in_channels, width, 3, stride, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1),
        )
        self.shortcut = nn.Conv2d(in_channels, width, 1, stride)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, width, H / stride, W / stride)."""
        result: Tensor = self.residual(features) + self.shortcut(features)
        return result
