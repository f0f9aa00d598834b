"""Weights of a checkpoint, and digests for comparisons."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from polybench.core.errors import ConfigError
from polybench.core.finite import tensors_of

_INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}
"""Bytes of a floating-point type -> the integer type of the same size."""


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
