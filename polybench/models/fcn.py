"""Fully convolutional networks FCN-8s, FCN-16s and FCN-32s on VGG16.

Paper: Long et al., "Fully Convolutional Networks for Semantic Segmentation", CVPR 2015. The classifier's layers fc6 and
fc7 become convolutions; FCN-16s adds the scores of the fourth pooling to the upsampled ones, FCN-8s those of the third
as well. Deviations: the image isn't padded by 100 pixels, fc6 pads by 3 instead, so that no crop is needed; all
transposed convolutions start from bilinear interpolation and learn (the paper fixes the last one); score layers start
at zero, as in the paper. Images may have any size: maps are resized where a pooling rounded down.

Not to be confused with `FCN16sAtrous` of the first paper, which has a dilated ResNet and no skip connection.
"""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.core.errors import ConfigError
from polybench.models.blocks import channels_of, require_least, resized

Stride = Literal[8, 16, 32]


class FCN(nn.Module):
    """A fully convolutional network on VGG16.

    | options | parameters |
    |---|---|
    | `stride=8` (FCN-8s) | 134,271,430 |
    | `stride=16` | 134,273,924 |
    | `stride=32` | 134,285,122 |

    Args:
        stride: Of the finest scores: 8, 16 or 32.
        hidden: Channels of fc6 and fc7; 4096 as in VGG16, 512 for a small net (27.8 M).
        classes: Output channels; two are read as a softmax over background and foreground.
        encoder: Of segmentation_models_pytorch; VGG16 as in the paper, another of VGG's for trials.
        encoder_weights: `imagenet`, a file of weights, or null for random weights. fc6 and fc7 start at random.
        dropout: Share of the values that are dropped behind fc6 and fc7, in training.

    Raises:
        ConfigError: If there is no such encoder or stride, or a number is less than 1.
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        stride: Stride = 8,
        hidden: int = 4096,
        classes: int = 2,
        encoder: str = "vgg16",
        encoder_weights: str | None = "imagenet",
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if stride not in (8, 16, 32) or hidden < 1 or classes < 1:
            raise ConfigError(
                f"FCN needs a stride of 8, 16 or 32, and hidden and classes of 1 or more, not stride {stride}, hidden "
                f"{hidden}, classes {classes}."
            )
        from polybench.models.pretrained.encoder import make_encoder  # a second that other nets don't wait for

        self.encoder = make_encoder(encoder, encoder_weights)
        channels = channels_of(self.encoder)
        self.classifier = nn.Sequential(
            nn.Conv2d(channels[-1], hidden, 7, padding=3),
            nn.ReLU(inplace=True),
            nn.Dropout2d(dropout),
            nn.Conv2d(hidden, hidden, 1),
            nn.ReLU(inplace=True),
            nn.Dropout2d(dropout),
        )
        self.score = _zero(nn.Conv2d(hidden, classes, 1))
        self.blocks = [block for block, pooled in ((3, 16), (2, 8)) if pooled >= stride]  # before that pooling
        self.scores = nn.ModuleList(_zero(nn.Conv2d(channels[block], classes, 1)) for block in self.blocks)
        self.ups = nn.ModuleList(bilinear_up(classes, 2) for _ in self.blocks)
        self.last = bilinear_up(classes, stride)

    def forward(self, images: Tensor) -> Tensor:
        """Segment.

        Args:
            images: (N, 3, H, W), sides of 32 or more.

        Returns:
            Raw logits (N, classes, H, W).

        Raises:
            ConfigError: If a side is less than 32.
        """
        require_least("FCN", images, 32)
        features = self.encoder(images)
        scores = self.score(self.classifier(features[-1]))
        for block, score, up in zip(self.blocks, self.scores, self.ups, strict=True):
            pooled = F.max_pool2d(features[block], 2)
            scores = resized(up(scores), pooled) + score(pooled)
        return resized(self.last(scores), images)


def bilinear_up(channels: int, factor: int) -> nn.ConvTranspose2d:
    """Build a transposed convolution that starts as bilinear interpolation by a factor, each channel from itself."""
    up = nn.ConvTranspose2d(channels, channels, 2 * factor, stride=factor, padding=factor // 2, bias=False)
    places = torch.arange(2 * factor, dtype=torch.float32, device=up.weight.device)
    line = 1 - (places + 0.5 - factor).abs() / factor
    with torch.no_grad():
        up.weight.zero_()
        for channel in range(channels):
            up.weight[channel, channel] = torch.outer(line, line)
    return up


def _zero(layer: nn.Conv2d) -> nn.Conv2d:
    nn.init.zeros_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer
