"""DoubleU-Net, two U-Nets of which the second sees the image under the mask of the first.

Paper: Jha et al., "DoubleU-Net: A Deep Convolutional Neural Network for Medical Image Segmentation", CBMS 2020. The
design follows the released Keras code. Both masks are trained; the prediction is the second's. Keras counts two further
numbers for each channel of batch normalisation, 29,297,570 in all. The code's images are not normalised as VGG19's
were; that is left to the task's mean and deviation. The second U-Net multiplies the normalised image.
"""

from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from polybench.models.blocks import (
    PooledEncoder,
    SqueezeExcitation,
    channels_of,
    conv,
    conv_pair,
    doubled,
    require_least,
    require_sides,
    require_widths,
)

RATES = (6, 12, 18)


class DoubleUNet(nn.Module):
    """The DoubleU-Net; with its default options it has 29,290,274 parameters.

    Args:
        widths: Channels of the second encoder's four scales; both decoders have them in reverse.
        pyramid: Channels of each part of the atrous pyramids.
        encoder: First encoder, of segmentation_models_pytorch, with five scales before the last pooling.
        encoder_weights: `imagenet`, a file of weights, or null for random weights.

    Raises:
        ConfigError: If the widths are invalid, there is no such encoder, or its weights aren't available.
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        widths: tuple[int, int, int, int] = (32, 64, 128, 256),
        pyramid: int = 64,
        encoder: str = "vgg19",
        encoder_weights: str | None = "imagenet",
    ) -> None:
        super().__init__()
        require_widths("DoubleU-Net", widths, 4, 4)
        from polybench.models.pretrained.encoder import make_encoder  # a second that other nets don't wait for

        self.encoder = make_encoder(encoder, encoder_weights)
        *skips, deepest, _ = channels_of(self.encoder)
        self.pyramid = AtrousPyramid(deepest, pyramid)
        self.decoder = _Decoder(pyramid, skips, widths)
        self.head = nn.Conv2d(widths[0], 1, 1)
        self.encoder2 = PooledEncoder((_squeezed(*pair) for pair in pairwise((3, *widths))), widths)
        self.pool = nn.MaxPool2d(2)
        self.pyramid2 = AtrousPyramid(widths[-1], pyramid)
        self.decoder2 = _Decoder(pyramid, [one + other for one, other in zip(skips, widths, strict=True)], widths)
        self.head2 = nn.Conv2d(widths[0], 1, 1)

    def forward(self, images: Tensor) -> Tensor | list[Tensor]:
        """Segment.

        Args:
            images: (N, 3, H, W), sides divisible by 16, and 32 or more.

        Returns:
            Raw logits (N, 1, H, W) of the second U-Net; in training a list of them and the first one's.

        Raises:
            ConfigError: If a side isn't divisible, or less.
        """
        require_sides("DoubleU-Net", images, 16)
        require_least("DoubleU-Net", images, 32)  # VGG's last pooling, whose map nothing reads
        *skips, deepest, _ = self.encoder(images)
        first = self.head(self.decoder(self.pyramid(deepest), skips))
        own = self.encoder2(images * torch.sigmoid(first))
        both = [torch.cat(pair, dim=1) for pair in zip(skips, own, strict=True)]
        second: Tensor = self.head2(self.decoder2(self.pyramid2(self.pool(own[-1])), both))
        return [second, first] if self.training else second


class AtrousPyramid(nn.Module):
    """The mean of the map, a 1x1 and three dilated 3x3 convolutions, concatenated and brought together.

    Args:
        in_channels: Channels of the input.
        width: Channels of each part, and of the output.
    """

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        self.mean = nn.Sequential(nn.AdaptiveAvgPool2d(1), conv(in_channels, width, 1))
        self.parts = nn.ModuleList(
            [
                conv(in_channels, width, 1, bias=False),
                *(conv(in_channels, width, 3, dilation=rate, bias=False) for rate in RATES),
            ]
        )
        self.fusion = conv(5 * width, width, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, width, H, W)."""
        mean = self.mean(features).expand(-1, -1, *features.shape[-2:])
        result: Tensor = self.fusion(torch.cat([mean, *(part(features) for part in self.parts)], dim=1))
        return result


class _Decoder(nn.Module):
    """Bilinear upsampling, concatenation and a squeezed pair of convolutions for each scale."""

    def __init__(self, below: int, skips: list[int], widths: tuple[int, ...]) -> None:
        super().__init__()
        self.up = doubled()
        lower = [*widths[1:], below]
        self.blocks = nn.ModuleList(
            _squeezed(under + skip, width) for under, skip, width in zip(lower, skips, widths, strict=True)
        )

    def forward(self, decoded: Tensor, skips: list[Tensor]) -> Tensor:
        for level in reversed(range(len(skips))):
            decoded = self.blocks[level](torch.cat([self.up(decoded), skips[level]], dim=1))
        return decoded


def _squeezed(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(conv_pair(in_channels, out_channels), SqueezeExcitation(out_channels))
