"""ColonFormer, a pyramid transformer whose coarse map reverse axial attention refines from scale to scale.

Paper: Duc et al., "ColonFormer: An Efficient Transformer Based Method for Colon Polyp Segmentation", IEEE Access 2022.
Encoder MiT of SegFormer (B3 in ColonFormer-L); decoder of UPerNet (Xiao et al., ECCV 2018) with 128 channels; on each
of the last three scales a channel-wise feature pyramid (Lou and Loew, CFPNet, 2021), axial attention, and a correction
of the coarser map where it found nothing. Kernels, widths and dilations follow the released code. Choices:

* Axial attention is within each column, then within each row, with a sigmoid of unscaled products in place of a
  softmax, as in the code. The code computes one map for an axis of an image, of features that it reshapes, so that its
  attention to rows sees columns where an image is square.
* Maps are resized to the size of others with pixel centres, so that images may have any size.
"""

from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from polybench.core.errors import ConfigError
from polybench.models.blocks import channels_of, conv, resized

GRIDS = (1, 2, 3, 6)
"""Sides of the grids that the decoder pools the deepest map to."""

DILATIONS = (1, 3, 5, 9)
"""Of the branches of a feature pyramid: 1, d / 4 + 1, d / 2 + 1 and d + 1 with the code's d of 8."""

SCALES = 4
EPSILON = 1e-3
"""Of batch normalisation before a PReLU, as in the code."""


class ColonFormer(nn.Module):
    """The ColonFormer.

    In training it returns four logits, the finest first: those of three corrections, and the decoder's. Train it with
    `polybench.losses.FocalStructureLoss`, which is summed over them.

    | encoder | net | parameters |
    |---|---|---|
    | mit_b3 | ColonFormer-L | 52,944,528 |

    Args:
        channels: Channels of the decoder.
        encoder: Of segmentation_models_pytorch; its last four scales are used, whose channels are multiples of 16.
        encoder_weights: `imagenet`, a file of weights, or null for random weights.
        width: Channels of the corrections' convolutions.
        dropout: Share of the decoder's channels that are dropped before its output layer, in training.

    Raises:
        ConfigError: If there are no channels, no such encoder, or its weights aren't available.
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        channels: int = 128,
        encoder: str = "mit_b3",
        encoder_weights: str | None = "imagenet",
        width: int = 32,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if min(channels, width) < 1:
            raise ConfigError(f"ColonFormer needs channels of 1 or more, not {channels} and {width}.")
        from polybench.models.pretrained.encoder import make_encoder  # a second that other nets don't wait for

        self.encoder = make_encoder(encoder, encoder_weights)
        found = channels_of(self.encoder)[-SCALES:]
        if any(one % 16 for one in found):
            raise ConfigError(
                f"ColonFormer needs an encoder whose channels are multiples of 16, such as mit_b3, not '{encoder}' "
                f"({found})."
            )
        self.decoder = PyramidDecoder(found, channels, dropout)
        self.stages = nn.ModuleList(_Correction(one, width) for one in found[1:])

    def forward(self, images: Tensor) -> Tensor | list[Tensor]:
        """Segment.

        Args:
            images: (N, 3, H, W).

        Returns:
            Raw logits (N, 1, H, W); in training a list of four.
        """
        scales = self.encoder(images)[-SCALES:]
        maps = [self.decoder(scales)]
        for stage, features in zip(self.stages[::-1], scales[:0:-1], strict=True):
            maps.append(stage(features, maps[-1]))
        if not self.training:
            return resized(maps[-1], images)
        return [resized(one, images) for one in maps[::-1]]


class PyramidDecoder(nn.Module):
    """UPerNet's: the deepest map pooled to grids, a top-down path, and all scales brought together at the finest.

    Args:
        widths: Channels of the scales, finest first.
        channels: Channels of each scale within.
        dropout: Share of channels that are dropped before the output layer.
    """

    def __init__(self, widths: list[int], channels: int, dropout: float) -> None:
        super().__init__()
        deepest = widths[-1]
        self.pooled = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(side), conv(deepest, channels, 1, bias=False)) for side in GRIDS
        )
        self.joined = conv(deepest + len(GRIDS) * channels, channels, bias=False)
        self.laterals = nn.ModuleList(conv(width, channels, 1, bias=False) for width in widths[:-1])
        self.smooths = nn.ModuleList(conv(channels, channels, bias=False) for _ in widths[:-1])
        self.fusion = conv(len(widths) * channels, channels, bias=False)
        self.head = nn.Sequential(nn.Dropout2d(dropout), nn.Conv2d(channels, 1, 1))

    def forward(self, scales: list[Tensor]) -> Tensor:
        """Map scales (N, C_i, h_i, w_i), finest first, to logits (N, 1, h_0, w_0)."""
        deepest = scales[-1]
        pooled = [resized(part(deepest), deepest) for part in self.pooled]
        paths = [self.joined(torch.cat([deepest, *pooled], dim=1))]
        for lateral, scale in zip(self.laterals[::-1], scales[-2::-1], strict=True):
            across = lateral(scale)
            paths.insert(0, across + resized(paths[0], across))
        smooth = [part(path) for part, path in zip(self.smooths, paths[:-1], strict=True)]
        fused = self.fusion(torch.cat([resized(path, smooth[0]) for path in (*smooth, paths[-1])], dim=1))
        result: Tensor = self.head(fused)
        return result


class _Correction(nn.Module):
    """Features outside of what the coarser map found, attended to and convolved to a correction of that map."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.pyramid = ChannelwisePyramid(channels)
        self.entry = nn.Sequential(
            nn.Conv2d(channels, channels, 1, bias=False), nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        )
        self.axes = nn.Sequential(*(_AxialAttention(channels, along) for along in ("height", "width")))
        self.convs = nn.Sequential(_convolved(channels, width), _convolved(width, width), _convolved(width, 1))

    def forward(self, features: Tensor, logits: Tensor) -> Tensor:
        """Map features (N, channels, h, w), and logits of another size, to logits (N, 1, h, w)."""
        logits = resized(logits, features)
        found = self.pyramid(features)
        attended = found + self.axes(self.entry(found))
        result: Tensor = self.convs((1 - torch.sigmoid(logits)) * attended) + logits
        return result


