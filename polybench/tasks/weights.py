"""Weights of a checkpoint: a check that they are finite, and digests for comparisons."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from polybench.core.errors import ConfigError

_INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}
"""Bytes of a floating-point type -> the integer type of the same size."""


def tensors_of(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the tensors of a state by name, without other extra state of modules."""
    return {name: value for name, value in state.items() if isinstance(value, Tensor)}


def weights_of(saved: Mapping[str, Any], path: object) -> Mapping[str, Any]:
    """Return the `state_dict` of a checkpoint.

    Args:
        saved: The checkpoint's content.
        path: Its file, for messages.

    Raises:
        ConfigError: If it has none, or one without tensors.
    """
    state = saved.get("state_dict")
    if not isinstance(state, Mapping):
        raise ConfigError(f"'{path}' has no 'state_dict': give a checkpoint of polybench, such as best.ckpt.")
    wrong = next((name for name, value in state.items() if not isinstance(value, Tensor)), None)
    if wrong is not None and not str(wrong).endswith("_extra_state"):
        raise ConfigError(
            f"'{wrong}' in the 'state_dict' of '{path}' is of type {type(state[wrong]).__name__}, not a tensor: give a "
            "checkpoint of polybench, such as best.ckpt."
        )
    return state


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


def weights_sha256(state: Mapping[str, Any]) -> str:
    """Hash names, types, shapes and bytes of all tensors of a state, in the order of their names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors_of(state).items()):
        plain = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {plain.dtype} {tuple(plain.shape)}\n".encode())
        if plain.numel():
            digest.update(plain.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def bit_sums(tensors: Iterable[Tensor]) -> Tensor:
    """Sum the bits of each tensor, read as integers: equal for equal tensors, on any device and in any order.

    Returns:
        int64, (number of tensors,), on the CPU.
    """
    sums = []
    for tensor in tensors:
        plain = tensor.detach().contiguous()
        integer = _INTEGERS.get(plain.element_size()) if plain.is_floating_point() else None
        sums.append((plain.view(integer) if integer else plain).sum(dtype=torch.int64).cpu())
    return torch.stack(sums) if sums else torch.empty(0, dtype=torch.int64)
