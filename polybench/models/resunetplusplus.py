"""ResUNet++, a residual U-Net with squeeze and excitation, atrous pyramids and attention in the decoder.

Paper: Jha et al., "ResUNet++: An Advanced Architecture for Medical Image Segmentation", 2019. Widths, the order of
operations and the count of 4.06 M follow the released code. What the paper leaves open: the four dilated convolutions
of the atrous pyramid (rates 1, 6, 12, 18) are summed, then brought together by a 1x1 convolution; attention multiplies
the map below, before it is upsampled; upsampling is bilinear.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.models.blocks import SqueezeExcitation, doubled, require_sides, require_widths
from polybench.models.resunet import ResidualUnit, residual_stages

RATES = (1, 6, 12, 18)


class ResUNetPlusPlus(nn.Module):
    """The ResUNet++; with its default widths it has 4,062,993 parameters.

    Args:
        widths: Channels of the encoder's four scales, and of the atrous pyramid at its end.

    Raises:
        ConfigError: If the widths are invalid.
    """

    version: ClassVar[int] = 1

    def __init__(self, widths: tuple[int, int, int, int, int] = (16, 32, 64, 128, 256)) -> None:
        super().__init__()
        require_widths("ResUNet++", widths, 5, 5)
        *scales, bridge = widths
        self.encoder = residual_stages(SqueezedUnit, scales)
        self.bridge = AtrousPyramid(scales[-1], bridge)
        below = [*scales[2:], bridge]  # each decoder stage is as wide as the encoder's next scale
        self.attentions = nn.ModuleList(map(DecoderAttention, scales[:-1], below))
        self.up = doubled()
        self.stages = nn.ModuleList(
            SqueezedUnit(skip + lower, width) for skip, lower, width in zip(scales[:-1], below, scales[1:], strict=True)
        )
        self.pyramid = AtrousPyramid(scales[1], scales[0])
        self.head = nn.Conv2d(scales[0], 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Segment.

        Args:
            images: (N, 3, H, W), sides divisible by 8.

        Returns:
            Raw logits (N, 1, H, W).

        Raises:
            ConfigError: If a side isn't divisible.
        """
        require_sides("ResUNet++", images, 8)
        *skips, deepest = self.encoder(images)
        decoded = self.bridge(deepest)
        for level in reversed(range(len(skips))):
            attended = self.up(self.attentions[level](skips[level], decoded))
            decoded = self.stages[level](torch.cat([attended, skips[level]], dim=1))
        result: Tensor = self.head(self.pyramid(decoded))
        return result


class SqueezedUnit(ResidualUnit):
    """A residual unit with a normalised 1x1 shortcut, and squeeze and excitation of the sum.

    Args:
        in_channels: Channels of the input.
        width: Channels of the output.
        stride: Of the first convolution and of the shortcut.
        starts: Whether the input is an image, which the first convolution takes as it is.
    """

    def __init__(self, in_channels: int, width: int, stride: int = 1, starts: bool = False) -> None:
        super().__init__(in_channels, width, stride, starts)
        self.shortcut = nn.Sequential(self.shortcut, nn.BatchNorm2d(width))
        self.excitation = SqueezeExcitation(width)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, width, H / stride, W / stride)."""
        result: Tensor = self.excitation(super().forward(features))
        return result


class AtrousPyramid(nn.Module):
    """The sum of four dilated 3x3 convolutions with batch normalisation, then a 1x1 convolution.

    Args:
        in_channels: Channels of the input.
        width: Channels of the output.
    """

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(nn.Conv2d(in_channels, width, 3, padding=rate, dilation=rate), nn.BatchNorm2d(width))
            for rate in RATES
        )
        self.fusion = nn.Conv2d(width, width, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, width, H, W)."""
        result: Tensor = self.fusion(torch.stack([branch(features) for branch in self.branches]).sum(dim=0))
        return result


class DecoderAttention(nn.Module):
    """Weights for the map below, one for each place and channel, from itself and the pooled encoder map.

    Args:
        skip: Channels of the encoder map.
        below: Channels of the map below, at half of its size.
    """

    def __init__(self, skip: int, below: int) -> None:
        super().__init__()
        self.of_skip = _activated(skip, below)
        self.of_below = _activated(below, below)
        self.weights = _activated(below, below)

    def forward(self, skip: Tensor, below: Tensor) -> Tensor:
        """Weight the map below (N, below, H / 2, W / 2) by the encoder map (N, skip, H, W)."""
        result: Tensor = below * self.weights(F.max_pool2d(self.of_skip(skip), 2) + self.of_below(below))
        return result


def _activated(in_channels: int, out_channels: int) -> nn.Sequential:
    """Batch normalisation, ReLU, and a 3x3 convolution."""
    return nn.Sequential(
        nn.BatchNorm2d(in_channels), nn.ReLU(inplace=True), nn.Conv2d(in_channels, out_channels, 3, padding=1)
    )
