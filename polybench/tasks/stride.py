"""The stride of a net: how many pixels of the image one step on its coarsest grid of features is."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

PROBE = 512
"""Height and width of the image that a net is looked through with, pixels."""

GLOBAL = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)
"""What sees the whole image at once; its grid has no stride."""


def stride_of(net: nn.Module, sizes: Sequence[tuple[int, int]]) -> int | None:
    """Find the stride on the meta device, where nothing costs memory or arithmetic.

    A grid counts where a module makes it smaller than what it is given, unless it sees the whole image at once.

    Args:
        net: Takes images (1, 3, H, W); it stays as it is.
        sizes: Heights and widths to try, in this order.

    Returns:
        The stride; None for a net that can't be looked through.
    """
    for height, width in sizes:
        try:
            return _stride(copy.deepcopy(net).to("meta").eval(), height, width)
        except Exception:  # whatever a net's forward raises on images of this size, or without values
            continue
    return None


def _stride(net: nn.Module, height: int, width: int) -> int:
    grids = {height: 1}

    def look(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        rows = max((one.shape[-2] for one in inputs if _is_map(one)), default=0)
        if _is_map(output) and rows > output.shape[-2]:
            before = grids.get(rows, round(height / rows))
            grids.setdefault(output.shape[-2], before * round(rows / output.shape[-2]))

    for module in net.modules():
        if module is not net and not any(isinstance(part, GLOBAL) for part in module.modules()):
            module.register_forward_hook(look)
    with torch.no_grad():
        net(torch.empty(1, 3, height, width, device="meta"))
    return max(grids.values())


def _is_map(value: Any) -> bool:
    return isinstance(value, Tensor) and value.ndim == 4
