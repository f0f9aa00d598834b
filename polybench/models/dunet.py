"""DUNet, a narrow U-Net whose convolutions next to the finest scale sample where they want to.

Paper: Jin et al., "DUNet: A deformable network for retinal vessel segmentation", 2019, for grey patches of fundus
images. Widths and the count follow the released code: a quarter of U-Net's, the last one not doubled; deformable blocks
at scales 2 and 3 of the encoder and in the two finest of the decoder; bilinear upsampling without a convolution; the
image is concatenated before the output layer. A deformable convolution (Dai et al., ICCV 2017) takes its 18 offsets
from a 3x3 convolution that starts at zero, with torch's learning rate (the code divides its gradient by ten).
"""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torchvision.ops import DeformConv2d, deform_conv2d

from polybench.models.blocks import ConcatDecoder, PooledEncoder, conv_pair, doubled, require_sides, require_widths


class DUNet(nn.Module):
    """The deformable U-Net; as published, for grey images, it has 883,442 parameters, for colours 883,732.

    Args:
        widths: Channels of the encoder's first four scales; the fifth has those of the fourth.
        grey: Take the mean over the colours, as the paper takes grey images; False for all three.

    Raises:
        ConfigError: If the widths are invalid.
    """

    version: ClassVar[int] = 1

    def __init__(self, widths: tuple[int, int, int, int] = (16, 32, 64, 128), grey: bool = True) -> None:
        super().__init__()
        require_widths("DUNet", widths, 4, 4)
        self.grey = grey
        channels = 1 if grey else 3
        w1, w2, w3, w4 = widths
        self.encoder = _Encoder(
            [
                conv_pair(channels, w1),
                deformable_pair(w1, w2),
                deformable_pair(w2, w3),
                conv_pair(w3, w4),
                conv_pair(w4, w4),
            ],
            [*widths, w4],
        )
        self.encoder.grey = grey
        self.decoder = ConcatDecoder(
            (doubled() for _ in widths),
            [
                deformable_pair(w1 + w1, w1),
                deformable_pair(w2 + w2, w1),
                conv_pair(w3 + w3, w2),
                conv_pair(w4 + w4, w3),
            ],
        )
        self.head = nn.Conv2d(w1 + channels, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Segment.

        Args:
            images: (N, 3, H, W), sides divisible by 16.

        Returns:
            Raw logits (N, 1, H, W).

        Raises:
            ConfigError: If a side isn't divisible.
        """
        require_sides("DUNet", images, 16)
        decoded = self.decoder(self.encoder(images))
        result: Tensor = self.head(torch.cat([_seen(images, self.grey), decoded], dim=1))
        return result


class _Encoder(PooledEncoder):
    """The encoder, which turns images grey itself, so that another net can use it."""

    grey = True

    def forward(self, images: Tensor) -> list[Tensor]:
        return super().forward(_seen(images, self.grey))


def _seen(images: Tensor, grey: bool) -> Tensor:
    return images.mean(dim=1, keepdim=True) if grey else images


class DeformableConv(nn.Module):
    """A 3x3 convolution without bias that reads its nine inputs at offsets which another 3x3 convolution predicts.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.offsets = nn.Conv2d(in_channels, 2 * 9, 3, padding=1)
        nn.init.zeros_(self.offsets.weight)
        assert self.offsets.bias is not None
        nn.init.zeros_(self.offsets.bias)
        self.sampled = DeformConv2d(in_channels, out_channels, 3, padding=1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H, W)."""
        offsets = self.offsets(features)
        single = (one.float() for one in (features, offsets, self.sampled.weight))  # no bfloat16 on the CPU
        result: Tensor = deform_conv2d(*single, padding=1)
        return result.to(offsets.dtype)


def deformable_pair(in_channels: int, out_channels: int) -> nn.Sequential:
    """Build two deformable convolutions, each with batch normalisation and ReLU."""
    layers: list[nn.Module] = []
    for channels in (in_channels, out_channels):
        layers += [DeformableConv(channels, out_channels), nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