class ChannelwisePyramid(nn.Module):
    """Four branches of three grouped convolutions, whose dilations grow; each adds its output to that of the last.

    Args:
        channels: Of input and output, a multiple of 16.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        groups, steps = channels // 16, (channels // 4, channels // 16, channels // 16, channels // 8)
        self.first = _activated(channels)
        self.entry = _convolved(channels, steps[0])
        self.branches = nn.ModuleList(
            nn.ModuleList(_convolved(before, after, dilation, groups) for before, after in pairwise(steps))
            for dilation in DILATIONS
        )
        self.last = _activated(channels)
        self.exit = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, channels, H, W) to the same shape."""
        entered = self.entry(self.first(features))
        sums: list[Tensor] = []
        for branch in self.branches:
            found, parts = entered, []
            for part in branch:  # type: ignore[attr-defined]  # a ModuleList
                found = part(found)
                parts.append(found)
            joined = torch.cat(parts, dim=1)
            sums.append(sums[-1] + joined if sums else joined)
        result: Tensor = self.exit(self.last(torch.cat(sums, dim=1))) + features
        return result


class _AxialAttention(nn.Module):
    """Attention along the columns, or along the rows, of a map, added with a weight that starts at 0."""

    def __init__(self, channels: int, along: str) -> None:
        super().__init__()
        self.along = along
        self.query = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.key = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.value = nn.Conv2d(channels, channels, 1, bias=False)
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, features: Tensor) -> Tensor:
        order = (0, 3, 2, 1) if self.along == "height" else (0, 2, 3, 1)  # lines, places, channels
        query, key, value = (part(features).permute(order) for part in (self.query, self.key, self.value))
        attended = torch.sigmoid(query @ key.mT) @ value
        attended = attended.permute((0, 3, 2, 1) if self.along == "height" else (0, 3, 1, 2))
        result: Tensor = features + self.weight * attended
        return result


def _activated(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(channels, eps=EPSILON), nn.PReLU(channels))


def _convolved(in_channels: int, out_channels: int, dilation: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=dilation, dilation=dilation, groups=groups, bias=False),
        *_activated(out_channels),
    )
