"""Tensors of a state of weights, and which of them hold NaN or infinity."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


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


def _is_attention_mask(tensor: Tensor) -> bool:
    if tensor.is_complex():
        return False
    return bool(((tensor == 0) | (tensor == -torch.inf)).all() and (tensor == 0).any())
