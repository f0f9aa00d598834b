"""SSFormer, a pyramid vision transformer with a decoder that emphasises local features, scale by scale.

Paper: Wang et al., "Stepwise Feature Fusion: Local Guides Global", MICCAI 2022. SSFormer-L has the encoder MiT-B4 of
SegFormer, SSFormer-S MiT-B2. Details follow the released code: both 3x3 convolutions of a scale have no bias and no
normalisation; the maps are brought to the finest scale, a quarter of the image's size, before they are fused. One
output channel instead of two. The code counts 262,656 parameters more, a 1x1 convolution over all four scales that it
never uses (29,572,545 for SSFormer-S).
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from polybench.core.errors import ConfigError
from polybench.models.blocks import channels_of, conv, resized

SCALES = 4


class SSFormer(nn.Module):
    """The SSFormer.

    | encoder | net | parameters |
    |---|---|---|
    | mit_b2 | SSFormer-S | 29,309,889 |
    | mit_b4 | SSFormer-L | 65,956,289 |

    Args:
        channels: Channels of the decoder.
        encoder: Of segmentation_models_pytorch, `tu-<name>` for one of timm's; its last four scales are used.
        encoder_weights: `imagenet`, a file of weights, or null for random weights.
        dropout: Share of the values before the output layer that are dropped, in training.

    Raises:
        ConfigError: If there are no channels, no such encoder, or its weights aren't available.
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        channels: int = 256,
        encoder: str = "mit_b4",
        encoder_weights: str | None = "imagenet",
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if channels < 1:
            raise ConfigError(f"SSFormer needs channels of 1 or more, not {channels}.")
        from polybench.models.pretrained.encoder import make_encoder  # a second that other nets don't wait for

        self.encoder = make_encoder(encoder, encoder_weights)
        self.emphases = nn.ModuleList(_emphasis(width, channels) for width in channels_of(self.encoder)[-SCALES:])
        self.fusions = nn.ModuleList(conv(2 * channels, channels, 1, bias=False) for _ in range(SCALES - 1))
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Conv2d(channels, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Segment.

        Args:
            images: (N, 3, H, W).

        Returns:
            Raw logits (N, 1, H, W).
        """
        found = self.encoder(images)[-SCALES:]
        scales = [resized(emphasis(scale), found[0]) for emphasis, scale in zip(self.emphases, found, strict=True)]
        fused = scales[-1]
        for fusion, scale in zip(self.fusions, scales[-2::-1], strict=True):
            fused = fusion(torch.cat([fused, scale], dim=1))
        return resized(self.head(fused), images)


def _emphasis(in_channels: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, channels, 3, padding=1, bias=False),
        nn.ReLU(inplace=True),
        nn.Conv2d(channels, channels, 3, padding=1, bias=False),
        nn.ReLU(inplace=True),
    )
