"""TransUNet, a residual encoder whose last map passes through a vision transformer, and a U-Net's decoder.

Paper: Chen et al., "TransUNet: Transformers Make Strong Encoders for Medical Image Segmentation", 2021. The encoder is
the hybrid R50-ViT-B/16 of Dosovitskiy et al. (ICLR 2021): ResNet-50 with group normalisation and standardised
convolutions up to a sixteenth of the image's size, then twelve transformer blocks. Details follow the released code: no
class token; 1024 x 1 x 1 patches; a decoder of 512, 256, 128, 64 and 16 channels with skip connections at 1/8, 1/4 and
1/2. Positions, made for images of 224 pixels, are interpolated for others; upsampling has pixel centres.
"""

from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from polybench.core.errors import ConfigError
from polybench.models.blocks import conv, doubled, require_sides

MODEL = "vit_base_r50_s16_224"
"""timm's name of the encoder."""

GROUPS = 32
"""Of group normalisation, also in the bottlenecks, which have a quarter of their stage's channels."""


class TransUNet(nn.Module):
    """The TransUNet; with its default options it has 105,275,921 parameters.

    Args:
        widths: Channels of the encoder's three residual stages, multiples of 128.
        layers: Blocks of each.
        dim: Channels of the transformer, a multiple of its heads.
        depth: Its blocks.
        heads: Heads of each.
        decoder: Channels of the decoder: at 1/16 before the first upsampling, then at 1/8, 1/4, 1/2 and 1.
        pretrained: Start the encoder from weights of timm's `vit_base_r50_s16_224`: true, or `imagenet`, for timm's own
            (ImageNet-21k, from its cache or over the network), or the path of a state dict. False for random weights.

    Raises:
        ConfigError: If the sizes don't fit together, or the weights don't fit or aren't available.
    """

    version: ClassVar[int] = 1

    pretrained_name: ClassVar[str] = "R50-ViT-B/16"
    """Whose ImageNet weights `pretrained` gives."""

    def __init__(
        self,
        widths: tuple[int, int, int] = (256, 512, 1024),
        layers: tuple[int, int, int] = (3, 4, 9),
        dim: int = 768,
        depth: int = 12,
        heads: int = 12,
        decoder: tuple[int, int, int, int, int] = (512, 256, 128, 64, 16),
        pretrained: bool | str = False,
    ) -> None:
        super().__init__()
        fit = len(widths) == len(layers) == 3 and len(decoder) == 5 and min(*layers, *decoder, depth, heads, dim) >= 1
        if not fit or dim % heads or any(width < 1 or width % (4 * GROUPS) for width in widths):
            raise ConfigError(
                f"TransUNet needs three widths, multiples of {4 * GROUPS}, three numbers of layers, a dim that is a "
                f"multiple of its heads, and five decoder widths, not widths {list(widths)}, layers {list(layers)}, "
                f"dim {dim}, heads {heads}, decoder {list(decoder)}."
            )
        from polybench.models.vit import HybridEncoder, fill, transformer_state  # timm, which other nets don't wait for

        self.encoder = HybridEncoder(widths, layers, dim, depth, heads)
        stem, first, second, _ = self.encoder.out_channels
        self.entry = conv(dim, decoder[0], bias=False)
        self.up = doubled()
        self.stages = nn.ModuleList(
            nn.Sequential(conv(below + skip, width, bias=False), conv(width, width, bias=False))
            for (below, width), skip in zip(pairwise(decoder), (second, first, stem, 0), strict=True)
        )
        self.head = nn.Conv2d(decoder[-1], 1, 3, padding=1)
        if pretrained and not self.head.weight.is_meta:
            names = {
                "backbone.": "patch_embed.backbone.",
                "embedding.": "patch_embed.proj.",
                "tokens.positions": "pos_embed",
                "tokens.": "",
            }
            fill(self.encoder, names, transformer_state(MODEL, pretrained), MODEL)

    def forward(self, images: Tensor) -> Tensor:
        """Segment.

        Args:
            images: (N, 3, H, W), sides divisible by 16.

        Returns:
            Raw logits (N, 1, H, W).

        Raises:
            ConfigError: If a side isn't divisible.
        """
        require_sides("TransUNet", images, 16)
        *skips, deepest = self.encoder(images)
        decoded = self.entry(deepest)
        for number, stage in enumerate(self.stages):
            decoded = self.up(decoded)
            if number < len(skips):
                decoded = torch.cat([decoded, skips[-1 - number]], dim=1)
            decoded = stage(decoded)
        result: Tensor = self.head(decoded)
        return result
