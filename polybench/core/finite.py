"""Tensors of a state of weights, and which of them hold NaN or infinity."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

LARGEST = torch.finfo(torch.float32).max
"""Largest number of float32, in which nets compute."""

VARIANCE = "running_var"
"""End of the names of batch norm's variances."""


def tensors_of(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the tensors of a state by name, without other extra state of modules."""
    return {name: value for name, value in state.items() if isinstance(value, Tensor)}


def not_finite(state: Mapping[str, Any]) -> list[str]:
    """Return the names of the tensors with NaN or infinity, in their order.

    A tensor of only zeros and minus infinity is an attention mask, not a weight.
    """
    floats = {name: one for name, one in tensors_of(state).items() if one.is_floating_point() or one.is_complex()}
    if not floats:
        return []
    finite = torch.stack([torch.isfinite(one).all().cpu() for one in floats.values()]).tolist()
    suspects = [name for name, good in zip(floats, finite, strict=True) if not good]
    return [name for name in suspects if not _is_attention_mask(floats[name])]


def out_of_range(state: Mapping[str, Any]) -> dict[str, str]:
    """Return what no net can use, by name of the tensor: numbers beyond float32, and variances below 0."""
    found: dict[str, str] = {}
    for name, one in tensors_of(state).items():
        if one.dtype == torch.float64 and bool(((one.abs() > LARGEST) & one.isfinite()).any()):
            found[name] = f"numbers beyond those of float32, {LARGEST:.3g}"
        elif name.endswith(VARIANCE) and one.is_floating_point() and bool((one < 0).any()):
            found[name] = "variances below 0"
    return found


def _is_attention_mask(tensor: Tensor) -> bool:
    if tensor.is_complex():
        return False
    return bool(((tensor == 0) | (tensor == -torch.inf)).all() and (tensor == 0).any())
