"""U-Net with dilated convolutions at the bottom.

Paper: Sun et al., "Colorectal Polyp Segmentation by U-Net with Dilation Convolution", ICMLA 2019, a row of the first
paper's tables. The text isn't at hand and no code was released; this follows its idea, that the deepest features keep
their resolution and see as far by dilation. Choices: a U-Net with three poolings, whose bottom is four 3x3 convolutions
of dilations 2, 4, 8 and 16 at an eighth of the image's size, as wide as the last scale; transposed convolutions,
batch normalisation and biases as in our U-Net. No size is published.
"""

from itertools import pairwise
from typing import ClassVar

from torch import nn

from polybench.models.blocks import ConcatDecoder, PooledEncoder, conv, conv_pair, require_widths
from polybench.models.encoder_decoder import EncoderDecoder

DILATIONS = (2, 4, 8, 16)


class DilatedUNet(EncoderDecoder):
    """The U-Net with a dilated bottom; it has 17,146,305 parameters with its default widths.

    Args:
        widths: Channels of the encoder's scales.
        dilations: Of the convolutions at the bottom.

    Raises:
        ConfigError: If the widths are invalid.
    """

    version: ClassVar[int] = 1

    def __init__(self, widths: tuple[int, ...] = (64, 128, 256, 512), dilations: tuple[int, ...] = DILATIONS) -> None:
        require_widths("U-Net with dilations", widths)
        encoder = PooledEncoder((conv_pair(*pair) for pair in pairwise((3, *widths))), widths)
        bottom = nn.Sequential(*(conv(widths[-1], widths[-1], dilation=dilation) for dilation in dilations))
        decoder = ConcatDecoder(
            (nn.ConvTranspose2d(below, width, 2, stride=2) for width, below in pairwise(widths)),
            (conv_pair(2 * width, width) for width in widths[:-1]),
        )
        super().__init__("U-Net with dilations", widths, encoder, decoder, bottom)
