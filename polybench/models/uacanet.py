"""UACANet, attention to the foreground, the background and the uncertain area of a coarser map, from scale to scale.

Paper: Kim et al., "UACANet: Uncertainty Augmented Context Attention for Polyp Segmentation", ACM Multimedia 2021.
Kernels and widths follow the released code, in which UACANet-S is 32 channels wide and UACANet-L 256. Choices:

* Axial attention is within each column and within each row (Wang et al., Axial-DeepLab, ECCV 2020). The code computes
  one map for an axis of an image, of features that it reshapes, so that its attention to rows sees columns where an
  image is square.
* The mean features of a region are sums of feature vectors by its weights; the code reshapes features to pixels without
  moving the channels last.
* Maps are resized with pixel centres, and images may have any size.

The code counts 26,904,874 parameters for UACANet-S: 2,049,000 of them are the classifier of Res2Net-50, which it keeps
and never uses.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.core.errors import ConfigError
from polybench.models.blocks import channels_of, conv, resized
from polybench.models.pranet import normed

QUERY_DIVISOR = 8
"""Channels of a map divided by those of its queries and keys, in axial attention."""


class UACANet(nn.Module):
    """The uncertainty augmented context attention network; with Res2Net-50 it has 24,855,874 parameters.

    In training it returns four logits, the finest first: those of three attention stages, and the decoder's. Train it
    with `polybench.losses.UACANetLoss`, which is summed over them.

    Args:
        channels: 32 for UACANet-S, 256 for UACANet-L; 8 or more.
        encoder: Of segmentation_models_pytorch, `tu-<name>` for one of timm's; its last three scales are used.
        encoder_weights: `imagenet`, a file of weights, or null for random weights.

    Raises:
        ConfigError: If there are too few channels, no such encoder, or its weights aren't available.
    """

    version: ClassVar[int] = 1

    def __init__(
        self, channels: int = 32, encoder: str = "tu-res2net50d", encoder_weights: str | None = "imagenet"
    ) -> None:
        super().__init__()
        if channels < QUERY_DIVISOR:
            raise ConfigError(f"UACANet needs {QUERY_DIVISOR} channels or more, not {channels}.")
        from polybench.models.pretrained.encoder import make_encoder  # a second that other nets don't wait for

        self.encoder = make_encoder(encoder, encoder_weights)
        self.contexts = nn.ModuleList(AxialContext(width, channels) for width in channels_of(self.encoder)[-3:])
        self.decoder = AxialDecoder(channels)
        self.attentions = nn.ModuleList(ContextAttention(2 * channels, channels) for _ in self.contexts)

    def forward(self, images: Tensor) -> Tensor | list[Tensor]:
        """Segment.

        Args:
            images: (N, 3, H, W).

        Returns:
            Raw logits (N, 1, H, W); in training a list of four.
        """
        found = self.encoder(images)[-3:]
        scales = [context(features) for context, features in zip(self.contexts, found, strict=True)]
        features, logits = self.decoder(scales)
        maps = [logits]
        for attention, scale in zip(self.attentions[::-1], scales[::-1], strict=True):
            features, logits = attention(torch.cat([scale, resized(features, scale)], dim=1), logits)
            maps.append(logits)
        if not self.training:
            return resized(logits, images)
        return [resized(one, images) for one in maps[::-1]]


class AxialAttention(nn.Module):
    """Self-attention along the columns, or along the rows, of a map, added with a weight that starts at 0.

    Args:
        channels: C, 8 or more.
        along: `height` or `width`.
    """

    def __init__(self, channels: int, along: str) -> None:
        super().__init__()
        self.along = along
        self.query = normed(channels, channels // QUERY_DIVISOR, 1)
        self.key = normed(channels, channels // QUERY_DIVISOR, 1)
        self.value = normed(channels, channels, 1)
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        order = (0, 3, 2, 1) if self.along == "height" else (0, 2, 3, 1)  # lines, places, channels
        query, key, value = (part(features).permute(order).contiguous() for part in (self.query, self.key, self.value))
        attended = F.scaled_dot_product_attention(query, key, value, scale=1.0).permute(
            (0, 3, 2, 1) if self.along == "height" else (0, 3, 1, 2)
        )
        return features + self.weight * attended


class AxialContext(nn.Module):
    """Four branches with larger and larger receptive fields, three of them with attention along both axes.

    Args:
        in_channels: Channels of the input.
        width: Channels of the output.
    """

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        self.point = normed(in_channels, width, 1)
        self.branches = nn.ModuleList(_Branch(in_channels, width, side) for side in (3, 5, 7))
        self.fusion = normed(4 * width, width, 3)
        self.shortcut = normed(in_channels, width, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, width, H, W)."""
        parts = [self.point(features), *(branch(features) for branch in self.branches)]
        return torch.relu(self.fusion(torch.cat(parts, dim=1)) + self.shortcut(features))


