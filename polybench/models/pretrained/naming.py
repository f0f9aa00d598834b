"""Which tensor of a file belongs to which tensor of an encoder."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from polybench.core.errors import ConfigError
from polybench.core.weight_file import refuse_not_floating
from polybench.models.pretrained.caches import TIMM

COUNTER = "num_batches_tracked"
"""Batches that a batch norm has seen: no weight, and nothing reads it."""


def weights_by_key(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a state without the counters of batch norms."""
    return {key: value for key, value in state.items() if not key.endswith(COUNTER)}


def in_order(name: str, tensors: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Give the tensors of a file the keys of timm's net, one to one in order.

    Args:
        name: The encoder, `tu-<name of timm>`.
        tensors: Those of the file, in its order.
        path: The file, for messages.

    Returns:
        Tensors by the keys of the encoder, the classifier's among them.

    Raises:
        ConfigError: If numbers or shapes differ.
    """
    import timm  # a second that other nets don't wait for

    with torch.device("meta"):
        whole = weights_by_key(timm.create_model(name.removeprefix(TIMM)).state_dict())
    given = weights_by_key(tensors)
    shapes = [tuple(value.shape) for value in given.values()]
    if shapes != [tuple(value.shape) for value in whole.values()]:
        raise ConfigError(
            f"The weights in '{path}' don't fit {name}: {len(given)} tensors, or their shapes, differ from the "
            f"{len(whole)} of timm's net."
        )
    return {f"model.{key}": value for key, value in zip(whole, given.values(), strict=True)}


def for_encoder(encoder: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Select the tensors of an encoder from those of a file, by their keys.

    Args:
        encoder: The encoder.
        tensors: By the keys of the encoder, or, for one of timm's, by those of timm's net; a classifier's and others
            are left out.
        path: The file, for messages.

    Returns:
        A tensor for each of the encoder's, counters of batch norms aside.

    Raises:
        ConfigError: If one is missing, has another shape, or is no floating-point tensor where the encoder's is.
    """
    wanted, given = weights_by_key(encoder.state_dict()), weights_by_key(tensors)
    if not wanted.keys() & given.keys():
        given = {f"model.{key}": value for key, value in given.items()}
    if missing := [key for key in wanted if key not in given]:
        raise ConfigError(
            f"The weights in '{path}' don't fit the encoder: {len(missing)} of its {len(wanted)} tensors are missing "
            f"('{missing[0]}' first, where the file has keys such as '{next(iter(tensors))}'): give a file of this "
            "encoder."
        )
    for key, value in wanted.items():
        if value.shape != given[key].shape:
            raise ConfigError(
                f"The weights in '{path}' don't fit the encoder: '{key}' is {tuple(given[key].shape)} there and "
                f"{tuple(value.shape)} here: give a file of this encoder."
            )
    selected = {key: given[key] for key in wanted}
    refuse_not_floating(selected, wanted, path)
    return selected
