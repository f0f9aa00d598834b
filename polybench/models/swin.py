"""Blocks of Swin Transformer for maps of any size, and the first stage of Swin-T as their start weights.

Paper: Liu et al., "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows", ICCV 2021. The layers are
timm's, which builds its attention mask for one size of the map; here the mask is made for the map at hand.
"""

from collections.abc import Mapping
from pathlib import Path

import timm
import torch
from timm.layers.pos_embed_rel import resize_rel_pos_bias_table_simple
from timm.models.swin_transformer import SwinTransformerBlock, window_partition, window_reverse
from torch import Tensor, nn

from polybench.core.errors import ConfigError
from polybench.core.weight_file import read_weights, refuse_not_floating

BLOCKED = -100.0
"""Added to the attention between places that a shifted window brings together from both ends of the map, as in Swin."""

SWIN_T = "swin_tiny_patch4_window7_224"

STAGE = "layers.0.blocks."
"""Prefix of the first stage in the state dict of timm's `swin_tiny_patch4_window7_224`, and in the authors' own."""

TABLE = "attn.relative_position_bias_table"

_STD = 0.02


class SwinBlock(SwinTransformerBlock):
    """A block of timm with windows of fixed size, for maps of any size.

    Linear layers start from a truncated normal distribution of standard deviation 0.02, biases from 0.

    Args:
        dim: Channels.
        heads: Heads of the attention.
        window: Side of a window.
        shift: Shift of the windows; an axis on which there is one window only isn't shifted, as in the paper's code.
    """

    def __init__(self, dim: int, heads: int, window: int, shift: int) -> None:
        super().__init__(dim, (window, window), num_heads=heads, window_size=window)
        self.side, self.shift = window, shift
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=_STD)
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Attend within windows, then transform each place.

        Args:
            x: (N, H, W, C), sides divisible by the window.

        Returns:
            (N, H, W, C).
        """
        x = x + self._attended(self.norm1(x))
        changed: Tensor = x + self.mlp(self.norm2(x))
        return changed

    def _attended(self, x: Tensor) -> Tensor:
        sides, channels = (x.shape[1], x.shape[2]), x.shape[3]
        shifts = tuple(self.shift if side > self.side else 0 for side in sides)
        x = torch.roll(x, [-shift for shift in shifts], (1, 2)) if any(shifts) else x
        windows = window_partition(x, (self.side, self.side)).view(-1, self.side**2, channels)
        mask = shift_mask(sides, self.side, shifts, x.device) if any(shifts) else None
        windows = self.attn(windows, mask=mask).view(-1, self.side, self.side, channels)
        x = window_reverse(windows, (self.side, self.side), *sides)
        return torch.roll(x, list(shifts), (1, 2)) if any(shifts) else x


def shift_mask(sides: tuple[int, int], window: int, shifts: tuple[int, ...], device: torch.device) -> Tensor:
    """Build what is added to the attention of shifted windows.

    Args:
        sides: Height and width of the map, divisible by the window.
        window: Side of a window.
        shifts: Shift along either axis.
        device: Device of the map.

    Returns:
        (windows, window ** 2, window ** 2): 0 between places that are neighbours in the map, -100 between others.
    """
    rows, columns = (
        (torch.arange(side, device=device) >= side - shift).float() for side, shift in zip(sides, shifts, strict=True)
    )
    regions = (2 * rows[:, None] + columns).view(1, *sides, 1)
    labels = window_partition(regions, (window, window)).view(-1, window**2)
    return (labels[:, None] != labels[:, :, None]).float() * BLOCKED


def first_stage(state: Mapping[str, Tensor], blocks: nn.ModuleList) -> list[dict[str, Tensor]]:
    """Convert the first stage of a Swin Transformer to the state dicts of blocks.

    Its blocks, two in Swin-T, are repeated in order, and its tables of relative positions are interpolated to the
    window of the blocks.

    Args:
        state: The state dict of timm's `swin_tiny_patch4_window7_224`, or of another that the blocks fit.
        blocks: `SwinBlock`s.

    Returns:
        A state dict for each block.

    Raises:
        ConfigError: If it has no first stage, or one that doesn't fit.
    """
    donors: dict[int, dict[str, Tensor]] = {}
    for key, value in state.items():
        if key.startswith(STAGE):
            number, _, name = key.removeprefix(STAGE).partition(".")
            donors.setdefault(int(number), {})[name] = value
    if not donors:
        raise ConfigError(
            f"The weights have no first stage of a Swin Transformer (keys '{STAGE}0...'): give a state dict of timm's "
            "swin_tiny_patch4_window7_224."
        )
    ordered = [donors[number] for number in sorted(donors)]
    return [_fitted(ordered[place % len(ordered)], block) for place, block in enumerate(blocks)]


def _fitted(donor: Mapping[str, Tensor], block: nn.Module) -> dict[str, Tensor]:
    """The state dict of one block.

    Raises:
        ConfigError: If a tensor is missing, has another shape or is no floating-point tensor.
    """
    fitted: dict[str, Tensor] = {}
    for name, own in block.state_dict().items():
        if name not in donor:
            raise ConfigError(f"The weights have no '{STAGE}<block>.{name}': give timm's {SWIN_T}.")
        refuse_not_floating({name: donor[name]}, {name: own}, SWIN_T)
        value = donor[name].detach().float().cpu()
        if name == TABLE and value.shape[1:] == own.shape[1:] and value.shape != own.shape:
            side = (round(own.shape[0] ** 0.5) + 1) // 2
            value = resize_rel_pos_bias_table_simple(value, (side, side), tuple(own.shape))
        if value.shape != own.shape:
            raise ConfigError(
                f"ImageNet weights of Swin-T fit dim 96 and 3 heads ('{name}' has the shape {list(value.shape)} there, "
                f"{list(own.shape)} here): set these, or pretrained: false."
            )
        fitted[name] = value
    return fitted


def swin_state(source: str) -> Mapping[str, Tensor]:
    """Read the weights of Swin-T.

    Args:
        source: `imagenet` for timm's, from its cache or over the network, or the path of a state dict, as timm (.pth,
            .safetensors) and the authors of Swin (under `model`) store it.

    Raises:
        ConfigError: If they can't be had, or the file isn't one of weights.
    """
    if source == "imagenet":
        return _imagenet_state()
    path = Path(source).expanduser()
    if not path.is_file():
        raise ConfigError(f"pretrained: there is no file '{path}': give a state dict of timm's {SWIN_T}, or false.")
    return read_weights(path).state_dict()


def _imagenet_state() -> Mapping[str, Tensor]:
    try:
        state: Mapping[str, Tensor] = timm.create_model(SWIN_T, pretrained=True).state_dict()
    except Exception as error:  # of the network, the hub or a broken file
        raise ConfigError(
            f"Swin-T's ImageNet weights can't be had ({_reason(error)}): connect to the network once, give a state "
            f"dict of timm's {SWIN_T} with --model.net.pretrained FILE, or add --model.net.pretrained false to start "
            "from random weights."
        ) from error
    return state


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0].rstrip('.')}"
