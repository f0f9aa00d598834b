"""Parts that several nets share: convolutions with batch normalisation, a pooled encoder, a concatenating decoder.

Encoders return their feature maps finest first and have `.out_channels`, as those of segmentation_models_pytorch.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import ParamSpec, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.core.errors import ConfigError

P = ParamSpec("P")


def conv(
    in_channels: int, out_channels: int, kernel: int = 3, stride: int = 1, dilation: int = 1, bias: bool = True
) -> nn.Sequential:
    """Build a convolution that keeps the size (divides it by the stride), batch normalisation and ReLU."""
    padding = dilation * (kernel // 2)
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, stride, padding, dilation, bias=bias),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


def conv_pair(in_channels: int, out_channels: int) -> nn.Sequential:
    """Build U-Net's block: two 3x3 convolutions, each with batch normalisation and ReLU."""
    return nn.Sequential(conv(in_channels, out_channels), conv(out_channels, out_channels))


class StagedEncoder(nn.Module):
    """Stages one after the other.

    Args:
        stages: Each takes what the one before returns; the first takes the image.
        out_channels: Channels that they return.
    """

    def __init__(self, stages: Iterable[nn.Module], out_channels: Sequence[int]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.out_channels = list(out_channels)

    def between(self, features: Tensor) -> Tensor:
        """What the next stage takes of a stage's map."""
        return features

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map images (N, 3, H, W) to one map per stage, finest first: (N, C_i, H / 2^i, W / 2^i)."""
        features = [self.stages[0](images)]
        for stage in self.stages[1:]:
            features.append(stage(self.between(features[-1])))
        return features


class PooledEncoder(StagedEncoder):
    """Stages with 2x2 max pooling between them, as `StagedEncoder` otherwise."""

    def between(self, features: Tensor) -> Tensor:
        """Half of the size."""
        return F.max_pool2d(features, 2)


class ConcatDecoder(nn.Module):
    """Stages that upsample the map below, concatenate the encoder's map of that size in front of it, and convolve.

    Args:
        ups: Upsampling of each stage, finest first.
        blocks: Block of each stage, finest first.
        gates: Each changes the encoder's map `(skip, upsampled)` before it is concatenated; None for none.
    """

    def __init__(
        self, ups: Iterable[nn.Module], blocks: Iterable[nn.Module], gates: Iterable[nn.Module] | None = None
    ) -> None:
        super().__init__()
        self.ups, self.blocks = nn.ModuleList(ups), nn.ModuleList(blocks)
        self.gates = None if gates is None else nn.ModuleList(gates)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Map an encoder's features, finest first, to one map of the finest size."""
        *skips, decoded = features
        for level in reversed(range(len(skips))):
            up, skip = self.ups[level](decoded), skips[level]
            gated = skip if self.gates is None else self.gates[level](skip, up)
            decoded = self.blocks[level](torch.cat([gated, up], dim=1))
        return decoded


class SqueezeExcitation(nn.Module):
    """Channels scaled by a sigmoid of their means, after two layers without bias (Hu et al., CVPR 2018).

    Args:
        channels: C.
        reduction: C divided by the units of the hidden layer, of which there is at least one.
    """

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, hidden, 1, bias=False),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, channels, 1, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Scale (N, C, H, W)."""
        result: Tensor = features * self.gate(features)
        return result


def doubled() -> nn.Upsample:
    """Build bilinear upsampling by 2."""
    return nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)


def resized(features: Tensor, like: Tensor | Sequence[int]) -> Tensor:
    """Resize maps bilinearly to a height and width, or to those of other maps."""
    size = tuple(like.shape[-2:]) if isinstance(like, Tensor) else tuple(like)
    if tuple(features.shape[-2:]) == size:
        return features
    return F.interpolate(features, size=size, mode="bilinear", align_corners=False)


def he_initialised(net: nn.Module) -> None:
    """Initialise convolutions after He et al. (2015), with zero biases; for nets without batch normalisation."""
    for part in net.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def channels_of(encoder: nn.Module) -> list[int]:
    """Channels of an encoder's feature maps, finest first."""
    return list(cast(Sequence[int], encoder.out_channels))


def require_widths(name: str, widths: Sequence[int], least: int = 2, most: int = 8, multiple: int = 1) -> None:
    """Refuse widths that a net can't have.

    Args:
        name: The net.
        widths: Channels of its scales.
        least: Fewest scales.
        most: Most scales.
        multiple: What each width must be a multiple of.

    Raises:
        ConfigError: If there are too few or too many, or one is no positive multiple.
    """
    if least <= len(widths) <= most and all(width >= multiple and width % multiple == 0 for width in widths):
        return
    words = {4: "four", 5: "five"}
    number = words.get(least, str(least)) if least == most else f"{least} to {most}"
    kind = "positive numbers" if multiple == 1 else f"positive multiples of {multiple}"
    raise ConfigError(f"{name}'s widths must be {number} {kind}, not {list(widths)}.")


def require_sides(name: str, images: Tensor, multiple: int) -> None:
    """Refuse images whose sides a net can't divide.

    Args:
        name: The net.
        images: (N, C, H, W).
        multiple: What both sides must be multiples of.

    Raises:
        ConfigError: If one isn't; the nearest sizes are named.
    """
    height, width = images.shape[-2:]
    if height % multiple == 0 and width % multiple == 0:
        return
    smaller, larger = (
        "x".join(str(max(multiple, round_to(side / multiple) * multiple)) for side in (height, width))
        for round_to in (math.floor, math.ceil)
    )
    raise ConfigError(
        f"{name} needs sides divisible by {multiple}, not {height}x{width} (height x width): "
        f"resize, pad or crop the images to {smaller} or {larger}."
    )


def require_least(name: str, images: Tensor, least: int) -> None:
    """Refuse images that a net's poolings leave nothing of.

    Args:
        name: The net.
        images: (N, C, H, W).
        least: Smallest side, in pixels.

    Raises:
        ConfigError: If a side is less.
    """
    height, width = images.shape[-2:]
    if min(height, width) < least:
        raise ConfigError(f"{name} needs sides of {least} pixels or more, not {height}x{width}: enlarge the images.")


def cached_constant(most: int = 32) -> Callable[[Callable[P, Tensor]], Callable[P, Tensor]]:
    """Cache the tensors of a function of hashable arguments, except those that are made while a net is traced.

    `functools.lru_cache` would keep a tensor without values that `torch.export` or `torch.compile` saw, and return it
    to the next ordinary call, in the same process.

    Args:
        most: Tensors that are kept; the oldest is dropped first.
    """

    def decorate(function: Callable[P, Tensor]) -> Callable[P, Tensor]:
        kept: dict[tuple[object, ...], Tensor] = {}

        @wraps(function)
        def cached(*args: P.args, **kwargs: P.kwargs) -> Tensor:
            if torch.compiler.is_compiling():
                return function(*args, **kwargs)
            key = (*args, *sorted(kwargs.items()))
            found = kept.get(key)
            if found is None:
                found = function(*args, **kwargs)
                if type(found) is Tensor:  # no fake or functional tensor of another kind of tracing
                    kept[key] = found
                    if len(kept) > most:
                        del kept[next(iter(kept))]
            return found

        return cached

    return decorate
