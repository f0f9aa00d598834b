"""R2U-Net, a U-Net of recurrent residual convolutions, and the nets that leave out one of the two or add attention.

Papers: Alom et al., "Recurrent Residual Convolutional Neural Network based on U-Net (R2U-Net) for Medical Image
Segmentation", 2018; Attention R2U-Net joins it with the gates of Attention U-Net (Oktay et al., 2018) and has no paper
of its own. What they leave open: a 1x1 convolution brings the input to the block's width, and the residual starts
behind it; the passes of a recurrent convolution share its weights and its batch normalisation; upsampling is bilinear,
with a 3x3 convolution. Recurrent U-Net and Residual U-Net, rows of FANet's tables, are the same net without the
residual and without the recurrence, which change no parameter.
"""

from itertools import pairwise
from typing import ClassVar

from torch import Tensor, nn

from polybench.core.errors import ConfigError
from polybench.models.attention_unet import AttentionGate, up_conv
from polybench.models.blocks import ConcatDecoder, PooledEncoder, conv, require_widths
from polybench.models.encoder_decoder import EncoderDecoder
from polybench.models.unet import WIDTHS


class R2UNet(EncoderDecoder):
    """The recurrent residual U-Net; with U-Net's widths it has 39,091,393 parameters, with attention 39,442,925.

    | options | net |
    |---|---|
    | all defaults | R2U-Net |
    | `attention=True` | Attention R2U-Net |
    | `residual=False` | Recurrent U-Net |
    | `steps=0` | Residual U-Net |

    Args:
        widths: Channels of the encoder's scales, even with attention.
        steps: t, how often a convolution is applied again, to the sum of its input and its output; 0 for once in all.
        residual: Add a block's input, brought to its width, to its output.
        attention: Gate the skip connections.

    Raises:
        ConfigError: If the widths or the steps are invalid.
    """

    version: ClassVar[int] = 1

    def __init__(
        self, widths: tuple[int, ...] = WIDTHS, steps: int = 2, residual: bool = True, attention: bool = False
    ) -> None:
        require_widths("R2U-Net", widths, multiple=2 if attention else 1)
        if steps < 0:
            raise ConfigError(f"R2U-Net's steps must be 0 or more, not {steps}.")
        encoder = PooledEncoder((RecurrentBlock(*pair, steps, residual) for pair in pairwise((3, *widths))), widths)
        decoder = ConcatDecoder(
            (up_conv(below, width) for width, below in pairwise(widths)),
            (RecurrentBlock(2 * width, width, steps, residual) for width in widths[:-1]),
            (AttentionGate(width) for width in widths[:-1]) if attention else None,
        )
        super().__init__("R2U-Net", widths, encoder, decoder)


class RecurrentBlock(nn.Module):
    """A 1x1 convolution to the width, then two recurrent 3x3 convolutions, and their input added to their output.

    Args:
        in_channels: Channels of the input.
        width: Channels of the output.
        steps: How often each convolution is applied again.
        residual: Add the input.
    """

    def __init__(self, in_channels: int, width: int, steps: int, residual: bool) -> None:
        super().__init__()
        self.steps, self.residual = steps, residual
        self.entry = nn.Conv2d(in_channels, width, 1)
        self.convs = nn.ModuleList(conv(width, width) for _ in range(2))

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, width, H, W)."""
        start = self.entry(features)
        features = start
        for convolution in self.convs:
            state = convolution(features)
            for _ in range(self.steps):
                state = convolution(features + state)
            features = state
        result: Tensor = start + features if self.residual else features
        return result
