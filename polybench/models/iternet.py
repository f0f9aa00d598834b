"""IterNet, a U-Net followed by small U-Nets that refine its features, again and again with the same weights.

Paper: Li et al., "IterNet: Retinal Image Segmentation Utilizing Structural Redundancy in Vessel Networks", WACV 2020.
Details follow the released code: no batch normalisation; the small U-Nets share all weights but the 1x1 convolution
that reduces the finest features of the U-Net and of all iterations so far; each iteration has an output layer of its
own. Ours starts from He's initialisation, where the code has Keras's default (Glorot).
"""

from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.core.errors import ConfigError
from polybench.models.blocks import ConcatDecoder, PooledEncoder, he_initialised, require_sides

DEPTH = 5
SMALL_DEPTH = 3


class IterNet(nn.Module):
    """The IterNet; with its default options it has 8,244,356 parameters.

    In training it returns the logits of the U-Net and of each iteration, the last one first, so that a loss of logits
    is summed over them, as in the paper.

    Args:
        width: Channels of the finest scale, doubled from scale to scale: five scales of the U-Net, three of the others.
        iterations: Small U-Nets in sequence.

    Raises:
        ConfigError: If one is less than 1.
    """

    version: ClassVar[int] = 1

    def __init__(self, width: int = 32, iterations: int = 3) -> None:
        super().__init__()
        if width < 1 or iterations < 1:
            raise ConfigError(f"IterNet needs a width and iterations of 1 or more, not {width} and {iterations}.")
        widths = [width * 2**scale for scale in range(DEPTH)]
        self.encoder = PooledEncoder((_pair(*pair) for pair in pairwise([3, *widths])), widths)
        self.decoder = _decoder(widths)
        self.small = _SmallUNet(widths[:SMALL_DEPTH])
        self.reductions = nn.ModuleList(nn.Conv2d((2 + number) * width, width, 1) for number in range(iterations))
        self.heads = nn.ModuleList(nn.Conv2d(width, 1, 1) for _ in range(iterations + 1))
        he_initialised(self)

    def forward(self, images: Tensor) -> Tensor | list[Tensor]:
        """Segment.

        Args:
            images: (N, 3, H, W), sides divisible by 16.

        Returns:
            Raw logits (N, 1, H, W) of the last iteration; in training a list, the last iteration's first.

        Raises:
            ConfigError: If a side isn't divisible.
        """
        require_sides("IterNet", images, 2 ** (DEPTH - 1))
        encoded = self.encoder(images)
        decoded, finest = [self.decoder(encoded)], [encoded[0]]
        for reduction in self.reductions:
            finest.append(self.small.first(decoded[-1]))
            decoded.append(self.small(reduction(torch.cat(finest, dim=1))))
        if not self.training:
            result: Tensor = self.heads[-1](decoded[-1])
            return result
        return [head(features) for head, features in zip(self.heads, decoded, strict=True)][::-1]


class _SmallUNet(nn.Module):
    """A U-Net whose first pair of convolutions is called apart, since its features are collected."""

    def __init__(self, widths: list[int]) -> None:
        super().__init__()
        self.first = _pair(widths[0], widths[0])
        self.stages = nn.ModuleList(_pair(*pair) for pair in pairwise(widths))
        self.decoder = _decoder(widths)

    def forward(self, finest: Tensor) -> Tensor:
        features = [finest]
        for stage in self.stages:
            features.append(stage(F.max_pool2d(features[-1], 2)))
        result: Tensor = self.decoder(features)
        return result


def _pair(in_channels: int, out_channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (in_channels, out_channels):
        layers += [nn.Conv2d(channels, out_channels, 3, padding=1), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def _decoder(widths: list[int]) -> ConcatDecoder:
    return ConcatDecoder(
        (nn.ConvTranspose2d(below, width, 2, stride=2) for width, below in pairwise(widths)),
        (_pair(2 * width, width) for width in widths[:-1]),
    )
