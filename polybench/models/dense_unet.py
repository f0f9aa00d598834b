"""DenseBlock-UNet, a U-Net whose pairs of convolutions are dense blocks.

A comparison net of "DUNet: A deformable network for retinal vessel segmentation" (Jin et al., 2019), which FANet's
tables take over. It has no paper and no code, and its growth and depth are stated nowhere; here a block of width w has
four layers of w/4 channels each, so that it returns as many channels as the pair it replaces (Huang et al., "Densely
Connected Convolutional Networks", CVPR 2017, for the blocks). A layer is a 3x3 convolution, batch normalisation and
ReLU.
"""

from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from polybench.models.blocks import ConcatDecoder, PooledEncoder, conv, require_widths
from polybench.models.encoder_decoder import EncoderDecoder
from polybench.models.unet import WIDTHS

LAYERS = 4


class DenseBlockUNet(EncoderDecoder):
    """The U-Net of dense blocks; with U-Net's widths it has 21,219,649 parameters, and no published size.

    Args:
        widths: Channels of the encoder's scales, multiples of 4.

    Raises:
        ConfigError: If the widths are invalid.
    """

    version: ClassVar[int] = 1

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        require_widths("DenseBlock-UNet", widths, multiple=LAYERS)
        encoder = PooledEncoder((DenseBlock(*pair) for pair in pairwise((3, *widths))), widths)
        decoder = ConcatDecoder(
            (nn.ConvTranspose2d(below, width, 2, stride=2) for width, below in pairwise(widths)),
            (DenseBlock(2 * width, width) for width in widths[:-1]),
        )
        super().__init__("DenseBlock-UNet", widths, encoder, decoder)


class DenseBlock(nn.Module):
    """Four layers, each of which sees the input and all layers before it; what they return is concatenated.

    Args:
        in_channels: Channels of the input.
        width: Channels of the output.
    """

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        growth = width // LAYERS
        self.layers = nn.ModuleList(conv(in_channels + before * growth, growth) for before in range(LAYERS))

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, width, H, W)."""
        maps = [features]
        for layer in self.layers:
            maps.append(layer(torch.cat(maps, dim=1)))
        return torch.cat(maps[1:], dim=1)
