"""Outputs of nets: a tensor, a list with the finest first, or a mapping of named outputs that includes `logits`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from polybench.core.errors import ConfigError
from polybench.tasks.activation import refuse_activation

LOGITS = "logits"

Outputs = Tensor | list[Tensor] | dict[str, Any]
"""A net's outputs in their own structure, with logits as one foreground channel at image size.

In a mapping, `logits` is the prediction (a tensor, or a list with the finest first); other entries are unchanged.
"""


def named_logits(output: Any) -> list[Any]:
    """Return the logits among a net's outputs, unchanged, the finest first.

    Raises:
        ConfigError: If the net returned a mapping without `logits`.
    """
    if isinstance(output, Mapping):
        if LOGITS not in output:
            names = ", ".join(map(str, output)) or "nothing"
            raise ConfigError(f"The net returns a mapping of {names}: name its prediction '{LOGITS}'.")
        output = output[LOGITS]
    return list(output) if isinstance(output, list | tuple) else [output]


def foreground_outputs(output: Any, size: Sequence[int]) -> Outputs:
    """Convert the logits among a net's outputs to one foreground channel at image size, and keep the structure.

    Args:
        output: Outputs of the net.
        size: Height and width of the images.

    Raises:
        ConfigError: If the logits have the wrong shape, or a mapping has none.
    """
    logits = [foreground_logits(one, size) for one in named_logits(output)]
    if not isinstance(output, Mapping):
        return logits if isinstance(output, list | tuple) else logits[0]
    several = isinstance(output[LOGITS], list | tuple)
    return {**output, LOGITS: logits if several else logits[0]}


def logits_of(outputs: Outputs) -> list[Tensor]:
    """Return the foreground logits (N, 1, H, W) of outputs, the finest first; the first is the prediction."""
    found = named_logits(outputs)
    if not found:
        raise ConfigError("The net returns an empty list: return logits, the finest first.")
    return found


def foreground_logits(logits: Tensor, size: Sequence[int]) -> Tensor:
    """Convert a net's output to one foreground channel at image size.

    Args:
        logits: (N, 1, h, w), or (N, 2, h, w) for a softmax over background and foreground.
        size: Height and width of the images.

    Returns:
        (N, 1, H, W); coarser outputs are resized bilinearly.

    Raises:
        ConfigError: If it has another type or shape.
    """
    if not isinstance(logits, Tensor) or logits.ndim != 4:
        what = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ConfigError(
            f"A segmentation net must return logits (N, 1, H, W) or (N, 2, H, W) for each output, not {what}: leave "
            "out other outputs (aux_params of a net of segmentation_models_pytorch), or return a mapping with 'logits'."
        )
    refuse_activation(logits)
    if logits.shape[1] == 2:
        logits = logits[:, 1:] - logits[:, :1]
    if logits.shape[1] != 1:
        raise ConfigError(
            "Segmentation is of one class against the background: the net must have one output channel, or two for a "
            f"softmax over both, not {logits.shape[1]}."
        )
    if tuple(logits.shape[-2:]) != tuple(size):
        logits = F.interpolate(logits, size=tuple(size), mode="bilinear", align_corners=False)
    return logits


def object_logits(logits: Any) -> Tensor:
    """Convert a classifier's output, (N, 1), or (N, 2) for a softmax over background and object, to one logit (N,).

    Args:
        logits: The output, or a mapping with the output as `logits`.

    Raises:
        ConfigError: If the net returns neither one nor two numbers per patch.
    """
    found = named_logits(logits)[0] if isinstance(logits, Mapping) else logits
    refuse_activation(found)
    if not isinstance(found, Tensor) or found.ndim != 2 or found.shape[1] not in (1, 2):
        what = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise ConfigError(f"A patch classifier must return logits (N, 1) or (N, 2), not {what}.")
    return found[:, 0] if found.shape[1] == 1 else found[:, 1] - found[:, 0]


def tensors_in(outputs: Any) -> Iterator[Tensor]:
    """Yield every tensor among a net's outputs."""
    if isinstance(outputs, Tensor):
        yield outputs
    elif isinstance(outputs, Mapping):
        for value in outputs.values():
            yield from tensors_in(value)
    elif isinstance(outputs, list | tuple):
        for value in outputs:
            yield from tensors_in(value)


def sum_of_logits(output: Any) -> Tensor:
    """Sum all logits; the sum has a gradient wherever a loss of logits has one."""
    return torch.stack([one.sum() for one in named_logits(output)]).sum()


def sum_of_all(output: Any) -> Tensor:
    """Sum every output that can have a gradient."""
    return torch.stack([one.float().sum() for one in tensors_in(output) if one.requires_grad]).sum()
