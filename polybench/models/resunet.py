"""ResUNet, a U-Net of residual units, and ResUNet-mod by its widths.

Paper: Zhang et al., "Road Extraction by Deep Residual U-Net", 2018. What it leaves open: every unit has a 1x1
convolution on its shortcut, without batch normalisation, also where the widths match; the first unit starts with a
convolution; convolutions have biases. This gives the published 8.22 M parameters.

ResUNet-mod is a row of FANet's table III and of ResUNet++'s paper, neither of which defines it. It is read here as the
ResUNet that ResUNet++ adds its three parts to: its widths 16, 32, 64, 128 and 256, one scale more than ResUNet's.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

from torch import Tensor, nn

from polybench.models.blocks import ConcatDecoder, StagedEncoder, doubled, require_widths
from polybench.models.encoder_decoder import EncoderDecoder


class ResUNet(EncoderDecoder):
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
        require_widths("ResUNet", widths)
        encoder = residual_stages(ResidualUnit, widths)
        decoder = ConcatDecoder(
            (doubled() for _ in widths[:-1]),
            (ResidualUnit(width + below, width) for width, below in pairwise(widths)),
        )
        super().__init__("ResUNet", widths, encoder, decoder)


def residual_stages(unit: type["ResidualUnit"], widths: Sequence[int]) -> StagedEncoder:
    """Build an encoder of residual units, of stride 2 from the second on.

    Args:
        unit: The class of the units.
        widths: Their channels.
    """
    first = unit(3, widths[0], starts=True)
    return StagedEncoder([first, *(unit(*pair, stride=2) for pair in pairwise(widths))], widths)


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
        self.shortcut: nn.Module = nn.Conv2d(in_channels, width, 1, stride)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, width, H / stride, W / stride)."""
        result: Tensor = self.residual(features) + self.shortcut(features)
        return result
