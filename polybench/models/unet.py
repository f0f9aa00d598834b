"""U-Net with batch normalisation, and Wide U-Net by its widths.

Paper: Ronneberger et al., "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015. Ours, as most
of today's, pads convolutions so that logits have the image's size, and has batch normalisation after each. Wide U-Net
is the larger U-Net of "UNet++: A Nested U-Net Architecture for Medical Image Segmentation" (Zhou et al., 2018), which
prints its widths and neither its normalisation nor its upsampling: here they are those of U-Net.
"""

from itertools import pairwise
from typing import ClassVar

from torch import nn

from polybench.models.blocks import ConcatDecoder, PooledEncoder, conv_pair, require_widths
from polybench.models.encoder_decoder import EncoderDecoder

WIDTHS = (64, 128, 256, 512, 1024)


class UNet(EncoderDecoder):
    """The U-Net: pairs of 3x3 convolutions, max pooling, transposed 2x2 convolutions that halve the channels.

    | widths | net | parameters |
    |---|---|---|
    | 64, 128, 256, 512, 1024 | U-Net | 31,043,521 |
    | 35, 70, 140, 280, 560 | Wide U-Net | 9,289,316 |

    Args:
        widths: Channels of the encoder's scales.

    Raises:
        ConfigError: If the widths are invalid.
    """

    version: ClassVar[int] = 1

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        require_widths("U-Net", widths)
        encoder = PooledEncoder((conv_pair(*pair) for pair in pairwise((3, *widths))), widths)
        decoder = ConcatDecoder(
            (nn.ConvTranspose2d(below, width, 2, stride=2) for width, below in pairwise(widths)),
            (conv_pair(2 * width, width) for width in widths[:-1]),
        )
        super().__init__("U-Net", widths, encoder, decoder)
