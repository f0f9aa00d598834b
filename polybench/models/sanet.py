"""SANet, three scales of an encoder that attend to each other by products.

Paper: Wei et al., "Shallow Attention Network for Polyp Segmentation", MICCAI 2021. Its three ideas: deeper scales
weight shallower ones, which suppresses their noise; colours are exchanged between training images (the task
`polybench.methods.colour_exchange.ColourExchangeTask`); and in evaluation the probabilities are corrected for the few
foreground pixels. What the paper leaves open: 1x1 convolutions have biases beside batch normalisation, which gives the
counted 23,899,497 parameters; maps are resized bilinearly with pixel centres. The correction is of each image, where
the code's batch is one image.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from polybench.core.errors import ConfigError
from polybench.models.blocks import channels_of, conv, resized


class SANet(nn.Module):
    """The shallow attention network; with Res2Net-50 it has 23,899,497 parameters.

    Args:
        channels: Channels that each scale is brought to.
        encoder: Of segmentation_models_pytorch, `tu-<name>` for one of timm's; its last three scales are used.
        encoder_weights: `imagenet`, a file of weights, or null for random weights.
        correction: In evaluation, divide positive logits by the share of positive pixels in the image, negative ones by
            that of the negative. The mask at 0.5 stays the same; its probabilities, and what is measured of them, move.

    Raises:
        ConfigError: If there are no channels, no such encoder, or its weights aren't available.
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        channels: int = 64,
        encoder: str = "tu-res2net50d",
        encoder_weights: str | None = "imagenet",
        correction: bool = True,
    ) -> None:
        super().__init__()
        if channels < 1:
            raise ConfigError(f"SANet needs channels of 1 or more, not {channels}.")
        from polybench.models.pretrained.encoder import make_encoder  # a second that other nets don't wait for

        self.correction = correction
        self.encoder = make_encoder(encoder, encoder_weights)
        self.laterals = nn.ModuleList(conv(width, channels, 1) for width in channels_of(self.encoder)[-3:])
        self.head = nn.Conv2d(3 * channels, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Segment.

        Args:
            images: (N, 3, H, W).

        Returns:
            Raw logits (N, 1, H, W), corrected in evaluation.
        """
        scales = self.encoder(images)[-3:]
        third, fourth, fifth = (lateral(scale) for lateral, scale in zip(self.laterals, scales, strict=True))
        fifth, fourth = resized(fifth, third), resized(fourth, third)
        attended = torch.cat([fifth, fifth * fourth, fifth * fourth * third], dim=1)
        logits = resized(self.head(attended), images)
        return logits if self.training or not self.correction else corrected(logits)


def corrected(logits: Tensor) -> Tensor:
    """Divide the logits of each sign by its share of the image's pixels.

    Args:
        logits: (N, 1, H, W).

    Returns:
        The same shape and signs; the rarer sign has moved farther from zero.
    """
    positive = logits > 0
    share = positive.to(logits.dtype).mean(dim=(-2, -1), keepdim=True)
    smallest = 1 / (logits.shape[-2] * logits.shape[-1])  # no pixel of a sign: nothing is divided by its share
    return logits / torch.where(positive, share, 1 - share).clamp(min=smallest)
