"""The stride of a net: how many pixels of the image one step on its coarsest grid of features is."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from polybench.tasks.outputs import tensors_in

PROBE = 512
"""Height and width of the image that a net is looked through with, pixels."""

GLOBAL = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)
"""What sees the whole image at once; its grid has no stride."""


def stride_of(net: nn.Module, sizes: Sequence[tuple[int, int]]) -> int | None:
    """Find the stride on the meta device, where nothing costs memory or arithmetic.

    A grid counts where a module takes or gives it, unless what makes it sees the whole image at once.

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
    grids, pooled = {height: 1}, {1}

    def look(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        before, after = _rows(inputs), _rows(output)
        if isinstance(module, GLOBAL):
            pooled.update(after)
            return
        for rows in sorted(before - pooled, reverse=True):
            grids.setdefault(rows, round(height / rows))  # something that is no module has made it
        if any(isinstance(part, GLOBAL) for part in module.modules()):
            return
        for rows in after - pooled:
            if before and rows < max(before):
                grids.setdefault(rows, grids.get(max(before), 1) * round(max(before) / rows))

    for module in net.modules():
        if module is not net:
            module.register_forward_hook(look)
    with torch.no_grad():
        net(torch.empty(1, 3, height, width, device="meta"))
    return max(grids.values())


def _rows(values: Any) -> set[int]:
    """Heights of the maps (N, C, H, W) among what a module takes or gives."""
    return {value.shape[-2] for value in tensors_in(values) if value.ndim == 4}
