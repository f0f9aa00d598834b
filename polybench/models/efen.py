"""EFEN, two consecutive U-Nets with attention skip connections, and its two ablations.

Paper: EFEN, an enhanced feature extraction network for medical image segmentation, equations 1 to 9. No code was
released and no width is printed; these widths give all three published sizes (18.93, 26.76 and 29.44 M).

Legend: E1 and D1 are the encoder and decoder of the first U-Net, E2 and D2 those of the second, which has half the
    width; FE and FD are an encoder and a decoder feature map, FE' and FD' include positions.

Choices where the paper is silent or contradicts itself:

* AV is a matrix product (equation 5; box 2 multiplies element by element) and scores are divided by d_k, not by its
  root, as printed. A is never stored: `scaled_dot_product_attention` computes it in tiles.
* Queries and keys come from FD without positions, as printed; positions are 1-D, over the row-major token index.
* The transposed convolution of FD in equations 2 and 4 is read as op3, which otherwise would add the same map twice.
* The fusion of image and D1 at the input of E2, "by improved skip-connection", is a plain concatenation.
* D2's skip connections take the features of E1, as equation 4 prints.
"""

import itertools
import math
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.models.blocks import cached_constant, require_sides, require_widths
from polybench.models.vgg import VGG19_WIDTHS, VGG19Encoder

_STRIDE = 8
_WIDTH_STEP = 4
_PRIOR = 0.1
_GATE_SPREAD = 0.1


