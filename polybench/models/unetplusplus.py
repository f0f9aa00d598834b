"""UNet++, a U-Net whose skip connections are themselves convolved, at every depth.

Paper: Zhou et al., "UNet++: A Nested U-Net Architecture for Medical Image Segmentation", 2018. Legend: X^{i,j} is the
block at scale i (0 is the finest) that has j maps of its scale before it; X^{i,0} are the encoder. What the paper
leaves open: upsampling is bilinear, and every block is a pair of 3x3 convolutions with batch normalisation and biases,
which gives the published 9.16 M parameters.
"""

from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from polybench.models.blocks import PooledEncoder, conv_pair, doubled, require_sides, require_widths


class UNetPlusPlus(nn.Module):
    """The nested U-Net: X^{i,j} convolves X^{i,0} to X^{i,j-1} and the upsampled X^{i+1,j-1}.

    It has 9,163,329 parameters with its default widths; deep supervision adds three output layers of 33.

    Args:
        widths: Channels of the scales.
        deep_supervision: An output layer on each of X^{0,1} to X^{0,4}. In training the net returns them as a list, the
            deepest first, and in evaluation their mean (the paper's accurate mode). False for one on X^{0,4}.

    Raises:
        ConfigError: If the widths are invalid.
    """

    version: ClassVar[int] = 1

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128, 256, 512), deep_supervision: bool = False) -> None:
        super().__init__()
        require_widths("UNet++", widths)
        self.depth = len(widths) - 1
        self.encoder = PooledEncoder((conv_pair(*pair) for pair in pairwise((3, *widths))), widths)
        self.up = doubled()
        self.nested = nn.ModuleList(
            nn.ModuleList(
                conv_pair(before * widths[scale] + widths[scale + 1], widths[scale])
                for before in range(1, self.depth - scale + 1)
            )
            for scale in range(self.depth)
        )
        self.heads = nn.ModuleList(nn.Conv2d(widths[0], 1, 1) for _ in range(self.depth if deep_supervision else 1))

    def forward(self, images: Tensor) -> Tensor | list[Tensor]:
        """Segment.

        Args:
            images: (N, 3, H, W), sides divisible by 16 with five widths.

        Returns:
            Raw logits (N, 1, H, W); with deep supervision, in training, a list of them.

        Raises:
            ConfigError: If a side isn't divisible.
        """
        require_sides("UNet++", images, 2**self.depth)
        rows = [[features] for features in self.encoder(images)]
        for before in range(1, self.depth + 1):
            for scale in range(self.depth - before + 1):
                inputs = [*rows[scale], self.up(rows[scale + 1][before - 1])]
                block = self.nested[scale][before - 1]  # type: ignore[index]
                rows[scale].append(block(torch.cat(inputs, dim=1)))
        finest = rows[0][1:] if len(self.heads) > 1 else rows[0][-1:]
        logits = [head(features) for head, features in zip(self.heads, finest, strict=True)][::-1]
        if self.training and len(logits) > 1:
            return logits
        return torch.stack(logits).mean(dim=0) if len(logits) > 1 else logits[0]
