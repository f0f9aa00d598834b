"""LDNet, whose last convolution is made from the image, and made anew from what it found at each scale of the decoder.

Paper: Zhang et al., "Lesion-aware Dynamic Kernel for Polyp Segmentation", MICCAI 2022. Details follow the released
code: a kernel of 1x1 from the mean of the deepest map; before each further scale it is updated, through gates, by the
mean features under its own mask; skip connections pass through self-attention whose keys and values are pooled to 1, 9
and 25 places, decoder maps through attention to the mean features under the mask. As there is one such mean for an
image, that attention's weights are 1, so that its queries and keys are computed and have no effect, as in the code.
Maps are upsampled with pixel centres.
"""

from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.core.errors import ConfigError
from polybench.models.blocks import channels_of, conv, resized

GRIDS = (1, 3, 5)
"""Sides of the grids that keys and values are pooled to."""

GROUPS = 16
HEAD = 64
"""Channels of a head of attention."""


class LDNet(nn.Module):
    """The lesion-aware dynamic network; with Res2Net-50 it has 33,375,608 parameters.

    In training it returns five logits, the finest first, one for each scale of the decoder.

    Args:
        widths: Channels of the decoder's skip connections from 1/4 to 1/32 of the image's size; the last is a multiple
            of 16, and all of 4.
        channels: Channels of the dynamic kernel.
        heads: Heads of attention, of 64 channels each.
        hidden: Channels of the perceptrons behind attention.
        encoder: Of segmentation_models_pytorch, `tu-<name>` for one of timm's; its last five scales are used.
        encoder_weights: `imagenet`, a file of weights, or null for random weights.

    Raises:
        ConfigError: If the numbers don't fit, there is no such encoder, or its weights aren't available.
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        widths: tuple[int, int, int, int] = (64, 128, 256, 512),
        channels: int = 64,
        heads: int = 8,
        hidden: int = 512,
        encoder: str = "tu-res2net50d",
        encoder_weights: str | None = "imagenet",
    ) -> None:
        super().__init__()
        if len(widths) != 4 or any(width < 4 or width % 4 for width in widths) or widths[-1] % GROUPS:
            raise ConfigError(
                f"LDNet's widths must be four multiples of 4, the last one of {GROUPS}, not {list(widths)}."
            )
        if min(channels, heads, hidden) < 1:
            raise ConfigError(
                f"LDNet needs channels, heads and hidden of 1 or more, not {channels}, {heads}, {hidden}."
            )
        from polybench.models.pretrained.encoder import make_encoder  # a second that other nets don't wait for

        self.encoder = make_encoder(encoder, encoder_weights)
        stem, *scales = channels_of(self.encoder)[-5:]
        self.reductions = nn.ModuleList(nn.Conv2d(scale, width, 1) for scale, width in zip(scales, widths, strict=True))
        skips = [stem, *widths[:-1]]  # from 1/2 to 1/16
        outs = [skips[0], *skips[1:], widths[-1]]  # of the decoder, from the finest scale to the deepest
        self.deepest = _decoding(widths[-1], outs[-1])
        self.self_attentions = nn.ModuleList(SelfAttention(skip, heads, hidden) for skip in skips)
        self.cross_attentions = nn.ModuleList(CrossAttention(out, heads, hidden) for out in outs[1:])
        self.decodings = nn.ModuleList(
            _decoding(below + skip, out) for skip, (out, below) in zip(skips, pairwise(outs), strict=True)
        )
        self.unified = nn.ModuleList(nn.Conv2d(out, channels, 1) for out in outs)
        self.context = nn.Sequential(nn.GroupNorm(GROUPS, widths[-1]), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        self.kernel = nn.Linear(widths[-1], channels)
        self.updates = nn.ModuleList(KernelUpdate(channels) for _ in skips)

    def forward(self, images: Tensor) -> Tensor | list[Tensor]:
        """Segment.

        Args:
            images: (N, 3, H, W).

        Returns:
            Raw logits (N, 1, H, W); in training a list of five.
        """
        stem, *scales = self.encoder(images)[-5:]
        reduced = [reduction(scale) for reduction, scale in zip(self.reductions, scales, strict=True)]
        *skips, bottom = [stem, *reduced]
        decoded = self.deepest(bottom)
        kernel = self.kernel(self.context(bottom).flatten(1))
        maps = [_filtered(self.unified[-1](decoded), kernel)]
        for level in reversed(range(len(skips))):
            lesion = resized(self.cross_attentions[level](decoded, maps[-1]), skips[level])
            decoded = self.decodings[level](torch.cat([lesion, self.self_attentions[level](skips[level])], dim=1))
            features = self.unified[level](decoded)
            kernel = self.updates[level](kernel, features, maps[-1])
            maps.append(_filtered(features, kernel))
        if not self.training:
            return resized(maps[-1], images)
        return [resized(one, images) for one in maps[::-1]]


class KernelUpdate(nn.Module):
    """A new kernel from the old one and the features under its mask, each weighed by a gate that both make.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.of_region = nn.Linear(channels, 2 * channels)
        self.of_kernel = nn.Linear(channels, 2 * channels)
        self.gates = nn.ModuleList(nn.Sequential(nn.Linear(channels, channels), nn.LayerNorm(channels)) for _ in "rk")
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in "rk")
        self.exit = nn.Sequential(nn.Linear(channels, channels), nn.LayerNorm(channels), nn.ReLU())

    def forward(self, kernel: Tensor, features: Tensor, logits: Tensor) -> Tensor:
        """Update a kernel.

        Args:
            kernel: (N, C).
            features: (N, C, h, w).
            logits: What the kernel predicted on the scale below, (N, 1, h', w').

        Returns:
            (N, C).
        """
        mask = torch.sigmoid(resized(logits, features))
        region_in, region_out = self.of_region((mask * features).sum((2, 3))).chunk(2, dim=1)
        kernel_in, kernel_out = self.of_kernel(kernel).chunk(2, dim=1)
        both = region_in * kernel_in
        by_region, by_kernel = (torch.sigmoid(gate(both)) for gate in self.gates)
        result: Tensor = self.exit(by_region * self.norms[0](region_out) + by_kernel * self.norms[1](kernel_out))
        return result