class EFEN(nn.Module):
    """The enhanced feature extraction network, or one of its ablations.

    With VGG19's widths and one class it has 29,442,945 parameters; with `skip="plain"` 26,763,937 (the paper's
    "U-Net+Process1"); and with `feature_reextraction=False` as well 18,932,225 (the paper's U-Net).

    The paper states no initialisation. Here convolutions follow He et al. (2015). The attention's factor
    op2(AV) starts near 1 (normalised to 1 +- 0.1), so that training begins from plain skip
    connections: with torch's defaults it switches encoder channels on and off at random per image. The output layer
        starts as the mean of its
    input channels plus a bias for a foreground probability of 0.1 (Lin et al., 2017), since a few random weights may
    all have the wrong sign. Without the last two choices, narrow nets predict background for hundreds of steps.

    Args:
        widths: Channels of the four blocks of the first encoder, multiples of 4. The bottleneck is twice the last, and
            the second U-Net is half as wide throughout.
        feature_reextraction: Add the second U-Net; False puts the output layer on the first.
        skip: `attention` for the paper's improved skip connection, `plain` for a transposed convolution and
            concatenation.
        pretrained: Start the encoder from torchvision's ImageNet weights of VGG19, which fit its widths only.
        classes: Target classes, one logit each.

    Raises:
        ConfigError: If the widths are invalid, or the ImageNet weights don't fit or aren't available.
    """

    version: ClassVar[int] = 1

    pretrained_name: ClassVar[str] = "VGG19"
    """Whose ImageNet weights `pretrained` gives."""

    def __init__(
        self,
        widths: tuple[int, int, int, int] = VGG19_WIDTHS,
        feature_reextraction: bool = True,
        skip: Literal["attention", "plain"] = "attention",
        pretrained: bool = True,
        classes: int = 1,
    ) -> None:
        super().__init__()
        require_widths("EFEN", widths, 4, 4, _WIDTH_STEP)
        self.encoder = VGG19Encoder(widths)
        self.bottleneck = _conv(widths[3], 2 * widths[3], 3)
        self.decoder = _Decoder(widths[:3], 2 * widths[3], widths[:3], skip)
        self.reextraction = _Reextraction(widths, skip) if feature_reextraction else None
        self.head = nn.Conv2d(widths[0] // 2 if feature_reextraction else widths[0], classes, 1)
        nn.init.constant_(self.head.weight, 1 / self.head.in_channels)
        assert self.head.bias is not None
        nn.init.constant_(self.head.bias, math.log(_PRIOR / (1 - _PRIOR)))
        if pretrained:
            self.encoder.load_imagenet()

    def forward(self, images: Tensor) -> Tensor:
        """Predict logits.

        Args:
            images: (N, 3, H, W), sides divisible by 8.

        Returns:
            Raw logits (N, classes, H, W).

        Raises:
            ConfigError: If a side isn't divisible by 8.
        """
        require_sides("EFEN", images, _STRIDE)
        *features, deepest = self.encoder(images)
        bottom = self.bottleneck(deepest)
        decoded = self.decoder(features, bottom)
        finest = decoded[0] if self.reextraction is None else self.reextraction(images, features, [*decoded, bottom])
        result: Tensor = self.head(finest)
        return result


class AttentionSkip(nn.Module):
    """Improved skip connection R(FE', FD') of equations 5 to 9: decoder affinities gather encoder values.

    d_k is half the encoder's channels. Memory is linear in the tokens, H/2 * W/2 of them.

    Args:
        encoder_channels: C_e, channels of FE.
        decoder_channels: C_d, channels of FD.
        out_channels: Channels of the up-sampled decoder half of the result.
    """

    def __init__(self, encoder_channels: int, decoder_channels: int, out_channels: int) -> None:
        super().__init__()
        d_k = encoder_channels // 2
        self.query = nn.Linear(decoder_channels, d_k, bias=False)
        self.key = nn.Linear(decoder_channels, d_k, bias=False)
        self.value = nn.Linear(d_k, d_k, bias=False)
        self.op1 = nn.Sequential(nn.MaxPool2d(2), _conv(encoder_channels, d_k, 1))
        self.op2 = nn.Sequential(_conv(d_k, encoder_channels, 1, scale=_GATE_SPREAD, shift=1), _upsample())
        self.op3 = nn.Sequential(
            _upsample(), _conv(decoder_channels, out_channels, 3), _conv(out_channels, out_channels, 1)
        )

    def forward(self, encoded: Tensor, decoded: Tensor) -> Tensor:
        """Combine an encoder map and the decoder map one level below it.

        Args:
            encoded: FE, (N, C_e, H, W).
            decoded: FD, (N, C_d, H/2, W/2).

        Returns:
            (N, C_e + out_channels, H, W).
        """
        tokens = _tokens(decoded)
        encoded = _add_positions(encoded)
        attended = F.scaled_dot_product_attention(
            self.query(tokens).contiguous(),
            self.key(tokens).contiguous(),
            self.value(_tokens(self.op1(encoded))).contiguous(),
            scale=1 / self.value.out_features,
        )
        attended = attended.mT.reshape(len(decoded), -1, *decoded.shape[2:])
        return torch.cat([encoded * self.op2(attended), self.op3(_add_positions(decoded))], dim=1)


class _PlainSkip(nn.Module):
    """U-Net's own skip connection: a transposed convolution of FD, concatenated with FE."""

    def __init__(self, encoder_channels: int, decoder_channels: int, out_channels: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(decoder_channels, out_channels, 2, stride=2)

    def forward(self, encoded: Tensor, decoded: Tensor) -> Tensor:
        return torch.cat([encoded, self.up(decoded)], dim=1)


class _Decoder(nn.Module):
    """Decoder D1 or D2: three skip connections with fusion, from the bottom up; all lists are finest first."""

    def __init__(
        self, encoder_channels: tuple[int, ...], bottom: int, out_channels: tuple[int, ...], skip: str
    ) -> None:
        super().__init__()
        join: type[nn.Module] = {"attention": AttentionSkip, "plain": _PlainSkip}[skip]
        below = [*out_channels[1:], bottom]
        self.skips = nn.ModuleList(map(join, encoder_channels, below, out_channels))
        self.fusions = nn.ModuleList(
            _fusion(channels + out, out) for channels, out in zip(encoder_channels, out_channels, strict=True)
        )

    def forward(self, features: list[Tensor], bottom: Tensor) -> list[Tensor]:
        decoded = [bottom]
        for encoded, skip, fusion in zip(features[::-1], self.skips[::-1], self.fusions[::-1], strict=True):
            decoded.append(fusion(skip(encoded, decoded[-1])))
        return decoded[:0:-1]


class _Reextraction(nn.Module):
    """Second U-Net, E2 and D2: it encodes the image and D1, and fuses D1's maps at every level."""

    def __init__(self, widths: tuple[int, int, int, int], skip: str) -> None:
        super().__init__()
        half = tuple(width // 2 for width in widths)
        self.stem = _conv(3 + widths[0], half[0], 3)
        self.stages = nn.ModuleList(
            nn.Sequential(nn.MaxPool2d(2), _conv(above, width, 3), _conv(width, width, 3))
            for above, width in itertools.pairwise(half)
        )
        self.fusions = nn.ModuleList(
            _fusion(width + first, width) for width, first in zip(half[1:], [*widths[1:3], 2 * widths[3]], strict=True)
        )
        self.bottleneck = _conv(half[3], 2 * half[3], 3)
        self.decoder = _Decoder(widths[:3], 2 * half[3], half[:3], skip)

    def forward(self, images: Tensor, features: list[Tensor], decoded: list[Tensor]) -> Tensor:
        encoded = self.stem(torch.cat([images, decoded[0]], dim=1))
        for first, stage, fusion in zip(decoded[1:], self.stages, self.fusions, strict=True):
            encoded = fusion(torch.cat([stage(encoded), first], dim=1))
        result: Tensor = self.decoder(features, self.bottleneck(encoded))[0]
        return result


def _conv(in_channels: int, out_channels: int, kernel: int, scale: float = 1, shift: float = 0) -> nn.Sequential:
    """Build a He-initialised convolution of unchanged size, batch normalisation (initially shift +- scale) and ReLU."""
    conv = nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    norm = nn.BatchNorm2d(out_channels)
    nn.init.constant_(norm.weight, scale)
    nn.init.constant_(norm.bias, shift)
    return nn.Sequential(conv, norm, nn.ReLU(inplace=True))


def _fusion(in_channels: int, out_channels: int) -> nn.Sequential:
    """Build the paper's op and psi: two 3x3 convolutions and one 1x1."""
    return nn.Sequential(
        _conv(in_channels, out_channels, 3), _conv(out_channels, out_channels, 3), _conv(out_channels, out_channels, 1)
    )


def _upsample() -> nn.Upsample:
    return nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)


def _tokens(features: Tensor) -> Tensor:
    """Reshape (N, C, H, W) to one head of tokens in row-major order, (N, 1, H * W, C)."""
    return features.flatten(2).transpose(1, 2).unsqueeze(1)


def _add_positions(features: Tensor) -> Tensor:
    _, channels, height, width = features.shape
    return features + _position_map(channels, height, width, features.device, features.dtype)


@cached_constant()
def _position_map(channels: int, height: int, width: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Encoding of every pixel, (1, C, H, W); cached per size, device and dtype, outside any state dict.

    It is only added, never saved for a backward pass, so that a map made in inference mode can be used in training.
    """
    encoding = sinusoidal_positions(height * width, channels).T.reshape(1, channels, height, width)
    return encoding.to(device=device, dtype=dtype)


def sinusoidal_positions(length: int, channels: int) -> Tensor:
    """Encode token indices as in the paper's box 1: PE[t, 2i] = sin(t / 10000^(2i/C)), PE[t, 2i+1] the cosine.

    Args:
        length: Number of tokens.
        channels: C, even.

    Returns:
        (length, C) in double precision on the CPU: at tens of thousands of tokens single precision is off by
        thousandths.
    """
    tokens = torch.arange(length, dtype=torch.float64, device="cpu")
    exponents = torch.arange(0, channels, 2, dtype=torch.float64, device="cpu") / channels
    angles = torch.outer(tokens, torch.exp(-math.log(10_000) * exponents))
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)
