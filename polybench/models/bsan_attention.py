"""Attention modules of BSAN, and the point head of its rendering: see `polybench.models.bsan`."""

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

DILATION = 2
"""Of the second convolution of the feature space attention, as printed."""

REDUCTION = 16
"""Of the channels between the two layers of its gate."""

FEWEST = 4
"""Channels there at least."""

_POINT_STD = 0.001


def conv_block(
    in_channels: int, out_channels: int, kernel: int = 3, stride: int = 1, dilation: int = 1, groups: int = 1
) -> nn.Sequential:
    """Build the paper's Conv: a convolution without bias, batch normalisation and ReLU; He et al.'s initialisation."""
    padding = dilation * (kernel // 2)
    conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, dilation, groups, bias=False)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))


class ImageSpaceAttention(nn.Module):
    """Image space attention (ISAM): x + Conv(STB_n(... STB_1(x))), with every second block's windows shifted by half.

    Args:
        dim: Channels; 96 are those of Swin-T's first stage.
        heads: Heads of the attention.
        window: Side of a window.
        blocks: Number of Swin Transformer blocks.
    """

    def __init__(self, dim: int = 96, heads: int = 3, window: int = 8, blocks: int = 6) -> None:
        super().__init__()
        from polybench.models.swin import SwinBlock  # with timm, a second that other nets don't wait for

        self.blocks = nn.ModuleList(SwinBlock(dim, heads, window, window // 2 * (i % 2)) for i in range(blocks))
        self.conv = conv_block(dim, dim)

    def forward(self, features: Tensor) -> Tensor:
        """Refine features (N, dim, H, W)."""
        tokens = features.permute(0, 2, 3, 1)
        for block in self.blocks:
            tokens = block(tokens)
        refined: Tensor = features + self.conv(tokens.permute(0, 3, 1, 2))
        return refined


class FeatureSpaceAttention(nn.Module):
    """Feature space attention (FSAM): x + Conv(beta * x), with a gate beta for each channel of an image.

    beta = sigmoid(FC(GAP(u)) + FC(GMP(u))), u = DConv(Conv(x)), with average and maximum over all places and one FC,
    two layers with a sixteenth of the channels between them, 6 of 96.

    Args:
        dim: Channels.
    """

    def __init__(self, dim: int = 96) -> None:
        super().__init__()
        self.receptive = nn.Sequential(conv_block(dim, dim), conv_block(dim, dim, dilation=DILATION))
        between = max(FEWEST, dim // REDUCTION)
        self.fc = nn.Sequential(nn.Linear(dim, between), nn.ReLU(inplace=True), nn.Linear(between, dim))
        self.conv = conv_block(dim, dim)

    def forward(self, features: Tensor) -> Tensor:
        """Refine features (N, dim, H, W)."""
        seen = self.receptive(features)
        beta = torch.sigmoid(self.fc(seen.mean((2, 3))) + self.fc(seen.amax((2, 3))))
        refined: Tensor = features + self.conv(beta[:, :, None, None] * features)
        return refined


class PointHead(nn.Module):
    """Perceptron that predicts single points of an image from features and the coarse logit there, as in PointRend.

    With 96 features and 128 hidden channels it has 29,185 parameters. The last layer starts near 0.

    Args:
        features: Number of features.
        hidden: Channels of both hidden layers.
    """

    def __init__(self, features: int = 96, hidden: int = 128) -> None:
        super().__init__()
        widths = (features + 1, hidden, hidden)
        layers: list[nn.Module] = []
        for width, following in pairwise(widths):
            layers += [nn.Conv1d(width, following, 1), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Conv1d(hidden, 1, 1))
        for layer in self.layers:
            if isinstance(layer, nn.Conv1d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(cast(Tensor, layer.bias))
        nn.init.normal_(cast(Tensor, self.layers[-1].weight), std=_POINT_STD)

    def forward(self, features: Tensor, coarse: Tensor) -> Tensor:
        """Predict points.

        Args:
            features: Features at P points, (N, C, P).
            coarse: Coarse logits there, (N, 1, P).

        Returns:
            Raw logits (N, 1, P).
        """
        logits: Tensor = self.layers(torch.cat([features, coarse], dim=1))
        return logits