class _Attention(nn.Module):
    """Attention over the places of a map and a perceptron, each with a shortcut; subclasses say what is attended to."""

    def __init__(self, dim: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.entry = nn.Conv2d(dim, 3 * heads * HEAD, 1, bias=False)
        self.exit = nn.Linear(heads * HEAD, dim)
        self.perceptron = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim))

    def attend(self, features: Tensor, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attend to keys and values (N, heads * 64, P), and return (N, dim, h, w)."""
        query, key, value = (
            one.reshape(len(one), self.heads, HEAD, -1).mT.contiguous() for one in (query.flatten(2), key, value)
        )
        found = F.scaled_dot_product_attention(query, key, value).mT.flatten(1, 2).mT
        tokens = features.flatten(2).mT + self.exit(found)
        tokens = tokens + self.perceptron(tokens)
        result: Tensor = tokens.mT.reshape(features.shape)
        return result


class SelfAttention(_Attention):
    """Self-attention whose keys and values are means over grids of 1, 9 and 25 cells.

    Args:
        dim: Channels.
        heads: Heads of 64 channels each.
        hidden: Channels of the perceptron.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, dim, h, w) to the same shape."""
        query, key, value = self.entry(features).chunk(3, dim=1)
        pooled = (
            torch.cat([F.adaptive_avg_pool2d(one, side).flatten(2) for side in GRIDS], dim=2) for one in (key, value)
        )
        return self.attend(features, query, *pooled)


class CrossAttention(_Attention):
    """Attention to the mean key and value under a mask.

    Args:
        dim: Channels.
        heads: Heads of 64 channels each.
        hidden: Channels of the perceptron.
    """

    def forward(self, features: Tensor, logits: Tensor) -> Tensor:
        """Map (N, dim, h, w), with logits (N, 1, h, w), to the same shape."""
        mask = torch.sigmoid(logits)
        query, key, value = self.entry(features).chunk(3, dim=1)
        area = mask.sum((2, 3)).unsqueeze(2) + 5e-4
        pooled = ((one * mask).sum((2, 3)).unsqueeze(2) / area for one in (key, value))
        return self.attend(features, query, *pooled)


def _decoding(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        conv(in_channels, in_channels // 4),
        conv(in_channels // 4, out_channels),
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
    )


def _filtered(features: Tensor, kernel: Tensor) -> Tensor:
    """Apply a 1x1 kernel (N, C) of each image to features (N, C, h, w); returns (N, 1, h, w)."""
    return torch.einsum("nchw,nc->nhw", features, kernel).unsqueeze(1)
