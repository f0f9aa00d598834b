"""TransFuse, a vision transformer beside a convolutional net, whose maps are fused at three scales.

Paper: Zhang et al., "TransFuse: Fusing Transformers and CNNs for Medical Image Segmentation", MICCAI 2021. Details
follow the released code of TransFuse-S: eight blocks of DeiT-S without class token, positions for images of 192x256;
ResNet-34 up to a sixteenth of the image's size; BiFusion on three scales, attention gates on two. Positions are
interpolated for other sizes, and upsampling has pixel centres. Weights but those of the two encoders are initialised
after He.

The code counts 26,248,725 parameters: 384 of them are a class token that it never uses.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.core.errors import ConfigError
from polybench.models.blocks import channels_of, conv, doubled, he_initialised, require_sides, resized

MODEL = "deit_small_patch16_224"
"""timm's name of the transformer."""


class TransFuse(nn.Module):
    """The TransFuse-S; with its default options it has 26,248,341 parameters.

    In training it returns three logits: the fused ones at a quarter of the image's size, those of the transformer
    alone, and the fused ones at a sixteenth. `polybench.losses.TransFuseLoss` weighs them.

    Args:
        dim: Channels of the transformer, a multiple of its heads and of 4.
        depth: Its blocks.
        heads: Heads of each.
        encoder: A ResNet of segmentation_models_pytorch; its first four scales are used.
        encoder_weights: `imagenet`, a file of weights, or null for random weights.
        pretrained: Start the transformer from weights of timm's `deit_small_patch16_224`: true, or `imagenet`, for
            timm's own (from its cache or over the network), or the path of a state dict. False for random weights.
        dropout: Share of the channels of maps that are dropped, in training; fused maps lose half as many.

    Raises:
        ConfigError: If the sizes don't fit together, there is no such ResNet, or weights don't fit or aren't available.
    """

    version: ClassVar[int] = 1

    pretrained_name: ClassVar[str] = "DeiT-S"
    """Whose ImageNet weights `pretrained` gives."""

    def __init__(
        self,
        dim: int = 384,
        depth: int = 8,
        heads: int = 6,
        encoder: str = "resnet34",
        encoder_weights: str | None = "imagenet",
        pretrained: bool | str = False,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        if min(dim, depth, heads) < 1 or dim % heads or dim % 4:
            raise ConfigError(
                f"TransFuse's dim must be a multiple of its heads and of 4, with one block at least, not dim {dim}, "
                f"heads {heads}, depth {depth}."
            )
        from polybench.models.vit import Tokens, fill, transformer_state  # timm, which other nets don't wait for

        self.encoder = ShallowResNet(encoder, encoder_weights)
        c1, c2, c3 = channels_of(self.encoder)[-3:]
        self.embedding = nn.Conv2d(3, dim, 16, stride=16)
        self.tokens = Tokens(dim, depth, heads, (12, 16))
        self.drop = nn.Dropout2d(dropout)
        self.up1, self.up2 = Up(dim, c2), Up(c2, c1)
        self.fusion3 = BiFusion(c3, dim, c3, 4, dropout / 2)
        self.fusion2 = BiFusion(c2, c2, c2, 2, dropout / 2)
        self.fusion1 = BiFusion(c1, c1, c1, 1, dropout / 2)
        self.joint2, self.joint1 = Up(c3, c2, c2), Up(c2, c1, c1)
        self.coarse_head = nn.Sequential(conv(c3, c1, 1), conv(c1, c1), nn.Conv2d(c1, 1, 3, padding=1))
        self.token_head = nn.Sequential(conv(c1, c1), nn.Conv2d(c1, 1, 3, padding=1))
        self.head = nn.Sequential(conv(c1, c1), nn.Conv2d(c1, 1, 3, padding=1))
        for name, part in self.named_children():
            if name not in ("encoder", "embedding", "tokens"):
                he_initialised(part)
        if pretrained and not self.embedding.weight.is_meta:
            state = transformer_state(MODEL, pretrained)
            fill(self.embedding, {"": "patch_embed.proj."}, state, MODEL)
            fill(self.tokens, {"positions": "pos_embed", "": ""}, state, MODEL)

    def forward(self, images: Tensor) -> Tensor | list[Tensor]:
        """Segment.

        Args:
            images: (N, 3, H, W), sides divisible by 16.

        Returns:
            Raw logits (N, 1, H, W); in training a list of three.

        Raises:
            ConfigError: If a side isn't divisible.
        """
        require_sides("TransFuse", images, 16)
        x1, x2, x3 = (self.drop(scale) for scale in self.encoder(images)[-3:])
        t3 = self.drop(self.tokens(self.embedding(images)))
        t2 = self.drop(self.up1(t3))
        t1 = self.drop(self.up2(t2))
        fused3 = self.fusion3(x3, t3)
        fused2 = self.joint2(fused3, self.fusion2(x2, t2))
        fused1 = self.joint1(fused2, self.fusion1(x1, t1))
        logits = resized(self.head(fused1), images)
        if not self.training:
            return logits
        return [logits, resized(self.token_head(t1), images), resized(self.coarse_head(fused3), images)]


class ShallowResNet(nn.Module):
    """A ResNet without its last stage, with the encoder contract of segmentation_models_pytorch.

    Args:
        name: As segmentation_models_pytorch calls it.
        weights: `imagenet`, a file of weights, or None for random weights.

    Raises:
        ConfigError: If there is no such ResNet.
    """

    def __init__(self, name: str, weights: str | None) -> None:
        super().__init__()
        from polybench.models.pretrained.encoder import make_encoder  # a second that other nets don't wait for

        self.resnet = make_encoder(name, weights)
        if not hasattr(self.resnet, "layer4"):
            raise ConfigError(
                f"TransFuse needs a ResNet of segmentation_models_pytorch, such as resnet34, not '{name}'."
            )
        self.resnet.layer4 = nn.Identity()
        self.out_channels = channels_of(self.resnet)[:-1]

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map images (N, 3, H, W) to the library's maps, the image first, up to a sixteenth of its size."""
        pyramid: list[Tensor] = self.resnet(images)
        return pyramid[:-1]


class BiFusion(nn.Module):
    """Convolutional maps weighted by place, transformer maps weighted by channel, their product, and a residual block.

    Args:
        width: Channels of the convolutional map.
        dim: Channels of the transformer's map.
        out: Channels of the product and of the output, even.
        reduction: Channels of the transformer's map divided by the hidden ones of their weights.
        dropout: Share of the channels that are dropped, in training.
    """

    def __init__(self, width: int, dim: int, out: int, reduction: int, dropout: float) -> None:
        super().__init__()
        self.channels = nn.Sequential(
            nn.Conv2d(dim, dim // reduction, 1), nn.ReLU(inplace=True), nn.Conv2d(dim // reduction, dim, 1)
        )
        self.places = _normed(2, 1, 7, bias=False)
        self.of_map = _normed(width, out, 1)
        self.of_tokens = _normed(dim, out, 1)
        self.product = conv(out, out)
        joined = width + dim + out
        self.residual = nn.Sequential(
            *(nn.BatchNorm2d(joined), nn.ReLU(), nn.Conv2d(joined, out // 2, 1)),
            *(nn.BatchNorm2d(out // 2), nn.ReLU(), nn.Conv2d(out // 2, out // 2, 3, padding=1)),
            *(nn.BatchNorm2d(out // 2), nn.ReLU(), nn.Conv2d(out // 2, out, 1)),
        )
        self.shortcut = nn.Conv2d(joined, out, 1)
        self.drop = nn.Dropout2d(dropout)

    def forward(self, features: Tensor, tokens: Tensor) -> Tensor:
        """Fuse (N, width, h, w) and (N, dim, h, w) to (N, out, h, w)."""
        product = self.product(self.of_map(features) * self.of_tokens(tokens))
        spread = torch.cat([features.amax(1, keepdim=True), features.mean(1, keepdim=True)], dim=1)
        by_place = torch.sigmoid(self.places(spread)) * features
        by_channel = torch.sigmoid(self.channels(tokens.mean((2, 3), keepdim=True))) * tokens
        joined = torch.cat([by_place, by_channel, product], dim=1)
        result: Tensor = self.drop(self.residual(joined) + self.shortcut(joined))
        return result


class Up(nn.Module):
    """Upsampling by 2, a gated skip connection where there is one, and two convolutions beside a shortcut.

    Args:
        below: Channels of the map below.
        out: Channels of the output.
        skip: Channels of the skip connection; 0 for none.
    """

    def __init__(self, below: int, out: int, skip: int = 0) -> None:
        super().__init__()
        self.up = doubled()
        self.of_below = _normed(below, out, 1) if skip else None
        self.of_skip = _normed(skip, out, 1) if skip else None
        self.psi = _normed(out, 1, 1) if skip else None
        self.convs = nn.Sequential(conv(below + skip, out), _normed(out, out, 3))
        self.shortcut = _normed(below + skip, out, 1)

    def forward(self, below: Tensor, skip: Tensor | None = None) -> Tensor:
        """Map (N, below, h, w), and (N, skip, 2h, 2w), to (N, out, 2h, 2w)."""
        features = self.up(below)
        if skip is not None:
            assert self.of_below is not None
            assert self.of_skip is not None
            assert self.psi is not None
            gate = torch.sigmoid(self.psi(torch.relu(self.of_below(features) + self.of_skip(skip))))
            features = torch.cat([skip * gate, features], dim=1)
        return F.relu(self.convs(features) + self.shortcut(features))


def _normed(in_channels: int, out_channels: int, kernel: int, bias: bool = True) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=bias), nn.BatchNorm2d(out_channels)
    )
