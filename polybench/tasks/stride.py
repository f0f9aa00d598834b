"""Stride of a net: the pixels of the image per step of its coarsest feature map."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from polybench.tasks.outputs import tensors_in

PROBE = 512
"""Height and width of the image of a dry run, in pixels."""

GLOBAL = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)
"""Modules that see the whole image at once; their outputs have no stride."""


def stride_of(net: nn.Module, sizes: Sequence[tuple[int, int]]) -> int | None:
    """Find the stride of a net by a dry run on the meta device.

    Feature maps count where a module takes or returns them, except those of global pooling.

    Args:
        net: Takes images (1, 3, H, W); it is not changed.
        sizes: Heights and widths to try, in this order.

    Returns:
        The stride; None for a net that can't run on the meta device.
    """
    for height, width in sizes:
        try:
            return _stride(copy.deepcopy(net).to("meta").eval(), height, width)
        except Exception:  # whatever a net's forward raises on images of this size, or without values
            continue
    return None


def _stride(net: nn.Module, height: int, width: int) -> int:
    grids, pooled = {height: 1}, {1}

    def record_grids(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        before, after = _rows(inputs), _rows(output)
        if isinstance(module, GLOBAL):
            pooled.update(after)
            return
        for rows in sorted(before - pooled, reverse=True):
            grids.setdefault(rows, round(height / rows))  # made by a function, not a module
        if any(isinstance(part, GLOBAL) for part in module.modules()):
            return
        for rows in after - pooled:
            if before and rows < max(before):
                grids.setdefault(rows, grids.get(max(before), 1) * round(max(before) / rows))

    for module in net.modules():
        if module is not net:
            module.register_forward_hook(record_grids)
    with torch.no_grad():
        net(torch.empty(1, 3, height, width, device="meta"))
    return max(grids.values())


def _rows(values: Any) -> set[int]:
    """Return the heights of the maps (N, C, H, W) among a module's inputs or outputs."""
    return {value.shape[-2] for value in tensors_in(values) if value.ndim == 4}
