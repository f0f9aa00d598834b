"""Vision transformers for maps of any size, and weights of timm's as their start.

Paper: Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021. The blocks are timm's. There is no class token.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

import timm
import torch
from timm.layers.std_conv import StdConv2dSame
from timm.layers.weight_init import trunc_normal_
from timm.models.resnetv2 import ResNetV2
from timm.models.vision_transformer import Block
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.core.errors import ConfigError
from polybench.core.weight_file import read_weights, refuse_not_floating


class Tokens(nn.Module):
    """Transformer blocks over the places of a map, with learned positions that are interpolated to its size.

    Args:
        dim: Channels of a token, a multiple of the heads.
        depth: Blocks.
        heads: Heads of each block's attention.
        grid: Height and width of the map that the positions are made for.
    """

    def __init__(self, dim: int, depth: int, heads: int, grid: tuple[int, int]) -> None:
        super().__init__()
        self.grid = grid
        self.positions = nn.Parameter(torch.zeros(1, grid[0] * grid[1], dim))
        trunc_normal_(self.positions, std=0.02)
        self.blocks = nn.Sequential(*(Block(dim, heads, qkv_bias=True) for _ in range(depth)))
        self.norm = nn.LayerNorm(dim, eps=1e-6)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, dim, h, w) to the same shape."""
        size = features.shape[-2:]
        tokens = features.flatten(2).mT + self._positions_at(size)
        found: Tensor = self.norm(self.blocks(tokens))
        return found.mT.reshape(len(features), -1, *size)

    def _positions_at(self, size: tuple[int, ...]) -> Tensor:
        if tuple(size) == self.grid:
            return self.positions
        maps = self.positions.mT.reshape(1, -1, *self.grid)
        return F.interpolate(maps, size=tuple(size), mode="bicubic", align_corners=False).flatten(2).mT


class HybridEncoder(nn.Module):
    """Three stages of a residual net and a transformer, with the encoder contract of segmentation_models_pytorch.

    Args:
        widths: Channels of the residual stages.
        layers: Blocks of each.
        dim: Channels of the transformer.
        depth: Its blocks.
        heads: Heads of each.
    """

    def __init__(
        self, widths: tuple[int, int, int], layers: tuple[int, int, int], dim: int, depth: int, heads: int
    ) -> None:
        super().__init__()
        stem = widths[0] // 4
        self.out_channels = [stem, *widths[:2], dim]
        self.backbone = ResNetV2(
            layers=list(layers),
            channels=widths,
            num_classes=0,
            global_pool="",
            preact=False,
            stem_chs=stem,
            stem_type="same",
            conv_layer=partial(StdConv2dSame, eps=1e-8),
        )
        self.embedding = nn.Conv2d(widths[2], dim, 1)
        self.tokens = Tokens(dim, depth, heads, (14, 14))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Extract the feature pyramid.

        Args:
            images: (N, 3, H, W), sides divisible by 16.

        Returns:
            Maps of the stem, of two residual stages and of the transformer: (N, C_i, H / 2^(i+1), W / 2^(i+1)),
                i = 0..3.
        """
        stem = cast(Any, self.backbone.stem)
        pyramid: list[Tensor] = [stem.norm(stem.conv(images))]
        features = stem.pool(pyramid[0])
        for stage in self.backbone.stages:
            features = stage(features)
            pyramid.append(features)
        return [*pyramid[:3], self.tokens(self.embedding(pyramid[3]))]


def transformer_state(model: str, source: bool | str) -> Mapping[str, Tensor]:
    """Read the weights of one of timm's transformers.

    Args:
        model: Its name.
        source: True, or `imagenet`, for timm's, from its cache or over the network; or the path of a state dict.

    Raises:
        ConfigError: If they can't be had, or the file isn't one of weights.
    """
    if source not in (True, "imagenet"):
        path = Path(str(source)).expanduser()
        if not path.is_file():
            raise ConfigError(f"pretrained: there is no file '{path}': give a state dict of timm's {model}, or false.")
        return read_weights(path).state_dict()
    try:
        state: Mapping[str, Tensor] = timm.create_model(model, pretrained=True, num_classes=0).state_dict()
    except Exception as error:  # of the network, the hub or a broken file
        reason = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0].rstrip('.')}"
        raise ConfigError(
            f"The weights of {model} can't be had ({reason}): connect to the network once, give a state dict of timm's "
            f"{model} with --model.net.pretrained FILE, or start from random ones with --model.net.pretrained false."
        ) from error
    return state


def fill(part: nn.Module, names: Mapping[str, str], state: Mapping[str, Tensor], model: str) -> None:
    """Fill a part of a net with the tensors of one of timm's transformers; positions are resized to the part's grid.

    Args:
        part: The part; one on the meta device is left as it is.
        names: Start of a key of the part -> start of the transformer's key.
        state: The transformer's state dict; tensors that the part lacks, such as those of further blocks, are left out.
        model: The transformer's name, for messages.

    Raises:
        ConfigError: If a tensor is missing, has another shape or is no floating-point tensor.
    """
    own = part.state_dict()
    with torch.no_grad():
        for key, value in own.items():
            if key.endswith("num_batches_tracked"):
                continue
            start = next(one for one in names if key.startswith(one))
            theirs = names[start] + key.removeprefix(start)
            if theirs not in state:
                raise ConfigError(f"The weights have no '{theirs}': give a state dict of timm's {model}.")
            refuse_not_floating({theirs: state[theirs]}, {theirs: value}, model)
            found = state[theirs].float().cpu()
            if key.endswith("positions"):
                found = _resized(found, value, part.get_submodule(key.rpartition(".")[0]))
            if found.shape != value.shape:
                raise ConfigError(
                    f"The weights of {model} don't fit: '{theirs}' has the shape {list(found.shape)} there and "
                    f"{list(value.shape)} here: keep the net's default sizes, or set pretrained: false."
                )
            value.copy_(found)


def _resized(theirs: Tensor, ours: Tensor, tokens: nn.Module) -> Tensor:
    """Positions (1, P, dim) without those of class and distillation tokens, resized from a square grid to ours."""
    assert isinstance(tokens, Tokens)
    side = int(theirs.shape[1] ** 0.5)
    theirs = theirs[:, theirs.shape[1] - side**2 :]
    if theirs.shape == ours.shape and tokens.grid == (side, side):
        return theirs
    maps = theirs.mT.reshape(1, -1, side, side)
    return F.interpolate(maps, size=tokens.grid, mode="bicubic", align_corners=False).flatten(2).mT
