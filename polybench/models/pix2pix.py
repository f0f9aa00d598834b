"""A conditional adversarial net in the style of pix2pix: a U-Net draws masks, a second net tells them from true ones.

Paper: Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks" (pix2pix), CVPR 2017, whose
U-Net of eight halvings and discriminator of 70x70 patches these are. The polyp nets of that name in EFEN's tables have
no code and no further description. A single logit takes the place of three colours and their hyperbolic tangent. Masks
are trained by `polybench.methods.adversarial.AdversarialSegmentationTask`.
"""

from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from polybench.core.errors import ConfigError
from polybench.models.blocks import StagedEncoder, require_sides

SLOPE = 0.2
"""Of leaky ReLUs."""

MOST = 8
"""Channels of the deepest maps, in widths."""

DROPPED = 3
"""Stages of the decoder with dropout, those behind the deepest."""


class Pix2Pix(nn.Module):
    """The generator, which is the net, and its discriminator; 54,409,857 and 2,766,657 parameters.

    Args:
        width: Channels of the first convolution of both, doubled up to eight times as many.
        depth: Halvings of the generator, 3 or more; the sides of an image are multiples of 2 to the power of it.
        dropout: Share of the values that the three stages behind the deepest drop, in training.

    Raises:
        ConfigError: If a number is too small.
    """

    version: ClassVar[int] = 1

    def __init__(self, width: int = 64, depth: int = 8, dropout: float = 0.5) -> None:
        super().__init__()
        if width < 1 or depth < 3:
            raise ConfigError(f"Pix2Pix needs a width of 1 or more and a depth of 3 or more, not {width} and {depth}.")
        self.depth = depth
        widths = [width * min(2**level, MOST) for level in range(depth)]
        self.encoder = StridedEncoder(widths)
        self.ups = nn.ModuleList()
        for level, out in enumerate(widths[:-1]):
            below = widths[-1] if level == depth - 2 else 2 * widths[level + 1]
            drops = depth - 2 - DROPPED <= level < depth - 2
            self.ups.append(
                nn.Sequential(
                    nn.ReLU(),
                    nn.ConvTranspose2d(below, out, 4, stride=2, padding=1, bias=False),
                    nn.BatchNorm2d(out),
                    nn.Dropout(dropout) if drops else nn.Identity(),
                )
            )
        self.head = nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(2 * width, 1, 4, stride=2, padding=1))
        self.discriminator = PatchDiscriminator(width)

    def forward(self, images: Tensor) -> Tensor:
        """Segment.

        Args:
            images: (N, 3, H, W), sides divisible by 256 with a depth of 8.

        Returns:
            Raw logits (N, 1, H, W).

        Raises:
            ConfigError: If a side isn't divisible.
        """
        require_sides("Pix2Pix", images, 2**self.depth)
        *skips, features = self.encoder(images)
        for level in reversed(range(len(skips))):
            features = torch.cat([skips[level], self.ups[level](features)], dim=1)
        result: Tensor = self.head(features)
        return result


class StridedEncoder(StagedEncoder):
    """Convolutions of 4x4 and stride 2: maps of (N, C_i, H / 2^(i+1), W / 2^(i+1)).

    Args:
        widths: Their channels.
    """

    def __init__(self, widths: list[int]) -> None:
        stages: list[nn.Module] = [nn.Conv2d(3, widths[0], 4, stride=2, padding=1, bias=False)]
        for before, out in pairwise(widths):
            normed = len(stages) < len(widths) - 1  # the deepest may be a single place
            stages.append(
                nn.Sequential(
                    nn.LeakyReLU(SLOPE),
                    nn.Conv2d(before, out, 4, stride=2, padding=1, bias=False),
                    nn.BatchNorm2d(out) if normed else nn.Identity(),
                )
            )
        super().__init__(stages, widths)


class PatchDiscriminator(nn.Module):
    """Tells drawn from true masks, patch by patch: each output sees 70x70 pixels.

    Args:
        width: Channels of the first convolution, doubled three times.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3 + 1, width, 4, stride=2, padding=1), nn.LeakyReLU(SLOPE)]
        for level in range(3):
            channels, stride = width * 2**level, 2 if level < 2 else 1
            layers += [
                nn.Conv2d(channels, 2 * channels, 4, stride, padding=1, bias=False),
                nn.BatchNorm2d(2 * channels),
                nn.LeakyReLU(SLOPE),
            ]
        self.layers = nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, padding=1))

    def forward(self, images: Tensor, masks: Tensor) -> Tensor:
        """Judge masks.

        Args:
            images: (N, 3, H, W), sides of 24 or more.
            masks: (N, 1, H, W) in [0, 1].

        Returns:
            Logits of being true, (N, 1, H / 8 - 2, W / 8 - 2).
        """
        result: Tensor = self.layers(torch.cat([images, masks], dim=1))
        return result