class _Branch(nn.Module):
    def __init__(self, in_channels: int, width: int, side: int) -> None:
        super().__init__()
        self.entry = nn.Sequential(
            normed(in_channels, width, 1), normed(width, width, (1, side)), normed(width, width, (side, 1))
        )
        self.axes = nn.ModuleList(AxialAttention(width, along) for along in ("height", "width"))
        self.exit = normed(width, width, 3, dilation=side)

    def forward(self, features: Tensor) -> Tensor:
        features = self.entry(features)
        result: Tensor = self.exit(self.axes[0](features) + self.axes[1](features))
        return result


class AxialDecoder(nn.Module):
    """Three scales at the size of the finest, brought together with attention along both axes.

    Args:
        width: Channels of each scale, and of the output.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.entry = normed(3 * width, width, 3)
        self.axes = nn.ModuleList(AxialAttention(width, along) for along in ("height", "width"))
        self.convs = nn.Sequential(*(normed(width, width, 3) for _ in range(3)))
        self.head = nn.Conv2d(width, 1, 3, padding=1, bias=False)

    def forward(self, scales: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Map scales (N, width, h, w), finest first, to features (N, width, h, w) and logits (N, 1, h, w)."""
        features = self.entry(torch.cat([resized(scale, scales[0]) for scale in scales[::-1]], dim=1))
        features = self.convs(self.axes[0](features) + self.axes[1](features))
        return features, self.head(features)


class ContextAttention(nn.Module):
    """Attention of pixels to the mean features of a map's foreground, background and uncertain area.

    Args:
        in_channels: Channels of the features.
        width: Channels of queries, keys, values and output.
    """

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        self.query = _two(in_channels, width, 3)
        self.key = _two(in_channels, width, 1)
        self.value = _two(in_channels, width, 1)
        self.context = conv(width, width, bias=False)
        self.fusion = _two(in_channels + width, width, 3)
        self.head = normed(width, 1, 1)

    def forward(self, features: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Attend to the regions of a coarser map.

        Args:
            features: (N, in_channels, h, w).
            logits: Of the coarser scale, (N, 1, h', w').

        Returns:
            Features (N, width, h, w), and logits (N, 1, h, w), a correction added to the coarser ones.
        """
        logits = resized(logits, features)
        areas = regions(torch.sigmoid(logits)).flatten(2)
        means = (areas @ features.flatten(2).mT).mT.unsqueeze(3)  # (N, in_channels, 3, 1)
        query, key, value = (
            part.flatten(2).mT.unsqueeze(1).contiguous()
            for part in (self.query(features), self.key(means), self.value(means))
        )
        attended = F.scaled_dot_product_attention(query, key, value).squeeze(1).mT
        context = self.context(attended.reshape(len(features), -1, *features.shape[-2:]))
        features = self.fusion(torch.cat([features, context], dim=1))
        return features, self.head(features) + logits


def _two(in_channels: int, width: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(conv(in_channels, width, kernel, bias=False), conv(width, width, kernel, bias=False))


def regions(probability: Tensor) -> Tensor:
    """Weigh pixels as foreground, background and uncertain area.

    Args:
        probability: p, (N, 1, h, w).

    Returns:
        ``max(p - 0.5, 0)``, ``max(0.5 - p, 0)`` and ``0.5 - |p - 0.5|``, (N, 3, h, w).
    """
    certain = probability - 0.5
    return torch.cat([certain.clamp(min=0), (-certain).clamp(min=0), 0.5 - certain.abs()], dim=1)
