"""Attention U-Net, whose skip connections are gated by the map that they are joined with.

Paper: Oktay et al., "Attention U-Net: Learning Where to Look for the Pancreas", 2018, there for volumes. This is its
two-dimensional form of the comparison tables (34.88 M parameters). What the paper leaves open or has otherwise:

* The gating signal is the upsampled decoder map, at the size of the skip connection, so that the gate's own resampling
  isn't needed; the paper takes the map before upsampling.
* Each upsampling, bilinear, is followed by a 3x3 convolution to half of the channels. The gate's inner width is half of
  the skip's, and each of its 1x1 convolutions has batch normalisation.
* The skip of the finest scale is gated too.
"""

from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from polybench.models.blocks import (
    ConcatDecoder,
    PooledEncoder,
    conv,
    conv_pair,
    doubled,
    require_widths,
)
from polybench.models.encoder_decoder import EncoderDecoder
from polybench.models.unet import WIDTHS


class AttentionUNet(EncoderDecoder):
    """The Attention U-Net; with U-Net's widths it has 34,878,573 parameters.

    Args:
        widths: Channels of the encoder's scales, even.

    Raises:
        ConfigError: If the widths are invalid.
    """

    version: ClassVar[int] = 1

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        require_widths("Attention U-Net", widths, multiple=2)
        encoder = PooledEncoder((conv_pair(*pair) for pair in pairwise((3, *widths))), widths)
        decoder = ConcatDecoder(
            (up_conv(below, width) for width, below in pairwise(widths)),
            (conv_pair(2 * width, width) for width in widths[:-1]),
            (AttentionGate(width) for width in widths[:-1]),
        )
        super().__init__("Attention U-Net", widths, encoder, decoder)


class AttentionGate(nn.Module):
    """Additive attention: ``skip * sigmoid(BN psi(ReLU(BN W_g g + BN W_x skip)))``, one weight for each place.

    Args:
        channels: Of skip and gating signal alike, even; the inner width is half of it.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = channels // 2
        self.of_signal = nn.Sequential(nn.Conv2d(channels, inner, 1), nn.BatchNorm2d(inner))
        self.of_skip = nn.Sequential(nn.Conv2d(channels, inner, 1), nn.BatchNorm2d(inner))
        self.psi = nn.Sequential(nn.Conv2d(inner, 1, 1), nn.BatchNorm2d(1))

    def forward(self, skip: Tensor, signal: Tensor) -> Tensor:
        """Weight the skip connection (N, C, H, W) by a gating signal of the same shape."""
        inner = torch.relu(self.of_signal(signal) + self.of_skip(skip))
        result: Tensor = skip * torch.sigmoid(self.psi(inner))
        return result


def up_conv(in_channels: int, out_channels: int) -> nn.Sequential:
    """Build bilinear upsampling by 2 and a 3x3 convolution with batch normalisation and ReLU."""
    return nn.Sequential(doubled(), conv(in_channels, out_channels))
