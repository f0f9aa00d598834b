"""LeViT as an encoder for maps of any size: a convolutional stem, then stages of attention that subsample.

Paper: Graham et al., "LeViT: a Vision Transformer in ConvNet's Clothing for Faster Inference", ICCV 2021. Names and
shapes of the weights are those of timm's `levit_conv_384`. Attention has learned biases by the distance of two places,
a table that is interpolated to the size of the map.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from timm.layers.drop import DropPath
from timm.models.levit import ConvNorm, LevitMlp
from torch import Tensor, nn
from torch.nn import functional as F

ACTIVATION = nn.Hardswish
SUBSAMPLED = 2
"""Stride of the attention between two stages."""

SUBSAMPLING_RATIO = 4
"""Channels of its values divided by those of its keys; within a stage they are twice those of the keys."""

RATIO = 2


class LevitEncoder(nn.Module):
    """A LeViT without its classifiers, with the encoder contract of segmentation_models_pytorch.

    Args:
        widths: Channels of the stages; the first is a multiple of 8.
        heads: Heads of their attention.
        depths: Blocks of each.
        key: Channels of a head's keys.
        drop_path: Probability that a block is left out for an image, in training.
        grid: Height and width of the map that the tables are made for.
    """

    def __init__(
        self,
        widths: Sequence[int],
        heads: Sequence[int],
        depths: Sequence[int],
        key: int,
        drop_path: float,
        grid: tuple[int, int] = (14, 14),
    ) -> None:
        super().__init__()
        stem = [3, *(widths[0] // part for part in (8, 4, 2, 1))]
        self.out_channels = [*stem[1:], *widths]
        self.stem = nn.ModuleDict(
            {f"conv{k}": ConvNorm(*pair, 3, stride=2, padding=1) for k, pair in enumerate(pairwise(stem), start=1)}
        )
        self.stages = nn.ModuleList()
        before: int | None = None
        for width, count, depth in zip(widths, heads, depths, strict=True):
            self.stages.append(_Stage(before, width, count, depth, key, drop_path, grid))
            if before is not None:
                grid = halved(grid)
            before = width

    def forward(self, images: Tensor) -> list[Tensor]:
        """Extract the feature pyramid.

        Args:
            images: (N, 3, H, W), sides divisible by 16.

        Returns:
            Maps of the stem's four convolutions at 1/2 to 1/16, and of the stages at 1/16, 1/32, 1/64, finest first.
        """
        pyramid: list[Tensor] = []
        features = images
        for number, part in enumerate(self.stem.values(), start=1):
            features = part(features)
            features = F.hardswish(features) if number < len(self.stem) else features
            pyramid.append(features)
        for stage in self.stages:
            features = stage(features)
            pyramid.append(features)
        return pyramid


def halved(grid: tuple[int, int]) -> tuple[int, int]:
    """The size of a map that every second row and column is taken of."""
    return -(-grid[0] // SUBSAMPLED), -(-grid[1] // SUBSAMPLED)


class _Stage(nn.Module):
    """Blocks of attention and of a perceptron, after an attention that subsamples where `before` is given."""

    def __init__(
        self,
        before: int | None,
        width: int,
        heads: int,
        depth: int,
        key: int,
        drop_path: float,
        grid: tuple[int, int],
    ) -> None:
        super().__init__()
        self.downsample = None if before is None else _Downsample(before, width, key, drop_path, grid)
        grid = grid if before is None else halved(grid)
        self.blocks = nn.Sequential(*(_Block(width, heads, key, drop_path, grid) for _ in range(depth)))

    def forward(self, features: Tensor) -> Tensor:
        result: Tensor = self.blocks(features if self.downsample is None else self.downsample(features))
        return result


class _Block(nn.Module):
    def __init__(self, width: int, heads: int, key: int, drop_path: float, grid: tuple[int, int]) -> None:
        super().__init__()
        self.attn = _Attention(width, heads, key, grid)
        self.mlp = LevitMlp(width, RATIO * width, use_conv=True, act_layer=ACTIVATION)
        self.drop = DropPath(drop_path)

    def forward(self, features: Tensor) -> Tensor:
        features = features + self.drop(self.attn(features))
        result: Tensor = features + self.drop(self.mlp(features))
        return result


class _Downsample(nn.Module):
    def __init__(self, before: int, width: int, key: int, drop_path: float, grid: tuple[int, int]) -> None:
        super().__init__()
        self.attn_downsample = _SubsamplingAttention(before, width, key, grid)
        self.mlp = LevitMlp(width, RATIO * width, use_conv=True, act_layer=ACTIVATION)
        self.drop = DropPath(drop_path)

    def forward(self, features: Tensor) -> Tensor:
        features = self.attn_downsample(features)
        result: Tensor = features + self.drop(self.mlp(features))
        return result


class _Biased(nn.Module):
    """Attention of the places of a map, or of every second one, with biases by distance."""

    def __init__(self, heads: int, key: int, value: int, width: int, grid: tuple[int, int], last: float) -> None:
        super().__init__()
        self.heads, self.key, self.value, self.grid = heads, key, value, grid
        self.proj = nn.Sequential()
        self.proj.add_module("act", ACTIVATION())
        self.proj.add_module("ln", ConvNorm(heads * value, width, bn_weight_init=last))
        self.attention_biases = nn.Parameter(torch.zeros(heads, grid[0] * grid[1]))

    def attended(self, query: Tensor, keys: Tensor, values: Tensor, stride: int) -> Tensor:
        """Attend from queries (N, C, h', w') to keys and values (N, C, h, w); returns (N, width, h', w')."""
        size = (keys.shape[-2], keys.shape[-1])
        q, k, v = (
            part.reshape(len(part), self.heads, -1, part.shape[-2] * part.shape[-1]).mT.contiguous()
            for part in (query, keys, values)
        )
        found = F.scaled_dot_product_attention(q, k, v, attn_mask=self._biases(size, stride).to(q.dtype))
        result: Tensor = self.proj(found.mT.reshape(len(query), -1, *query.shape[-2:]))
        return result

    def _biases(self, size: tuple[int, int], stride: int) -> Tensor:
        """Bias of each pair of places, (1, heads, queries, keys)."""
        table = self.attention_biases.view(1, self.heads, *self.grid)
        if size != self.grid:
            table = F.interpolate(table, size=size, mode="bilinear", align_corners=True)
        device = table.device
        down, across = (
            (torch.arange(0, side, stride, device=device)[:, None] - torch.arange(side, device=device)).abs()
            for side in size
        )
        found = table[:, :, down[:, None, :, None], across[None, :, None, :]]  # (1, heads, h', w', h, w)
        return found.flatten(4).flatten(2, 3)


class _Attention(_Biased):
    def __init__(self, width: int, heads: int, key: int, grid: tuple[int, int]) -> None:
        super().__init__(heads, key, RATIO * key, width, grid, last=0)
        self.qkv = ConvNorm(width, heads * (2 + RATIO) * key)

    def forward(self, features: Tensor) -> Tensor:
        heads = self.qkv(features).unflatten(1, (self.heads, -1))
        query, keys, values = (part.flatten(1, 2) for part in heads.split([self.key, self.key, self.value], dim=2))
        return self.attended(query, keys, values, 1)


class _SubsamplingAttention(_Biased):
    def __init__(self, before: int, width: int, key: int, grid: tuple[int, int]) -> None:
        heads = before // key
        super().__init__(heads, key, SUBSAMPLING_RATIO * key, width, grid, last=1)
        self.kv = ConvNorm(before, heads * (1 + SUBSAMPLING_RATIO) * key)
        self.q = nn.Sequential()
        self.q.add_module("ln", ConvNorm(before, heads * key))

    def forward(self, features: Tensor) -> Tensor:
        heads = self.kv(features).unflatten(1, (self.heads, -1))
        keys, values = (part.flatten(1, 2) for part in heads.split([self.key, self.value], dim=2))
        return self.attended(self.q(features[..., ::SUBSAMPLED, ::SUBSAMPLED]), keys, values, SUBSAMPLED)
