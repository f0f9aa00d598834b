"""LeViT-UNet, a U-Net whose encoder is LeViT: all of its stages side by side at a sixteenth of the image's size.

Paper: Xu et al., "LeViT-UNet: Make Faster Encoders with Transformer for Medical Image Segmentation", 2021. Details
follow the released code of LeViT-UNet-384: the last map of the stem and the maps of the three stages, brought to its
size, are concatenated; three blocks upsample and convolve twice, and are joined by the stem's maps of 1/8, 1/4 and 1/2;
the output layer works at 1/2. Maps are resized with pixel centres; LeViT's tables of biases, made for images of 224
pixels, are interpolated for others.

The code has 52,166,029 parameters, with one input channel and nine outputs in place of three and one.
"""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from polybench.core.errors import ConfigError
from polybench.models.blocks import conv, doubled, require_sides, resized

MODEL = "levit_conv_384"
"""timm's name of the encoder."""

STEM = 4
"""Maps of the stem."""


class LeViTUNet(nn.Module):
    """The LeViT-UNet-384; with its default options it has 52,154,213 parameters.

    Args:
        widths: Channels of LeViT's three stages; the first is a multiple of 8, and all but the last of the keys.
        heads: Heads of their attention.
        depths: Blocks of each.
        key: Channels of a head's keys.
        decoder: Channels of the decoder at 1/8, 1/4 and 1/2.
        pretrained: Start the encoder from weights of timm's `levit_conv_384`: true, or `imagenet`, for timm's own (from
            its cache or over the network), or the path of a state dict. False for random weights.
        drop_path: Probability that a block of the encoder is left out for an image, in training.

    Raises:
        ConfigError: If the sizes don't fit together, or the weights don't fit or aren't available.
    """

    version: ClassVar[int] = 1

    pretrained_name: ClassVar[str] = "LeViT-384"
    """Whose ImageNet weights `pretrained` gives."""

    def __init__(
        self,
        widths: tuple[int, int, int] = (384, 512, 768),
        heads: tuple[int, int, int] = (6, 9, 12),
        depths: tuple[int, int, int] = (4, 4, 4),
        key: int = 32,
        decoder: tuple[int, int, int] = (512, 256, 128),
        pretrained: bool | str = False,
        drop_path: float = 0.1,
    ) -> None:
        super().__init__()
        _refuse(widths, heads, depths, key, decoder)
        from polybench.models.levit import LevitEncoder  # timm, which other nets don't wait for

        self.encoder = LevitEncoder(widths, heads, depths, key, drop_path)
        half, quarter, eighth, sixteenth = self.encoder.out_channels[:STEM]
        entered = [sixteenth + sum(widths), decoder[0] + eighth, decoder[1] + quarter]
        self.up = doubled()
        self.stages = nn.ModuleList(
            nn.Sequential(conv(before, width, bias=False), conv(width, width, bias=False))
            for before, width in zip(entered, decoder, strict=True)
        )
        self.head = nn.Conv2d(decoder[-1] + half, 1, 3, padding=1)
        if pretrained and not self.head.weight.is_meta:
            from polybench.models.vit import fill, transformer_state

            fill(self.encoder, {"stem.": "stem.", "stages.": "stages."}, transformer_state(MODEL, pretrained), MODEL)

    def forward(self, images: Tensor) -> Tensor:
        """Segment.

        Args:
            images: (N, 3, H, W), sides divisible by 16.

        Returns:
            Raw logits (N, 1, H, W).

        Raises:
            ConfigError: If a side isn't divisible.
        """
        require_sides("LeViTUNet", images, 16)
        pyramid = self.encoder(images)
        *skips, deepest = pyramid[:STEM]
        decoded = torch.cat([deepest, *(resized(one, deepest) for one in pyramid[STEM:])], dim=1)
        for stage, skip in zip(self.stages, skips[::-1], strict=True):
            decoded = torch.cat([stage(self.up(decoded)), skip], dim=1)
        return resized(self.head(decoded), images)


def _refuse(
    widths: Sequence[int], heads: Sequence[int], depths: Sequence[int], key: int, decoder: Sequence[int]
) -> None:
    """Refuse sizes that don't fit together."""
    three = all(len(one) == 3 and min(one) >= 1 for one in (widths, heads, depths, decoder))
    if three and key >= 1 and widths[0] % 8 == 0 and all(width % key == 0 for width in widths[:2]):
        return
    raise ConfigError(
        "LeViTUNet needs three widths, heads, depths and decoder widths of 1 or more, the first width a multiple of 8, "
        f"and the first two of key, not widths {list(widths)}, heads {list(heads)}, depths {list(depths)}, key {key}, "
        f"decoder {list(decoder)}."
    )
