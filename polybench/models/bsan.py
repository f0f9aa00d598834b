"""BSAN, a U-shaped net with attention over image space and feature space, and its ablations.

Paper: the bilateral spatial attention segmentation network of "a medical image denoising and segmentation algorithm
that combines transfer learning and attention mechanisms", Journal of Computer Science and Software Applications 4(6),
2024. No code was released, and its figures print no width; these give the published size, 6.36 M parameters, and so do
others.

Choices where the paper is silent or contradicts itself:

* Encoder: bottlenecks of ResNeXt (Xie et al., CVPR 2017), depths 3, 4, 6 and 3 as in ResNeXt-50, a quarter of its
  widths, 32 groups; a 3x3 stem of stride 2, no pooling. Convolutions before batch normalisation have no bias.
* Attention on four scales (three skip connections and the bottleneck), each first brought to 96 channels by a 1x1
  convolution, since Swin-T's blocks of that width are the only ones that fit the size.
* The "weighted addition" of ISAM is the sum of its equation. Both equations of the gate of FSAM name one FC, and the
  gate multiplies the input of the module. "Reduce the dimension" is the 1x1 convolution before both.
* Decoder: bilinear upsampling, concatenation, two 3x3 convolutions with 96 channels; a logit at half of the image size.
  There is no deep supervision.
* The attention rendering module is named and never described: it is read as PointRend (Kirillov et al., CVPR 2020),
  whose "optimization idea of rendering" it draws on. Its training and its step at test time are those of
  `polybench.methods.rendering`.
* ImageNet weights: both blocks of Swin-T's first stage, three times over, in each ISAM. The encoder starts at random,
  since no source has its widths.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.core.errors import ConfigError
from polybench.models.bsan_attention import FeatureSpaceAttention, ImageSpaceAttention, PointHead, conv_block

STRIDE = 16
"""Of the deepest scale."""


class BSAN(nn.Module):
    """The bilateral spatial attention network, or an ablation of it.

    It has 6,356,290 parameters: encoder 1,450,880, 1x1 convolutions 92,928, four ISAMs of 758,226, four FSAMs of
    250,662, decoder and output layer 747,745, point head 29,185. A part that is switched off has none.

    Args:
        widths: Channels of the encoder's four scales.
        depths: Bottlenecks of each.
        groups: Groups of their 3x3 convolutions, which have half as many channels.
        dim: Channels of attention and decoder.
        heads: Heads of the image space attention.
        window: Side of its windows, in places of a scale.
        blocks: Swin Transformer blocks of each image space attention.
        isam: Include the image space attention.
        fsam: Include the feature space attention.
        rendering: Include the point head, which `RenderingSegmentationTask` trains and evaluates.
        hidden: Channels of its hidden layers.
        pretrained: Start the image space attention from ImageNet weights of Swin-T: true, or `imagenet`, for timm's
            (from its cache, or over the network), or the path of a state dict (.pth, .pt or .safetensors). False for
            random weights.

    Raises:
        ConfigError: If the numbers don't fit together, or the ImageNet weights don't fit or aren't available.
    """

    version: ClassVar[int] = 1

    pretrained_name: ClassVar[str] = "Swin-T"
    """Whose ImageNet weights `pretrained` gives."""

    head_stride: ClassVar[int] = 2
    """Pixels of the image, along each side, for one of the outputs `coarse` and `features`."""

    def __init__(
        self,
        widths: Sequence[int] = (64, 128, 256, 512),
        depths: Sequence[int] = (3, 4, 6, 3),
        groups: int = 32,
        dim: int = 96,
        heads: int = 3,
        window: int = 8,
        blocks: int = 6,
        isam: bool = True,
        fsam: bool = True,
        rendering: bool = True,
        hidden: int = 128,
        pretrained: bool | str = False,
    ) -> None:
        super().__init__()
        _check(widths, depths, groups)
        if dim < 1 or (rendering and hidden < 1):
            raise ConfigError(f"BSAN's dim and hidden must be at least 1, not {dim} and {hidden}.")
        if isam and (heads < 1 or dim % heads or window < 1 or blocks < 1):
            raise ConfigError(
                f"BSAN's dim must be a multiple of its heads, with one head, one window and one block at least, not "
                f"dim {dim}, heads {heads}, window {window}, blocks {blocks}."
            )
        self.multiple = STRIDE * window if isam else STRIDE
        self.encoder = ResNeXtEncoder(widths, depths, groups)
        self.laterals = nn.ModuleList(conv_block(width, dim, 1) for width in widths)
        self.isam = nn.ModuleList(ImageSpaceAttention(dim, heads, window, blocks) for _ in widths) if isam else None
        self.fsam = nn.ModuleList(FeatureSpaceAttention(dim) for _ in widths) if fsam else None
        self.fusions = nn.ModuleList(nn.Sequential(conv_block(2 * dim, dim), conv_block(dim, dim)) for _ in widths[1:])
        self.head = nn.Conv2d(dim, 1, 1)
        self.renderer = PointHead(dim, hidden) if rendering else None
        if pretrained:
            self._load_swin(pretrained)

    def forward(self, images: Tensor) -> Tensor | dict[str, Tensor]:
        """Segment.

        Args:
            images: (N, 3, H, W). Below and to the right they are padded to sides that are multiples of `multiple`, 128
                by default, by repeating the border; the logits are cropped again.

        Returns:
            Raw logits (N, 1, H, W); with a point head a mapping of these `logits`, and `coarse` (N, 1, h, w) and
            `features` (N, dim, h, w) at half of the padded size.
        """
        height, width = images.shape[-2:]
        padding = (0, -width % self.multiple, 0, -height % self.multiple)
        padded = F.pad(images, padding, mode="replicate") if any(padding) else images
        scales = [self._attended(scale, features) for scale, features in enumerate(self.encoder(padded))]
        features = scales[-1]
        for skip, fusion in zip(scales[-2::-1], self.fusions, strict=True):
            features = fusion(torch.cat([_doubled(features), skip], dim=1))
        coarse = self.head(features)
        logits = _doubled(coarse)[..., :height, :width]
        return logits if self.renderer is None else {"logits": logits, "coarse": coarse, "features": features}

    def _attended(self, scale: int, features: Tensor) -> Tensor:
        features = self.laterals[scale](features)
        for part in (self.isam, self.fsam):
            features = features if part is None else part[scale](features)
        return features

    def _load_swin(self, source: bool | str) -> None:
        """Load the first stage of Swin-T into each image space attention; nothing on the meta device."""
        if self.isam is None:
            raise ConfigError("BSAN without image space attention takes no ImageNet weights: set pretrained: false.")
        if self.head.weight.is_meta:
            return
        from polybench.models.swin import first_stage, swin_state

        state = swin_state("imagenet" if source is True else str(source))
        for attention in self.isam:
            blocks = attention.blocks
            assert isinstance(blocks, nn.ModuleList)
            for block, own in zip(blocks, first_stage(state, blocks), strict=True):
                block.load_state_dict(own)


class ResNeXtEncoder(nn.Module):
    """Stem and four stages of ResNeXt bottlenecks, with the encoder contract of segmentation_models_pytorch.

    Args:
        widths: Channels of the stages.
        depths: Bottlenecks of each stage; the first one of stages 2 to 4 has stride 2.
        groups: Groups of the 3x3 convolutions, which have half the channels of their stage.
    """

    version: ClassVar[int] = 1

    def __init__(self, widths: Sequence[int], depths: Sequence[int], groups: int) -> None:
        super().__init__()
        self.out_channels = list(widths)
        self.stem = conv_block(3, widths[0] // 2, stride=2)
        self.stages = nn.ModuleList()
        for number, (before, width) in enumerate(pairwise([widths[0] // 2, *widths])):
            first = Bottleneck(before, width, groups, stride=2 if number else 1)
            rest = [Bottleneck(width, width, groups) for _ in range(depths[number] - 1)]
            self.stages.append(nn.Sequential(first, *rest))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Extract the feature pyramid.

        Args:
            images: (N, 3, H, W).

        Returns:
            One map per stage, finest first: (N, C_i, H / 2^(i+1), W / 2^(i+1)), i = 0..3.
        """
        pyramid, features = [], self.stem(images)
        for stage in self.stages:
            features = stage(features)
            pyramid.append(features)
        return pyramid


class Bottleneck(nn.Module):
    """Bottleneck of ResNeXt: 1x1 to half the width, grouped 3x3, 1x1, and a shortcut.

    Args:
        in_channels: Input channels.
        width: Output channels.
        groups: Groups of the 3x3 convolution.
        stride: Its stride.
    """

    def __init__(self, in_channels: int, width: int, groups: int, stride: int = 1) -> None:
        super().__init__()
        half = width // 2
        grouped = conv_block(half, half, stride=stride, groups=groups)
        self.residual = nn.Sequential(conv_block(in_channels, half, 1), grouped, conv_block(half, width, 1)[:2])
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or in_channels != width:
            self.shortcut = conv_block(in_channels, width, 1, stride)[:2]

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, width, H / stride, W / stride)."""
        return F.relu(self.residual(features) + self.shortcut(features))


def _doubled(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)


def _check(widths: Sequence[int], depths: Sequence[int], groups: int) -> None:
    """Refuse widths that can't be halved and grouped.

    Raises:
        ConfigError: If there is one.
    """
    fit = len(widths) == len(depths) == 4 and min(*widths, *depths, groups) >= 1
    if not fit or any(width % (2 * groups) for width in widths):
        raise ConfigError(
            f"BSAN needs four widths, multiples of twice its groups, and four depths, not widths {list(widths)}, "
            f"depths {list(depths)}, groups {groups}."
        )
