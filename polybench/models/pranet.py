"""PraNet, a coarse map from deep features that reverse attention refines towards its boundary.

Paper: Fan et al., "PraNet: Parallel Reverse Attention Network for Polyp Segmentation", MICCAI 2020. Kernels and widths
follow the released code, as does what the figure leaves out: the receptive field blocks, the partial decoder and the
convolutions of reverse attention on the deepest map, 5x5 and 256 wide. As there, most convolutions are followed by
batch normalisation and no ReLU. Deviations: maps are resized to the size of others instead of by fixed factors, so that
images may have any size, and with pixel centres (`align_corners=False`).

The code counts 32,547,319 parameters: 2,049,000 of them are the classifier of Res2Net-50, which it keeps and never
uses.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.core.errors import ConfigError
from polybench.models.blocks import channels_of, resized


class PraNet(nn.Module):
    """The parallel reverse attention network; with Res2Net-50 it has 30,498,319 parameters.

    In training it returns four logits, the finest first: those of three reverse attention stages, and the global map.
    Train it with `polybench.losses.StructureLoss`, which is summed over them.

    Args:
        channels: Channels of the receptive field blocks and of the partial decoder.
        encoder: Of segmentation_models_pytorch, `tu-<name>` for one of timm's; its last three scales are used.
        encoder_weights: `imagenet`, a file of weights, or null for random weights.
        reverse: Channels of the reverse attention stages on the deepest scale, and on the two others.

    Raises:
        ConfigError: If a number is less than 1, there is no such encoder, or its weights aren't available.
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        channels: int = 32,
        encoder: str = "tu-res2net50d",
        encoder_weights: str | None = "imagenet",
        reverse: tuple[int, int] = (256, 64),
    ) -> None:
        super().__init__()
        if min(channels, *reverse) < 1:
            raise ConfigError(f"PraNet needs channels of 1 or more, not {channels} and {list(reverse)}.")
        from polybench.models.pretrained.encoder import make_encoder  # a second that other nets don't wait for

        self.encoder = make_encoder(encoder, encoder_weights)
        third, fourth, fifth = channels_of(self.encoder)[-3:]
        self.fields = nn.ModuleList(ReceptiveField(width, channels) for width in (third, fourth, fifth))
        self.partial = PartialDecoder(channels)
        deep, shallow = reverse
        self.stages = nn.ModuleList(
            [
                ReverseAttention(third, shallow, 3, 2),
                ReverseAttention(fourth, shallow, 3, 2),
                ReverseAttention(fifth, deep, 5, 3),
            ]
        )

    def forward(self, images: Tensor) -> Tensor | list[Tensor]:
        """Segment.

        Args:
            images: (N, 3, H, W).

        Returns:
            Raw logits (N, 1, H, W); in training a list of four.
        """
        scales = self.encoder(images)[-3:]
        maps = [self.partial([field(features) for field, features in zip(self.fields, scales, strict=True)])]
        for stage, features in zip(self.stages[::-1], scales[::-1], strict=True):
            maps.append(stage(features, maps[-1]))
        if not self.training:
            return resized(maps[-1], images)
        return [resized(one, images) for one in maps[::-1]]


def normed(in_channels: int, out_channels: int, kernel: int | tuple[int, int], dilation: int = 1) -> nn.Sequential:
    """Build a convolution without bias that keeps the size, and batch normalisation."""
    sides = (kernel, kernel) if isinstance(kernel, int) else kernel
    padding = (dilation * (sides[0] // 2), dilation * (sides[1] // 2))
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, sides, padding=padding, dilation=dilation, bias=False),
        nn.BatchNorm2d(out_channels),
    )


class ReceptiveField(nn.Module):
    """Four branches with larger and larger receptive fields (Liu et al., "Receptive Field Block Net", ECCV 2018).

    Args:
        in_channels: Channels of the input.
        width: Channels of the output.
    """

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList([normed(in_channels, width, 1)])
        for side in (3, 5, 7):
            self.branches.append(
                nn.Sequential(
                    normed(in_channels, width, 1),
                    normed(width, width, (1, side)),
                    normed(width, width, (side, 1)),
                    normed(width, width, 3, dilation=side),
                )
            )
        self.fusion = normed(4 * width, width, 3)
        self.shortcut = normed(in_channels, width, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, width, H, W)."""
        fused = self.fusion(torch.cat([branch(features) for branch in self.branches], dim=1))
        return torch.relu(fused + self.shortcut(features))


class PartialDecoder(nn.Module):
    """Products of each of three scales with the convolved deeper ones, then concatenation (Wu et al., CVPR 2019).

    Args:
        width: Channels of each scale.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fifth_to_fourth = normed(width, width, 3)
        self.fifth_to_third = normed(width, width, 3)
        self.fourth_to_third = normed(width, width, 3)
        self.fifth_beside = normed(width, width, 3)
        self.both_beside = normed(2 * width, 2 * width, 3)
        self.of_two = normed(2 * width, 2 * width, 3)
        self.of_three = normed(3 * width, 3 * width, 3)
        self.head = nn.Sequential(normed(3 * width, 3 * width, 3), nn.Conv2d(3 * width, 1, 1))

    def forward(self, scales: list[Tensor]) -> Tensor:
        """Map scales (N, width, h, w), finest first, to logits (N, 1, h, w) of the finest."""
        third, fourth, fifth = scales
        at_fourth = self.fifth_to_fourth(resized(fifth, fourth)) * fourth
        at_third = self.fifth_to_third(resized(fifth, third)) * self.fourth_to_third(resized(fourth, third)) * third
        two = self.of_two(torch.cat([at_fourth, self.fifth_beside(resized(fifth, fourth))], dim=1))
        three = self.of_three(torch.cat([at_third, self.both_beside(resized(two, third))], dim=1))
        result: Tensor = self.head(three)
        return result


class ReverseAttention(nn.Module):
    """Features outside of what the deeper map found, convolved to a correction of that map.

    Args:
        in_channels: Channels of the features.
        width: Channels of the convolutions.
        kernel: Their side.
        convs: Their number, between a 1x1 convolution and the one to a single channel.
    """

    def __init__(self, in_channels: int, width: int, kernel: int, convs: int) -> None:
        super().__init__()
        self.entry = normed(in_channels, width, 1)
        self.convs = nn.ModuleList(normed(width, width, kernel) for _ in range(convs))
        self.exit = normed(width, 1, 1 if kernel == 5 else 3)

    def forward(self, features: Tensor, deeper: Tensor) -> Tensor:
        """Add a correction to the deeper logits (N, 1, h', w'), at the size of the features (N, C, h, w)."""
        deeper = resized(deeper, features)
        found = self.entry((1 - torch.sigmoid(deeper)) * features)
        for conv in self.convs:
            found = F.relu(conv(found))
        result: Tensor = self.exit(found) + deeper
        return result
